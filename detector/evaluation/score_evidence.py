"""What a score was worth on sources the model had never seen: of the pictures scored like this one, how many
were AI-generated.

Counted over the unseen rows whose subjects are matched across the classes, as they are, in bins of equal
counts. About half of these rows are AI-generated; where fewer pictures are, fewer of those with a high score
are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from detector.evaluation.intervals import Estimate, proportion
from detector.verdicts import Side

if TYPE_CHECKING:
    import pandas as pd

CARD_KEY = "unseen_scores"
"""Of the card's field that holds the bins."""
SETS = ("unseen, paired", "unseen2, paired")
MOST_BINS, ROWS_A_BIN = 10, 70
"""At most so many bins, each of at least so many rows: with fewer a share says little."""


@dataclass(frozen=True)
class ScoreBin:
    """The pictures with low <= y_score < high, or <= high in the last bin: n of them, n_ai AI-generated."""

    low: float
    high: float
    n: int
    n_ai: int

    def share(self, side: Side) -> Estimate:
        """How many of them were on ``side``, with Wilson's interval."""
        return proportion(self.n_ai if side is Side.AI else self.n - self.n_ai, self.n)


@dataclass(frozen=True)
class ScoreEvidence:
    """bins: from the lowest scores to the highest; never empty."""

    bins: tuple[ScoreBin, ...]

    @property
    def n(self) -> int:
        return sum(each.n for each in self.bins)

    @property
    def n_ai(self) -> int:
        return sum(each.n_ai for each in self.bins)

    def like(self, y_score: float) -> ScoreBin:
        """The pictures that were scored like this."""
        return next((each for each in self.bins if y_score < each.high), self.bins[-1])


def measure(rows: pd.DataFrame) -> ScoreEvidence | None:
    """rows: predictions with split, paired, y_true and y_score. None where too few of them are unseen and
    paired."""
    from detector.evaluation.subsets import quoted_subsets  # needs pandas, which reading a card does not

    subsets = quoted_subsets(rows)
    chosen = np.zeros(len(rows), dtype=bool)
    for name in SETS:
        chosen |= subsets.get(name, False)
    y_score, y_true = rows["y_score"].to_numpy()[chosen], rows["y_true"].to_numpy()[chosen]
    count = min(MOST_BINS, len(y_score) // ROWS_A_BIN)
    if count < 2:
        return None
    inner = np.unique(np.round(np.quantile(y_score, np.arange(1, count) / count), 4))
    edges = [0.0, *(float(edge) for edge in inner if 0 < edge < 1), 1.0]
    which = np.searchsorted(edges[1:-1], y_score, side="right")
    bins = []
    for number, (low, high) in enumerate(zip(edges, edges[1:], strict=False)):
        inside = y_true[which == number]
        bins.append(ScoreBin(low, high, len(inside), int(inside.sum())))
    return ScoreEvidence(tuple(each for each in bins if each.n))


def to_card(evidence: ScoreEvidence) -> dict[str, Any]:
    """As plain values."""
    bins = [{"low": each.low, "high": each.high, "n": each.n, "n_ai": each.n_ai} for each in evidence.bins]
    return {
        "measured_on": (
            f"{evidence.n:,} pictures of sources never trained or tuned on, real and AI-generated showing the"
            " same subjects"
        ),
        "bins": bins,
    }


def from_card(card: Mapping[str, Any]) -> ScoreEvidence | None:
    """None where the card does not hold it, or its word makes no sense."""
    try:
        bins = tuple(_bin(each) for each in card[CARD_KEY]["bins"])
    except (KeyError, TypeError, ValueError):
        return None
    in_order = all(left.high <= right.low for left, right in zip(bins, bins[1:], strict=False))
    return ScoreEvidence(bins) if bins and in_order else None


def _bin(values: Any) -> ScoreBin:
    """Raises KeyError, TypeError and ValueError."""
    found = ScoreBin(float(values["low"]), float(values["high"]), int(values["n"]), int(values["n_ai"]))
    if not (0 <= found.low < found.high <= 1 and 0 <= found.n_ai <= found.n and found.n):
        raise ValueError("a bin without pictures, or beyond the scale")
    return found
