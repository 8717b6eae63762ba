"""How well the classes of a dataset are told apart by what is not the picture: the facts of the files, and
eight by eight colours.

A detector trained on such data can reach as much without learning anything about generators, and its test
figures look excellent (Torralba & Efros, "Unbiased look at dataset bias", CVPR 2011; for this field, Grommelt
et al., "Fake or JPEG?", 2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from detector.datasets.image_facts import facts
from detector.datasets.telling_facts import TellingFact, telling_facts
from detector.evaluation.curves import Curves
from detector.evaluation.formulas import ROC_AUC
from detector.evaluation.intervals import Estimate
from detector.evaluation.shortcut import FOLDS, MAX_ROWS, as_numbers, scores_of_trees

MOST_THUMBNAILS = 6_000
"""A thumbnail has 192 numbers, each of which the trees look through."""
LEAST_OF_CLASS = 10
LEAST_SOURCES = 5
"""Of each class, for whole sources to be left out."""
MUCH, SOME = 0.9, 0.65
"""Areas from which on shortcuts tell the classes apart nearly always, and often."""


@dataclass(frozen=True)
class ShortcutAudit:
    """by_facts, by_thumbnail: ROC AUC of a small model on images that it did not see. elsewhere: that of the
    facts on whole sources that it did not see; None where there are too few. facts: what the classes differ
    in. rows: how many images were used."""

    by_facts: Estimate
    by_thumbnail: Estimate
    elsewhere: Estimate | None
    facts: tuple[TellingFact, ...]
    rows: int

    @property
    def verdict(self) -> str:
        """One sentence on what that means."""
        area = self.by_facts.value
        thumbnail = self.by_thumbnail.value
        if area >= MUCH:
            return "A ruler tells the classes apart: the files alone give the answer away."
        if thumbnail >= MUCH:
            return "Eight by eight colours tell the classes apart: they show different subjects or styles."
        if area >= SOME:
            return "The files give the answer away in part: part of a model's figures may come from that."
        if thumbnail >= SOME:
            return "The files say little, but rough colours give the answer away in part."
        return "Neither the files nor rough colours say much about the class."

    @property
    def serious(self) -> bool:
        """Whether a shortcut nearly always gives the answer."""
        return max(self.by_facts.value, self.by_thumbnail.value) >= MUCH

    @property
    def some(self) -> bool:
        """Whether a shortcut often gives the answer."""
        return max(self.by_facts.value, self.by_thumbnail.value) >= SOME


def audit_shortcuts(rows: pd.DataFrame, measurements: np.ndarray, groups: np.ndarray) -> ShortcutAudit | None:
    """Gradient-boosted trees on the facts, and on the thumbnails, scored on images whose group they did not
    see (5 folds). None where a class has fewer than ``LEAST_OF_CLASS`` images, or too few groups.

    rows, measurements: as in `Examined`. groups (n,): near-duplicates share one. At most ``MAX_ROWS`` images
    are used, ``MOST_THUMBNAILS`` for the thumbnails, drawn with a fixed seed.
    """
    chosen = _some(len(rows), MAX_ROWS)
    table = facts(measurements[chosen])
    y_true = rows["y_true"].to_numpy()[chosen]
    if not _enough(y_true, groups[chosen]):
        return None
    by_facts = _area(_numbers(table), y_true, groups[chosen])
    few = chosen[_some(len(chosen), MOST_THUMBNAILS)]
    labels = rows["y_true"].to_numpy()[few]
    colours = measurements["colours"][few].reshape(len(few), -1).astype(np.float32)
    by_thumbnail = _area(colours, labels, groups[few]) if _enough(labels, groups[few]) else None
    if by_facts is None or by_thumbnail is None:
        return None
    sources = pd.factorize(rows["source"])[0][chosen]
    elsewhere = None
    if _fewest_groups(y_true, sources) >= LEAST_SOURCES:
        elsewhere = _area(_numbers(table), y_true, sources)
    telling = tuple(telling_facts(table, y_true))
    return ShortcutAudit(by_facts, by_thumbnail, elsewhere, telling, len(chosen))


def _some(count: int, most: int) -> np.ndarray:
    """Places of at most so many of ``count`` rows, in order."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, most, replace=False))


def _enough(y_true: np.ndarray, groups: np.ndarray) -> bool:
    smallest = min(np.count_nonzero(y_true == 0), np.count_nonzero(y_true == 1))
    return bool(smallest >= LEAST_OF_CLASS) and _fewest_groups(y_true, groups) >= FOLDS


def _fewest_groups(y_true: np.ndarray, groups: np.ndarray) -> int:
    """Of either class."""
    return min(len(np.unique(groups[y_true == label])) for label in (0, 1))


def _numbers(table: pd.DataFrame) -> np.ndarray:
    """float64 (n, facts), -1 for what an image does not have: a column that happens to be empty in one of the
    folds could not be binned."""
    numbers = np.column_stack([as_numbers(table[column]) for column in table])
    return np.where(np.isnan(numbers), -1.0, numbers)


def _area(table: np.ndarray, y_true: np.ndarray, groups: np.ndarray) -> Estimate | None:
    try:
        scores = scores_of_trees(table, y_true, groups)
    except ValueError:  # a fold was left with one class
        return None
    return ROC_AUC.of(Curves.of(y_true, scores))
