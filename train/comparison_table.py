"""What a comparison of recipes prints: a row for each, as text, Markdown or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from detector.bundle import PREDICTIONS, Bundle
from detector.evaluation.formulas import Rows
from detector.evaluation.intervals import Estimate
from detector.evaluation.metrics import METRICS, Estimates
from detector.evaluation.predictions import read_predictions
from detector.evaluation.subsets import default_set, quoted_subsets

COMPARED = ("accuracy", "balanced_accuracy", "roc_auc", "f1", "cohen_kappa")
"""The metrics of the table, by their names in ``METRICS``."""
NOTHING = "–"
"""A cell for which there is no figure."""


@dataclass(frozen=True)
class Speed:
    """parameters: of the whole network. milliseconds: of one picture's way through it, the median of several
    and its 95% interval."""

    parameters: int
    milliseconds: Estimate


@dataclass(frozen=True)
class Row:
    """One recipe. error: the sentence why it has no figures, else "". rows: the set that was judged, and n
    how many pictures that are. estimates: name of each metric of ``COMPARED`` -> estimate. minutes: of
    training, validation included."""

    recipe: str
    run: str
    error: str = ""
    rows: str = ""
    n: int = 0
    estimates: Estimates = field(default_factory=dict)
    speed: Speed | None = None
    minutes: float | None = None


def judged(bundle: Bundle) -> tuple[str, int, Estimates]:
    """The set of a bundle's predictions that is compared, "test" where there is one, how many pictures it
    has, and its metrics at the bundle's threshold. Raises PredictionsError."""
    table = read_predictions(bundle.path / PREDICTIONS).rows
    sets = quoted_subsets(table)
    name = "test" if "test" in sets else default_set(sets)
    return name, *estimates_of(table[sets[name]] if name in sets else table, bundle.threshold)


def estimates_of(table: pd.DataFrame, threshold: float) -> tuple[int, Estimates]:
    """Number of the rows of a predictions table, and the metrics of ``COMPARED`` of them."""
    rows = Rows(table["y_true"].to_numpy(), table["y_score"].to_numpy(float))
    if not len(table):
        return 0, {}
    return len(table), {name: METRICS[name].estimate(rows, threshold) for name in COMPARED}


def headings() -> list[str]:
    """Of the table's columns."""
    metrics = [METRICS[name].heading for name in COMPARED]
    return ["Recipe", *metrics, "Parameters", "Time per picture", "Training"]


def cells(row: Row) -> list[str]:
    """What stands below ``headings``; for a recipe that failed its name alone."""
    if row.error:
        return [row.recipe, *[NOTHING] * (len(headings()) - 1)]
    metrics = [_estimate(row.estimates.get(name), METRICS[name].format.text) for name in COMPARED]
    speed = [NOTHING, NOTHING]
    if row.speed:
        digits = 0 if row.speed.milliseconds.value >= 10 else 1
        time = _estimate(row.speed.milliseconds, lambda value: f"{value:.{digits}f}")
        speed = [_count(row.speed.parameters), f"{time} ms"]
    training = NOTHING if row.minutes is None else f"{row.minutes:.1f} min"
    return [row.recipe, *metrics, *speed, training]


def _count(parameters: int) -> str:
    return f"{parameters / 1e6:.1f} M" if parameters >= 1e6 else f"{parameters / 1e3:.1f} k"


def _estimate(estimate: Estimate | None, text) -> str:
    if estimate is None:
        return NOTHING
    return f"{text(estimate.value)} ({text(estimate.low)} to {text(estimate.high)})"


def as_text(rows: Sequence[Row]) -> str:
    """For a terminal: columns of equal width, then a line on what was judged and one for each failure."""
    table = [headings(), *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for line in table:
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        lines.append("  ".join(padded).rstrip())
    return "\n".join([*lines, "", *_notes(rows)]) + "\n"


def as_markdown(rows: Sequence[Row]) -> str:
    """For a document."""
    table = [headings(), ["---"] * len(headings()), *map(cells, rows)]
    lines = [f"| {' | '.join(line)} |" for line in table]
    return "\n".join([*lines, "", *_notes(rows)]) + "\n"


def _notes(rows: Sequence[Row]) -> list[str]:
    sets = sorted({f"{row.n:,} pictures of the set “{row.rows}”" for row in rows if row.n})
    judged_on = [f"Judged on {' and '.join(sets)}; 95% intervals in brackets."] if sets else []
    failures = [f"{row.recipe}: {row.error}" for row in rows if row.error]
    return [*judged_on, *failures]


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Plain values, each estimate as value, low and high."""
    return [asdict(row) for row in rows]
