"""What tells the classes of a dataset apart without a look at a picture, in words: "71% of AI-generated
images are square; 4% of real ones are"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

LEAST_GAP = 0.1
"""Smaller differences between the classes are not worth a sentence."""
MOST_SENTENCES = 5
SAME = 0.9
"""Two facts that are true, or untrue, of this share of images together are one: "square" and "512 x 512"."""
COMMON_SIZES = 4
LEAST_SHARE = 0.02
"""Formats and sizes rarer than this in both classes are passed over."""


@dataclass(frozen=True)
class TellingFact:
    """what: completes "of the images are ...". ai, real: the shares of each class of which it is true."""

    what: str
    ai: float
    real: float

    @property
    def gap(self) -> float:
        """From -1, only of real images, to 1, only of AI-generated ones."""
        return self.ai - self.real

    def __str__(self) -> str:
        ai, real = _percent(self.ai), _percent(self.real)
        if self.gap >= 0:
            return f"{ai} of AI-generated images are {self.what}; {real} of real ones are."
        return f"{real} of real images are {self.what}; {ai} of AI-generated ones are."


def telling_facts(facts: pd.DataFrame, y_true: np.ndarray) -> list[TellingFact]:
    """At most ``MOST_SENTENCES``, the widest gap first, none a repetition of one before it.

    facts: as `image_facts.facts` makes it. Needs both classes.
    """
    ai = y_true == 1
    tried = []
    for what, true in _candidates(facts, ai):
        fact = TellingFact(what, float(true[ai].mean()), float(true[~ai].mean()))
        # Of two that say the same, a value is read more easily than a bound, and more of AI than of real.
        awkward = 0.02 * what.startswith(("at least", "at most")) + 0.01 * (fact.gap < 0)
        tried.append((abs(fact.gap) - awkward, fact, true))
    tried.sort(key=lambda each: -each[0])
    chosen: list[tuple[TellingFact, np.ndarray]] = []
    for _, fact, true in tried:
        if abs(fact.gap) < LEAST_GAP or len(chosen) == MOST_SENTENCES:
            break
        if not any(_one_fact(true, other) for _, other in chosen):
            chosen.append((fact, true))
    return [fact for fact, _ in chosen]


def _one_fact(true: np.ndarray, other: np.ndarray) -> bool:
    agreement = np.mean(true == other)
    return bool(agreement > SAME or agreement < 1 - SAME)


def _candidates(facts: pd.DataFrame, ai: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """(what, bool (n,)) of everything that might be worth saying."""
    width, height = facts["width"].to_numpy(), facts["height"].to_numpy()
    yield "square", width == height
    yield "wider than high", width > height
    yield "higher than wide", width < height
    for name in facts["format"].cat.categories:
        true = (facts["format"] == name).to_numpy()
        if max(true[ai].mean(), true[~ai].mean()) >= LEAST_SHARE:
            yield f"{name} files", true
    sizes = Counter(zip(width.astype(int).tolist(), height.astype(int).tolist(), strict=True))
    for (across, down), _ in sizes.most_common(COMMON_SIZES):
        yield f"exactly {across:,} x {down:,} pixels", (width == across) & (height == down)
    yield from _bounds(np.minimum(width, height), ai, "{:,.0f} pixels on the short side")
    yield from _bounds(facts["bytes"].to_numpy() / 1000, ai, "{:,.0f} kB large")
    yield from _bounds(facts["bytes_per_pixel"].to_numpy(), ai, "{:.2g} bytes for each pixel")
    yield from _bounds(facts["jpeg_quality"].to_numpy(), ai, "of JPEG quality {:.0f}")


def _bounds(values: np.ndarray, ai: np.ndarray, what: str) -> Iterator[tuple[str, np.ndarray]]:
    """The bound that parts the classes best (Kolmogorov and Smirnov's), as it is true of AI-generated images.
    Images without a value, of which nothing of the kind is true, are on neither side."""
    known = np.isfinite(values)
    if len(np.unique(values[known])) < 2 or not (known & ai).any() or not (known & ~ai).any():
        return
    order = np.argsort(values, kind="stable")
    order = order[known[order]]
    # The share of each class at or above each value.
    above_ai = 1 - np.concatenate([[0], np.cumsum(ai[order])])[:-1] / max(ai[order].sum(), 1)
    above_real = 1 - np.concatenate([[0], np.cumsum(~ai[order])])[:-1] / max((~ai[order]).sum(), 1)
    first = np.flatnonzero(np.diff(values[order], prepend=-np.inf))
    gaps = above_ai[first] - above_real[first]
    best = int(np.abs(gaps).argmax())
    bound = values[order][first[best]]
    if gaps[best] >= 0:
        yield f"at least {what.format(bound)}", known & (values >= bound)
    elif best > 0:
        below = values[order][first[best - 1]]
        yield f"at most {what.format(below)}", known & (values <= below)


def _percent(share: float) -> str:
    """Never 0% of what is there, nor 100% of what is not all."""
    if 0 < share < 0.005:
        return "less than 1%"
    if 0.995 <= share < 1:
        return "more than 99%"
    return f"{share:.0%}"
