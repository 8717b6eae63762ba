"""The one table of metrics. A new metric is one entry of ``METRICS``; cards, the Evaluate page, comparisons,
the scoreboard and the report follow from it.

Of a metric it says what it is called, which way is better, how it is written, where it is shown beside the
list of all metrics, and its formula: a function of the confusion matrix, of the ranking, of each row or of
the bins of scores, each with the interval that belongs to its kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from detector.evaluation import formulas
from detector.evaluation.formulas import (
    CalibrationError,
    Formula,
    OfMatrix,
    OfRows,
    Predicted,
    proportion_of,
)
from detector.evaluation.intervals import Estimate

Estimates = dict[str, Estimate | None]
"""Metric -> estimate; None where the rows do not define it."""


class Direction(StrEnum):
    """Which way is better."""

    HIGHER = "higher is better"
    LOWER = "lower is better"


class Format(StrEnum):
    """How a value is written. The members are what Streamlit's columns are told."""

    PERCENT = "percent"
    NUMBER = "%.3f"

    def text(self, value: float) -> str:
        """The value, as people read it."""
        return f"{value:.1%}" if self is Format.PERCENT else f"{value:.3f}"


class Place(StrEnum):
    """Where some of the metrics are shown, beside the list of all of them."""

    HEADLINES = "headlines"
    """The figures on top of the Evaluate page."""
    CARD = "card"
    """What a bundle's card holds on each set."""
    CARD_TABLE = "card table"
    """What the app shows of that."""
    SCOREBOARD = "scoreboard"
    """The table of sets in docs/scoreboard.md."""
    PARTS = "parts"
    """The scoreboard by source and by generator."""
    SLICES = "slices"
    """The Evaluate page's tables of slices and of sets."""
    SLICES_FILE = "slices file"
    """What the slices' CSV file holds besides."""
    SLICE_CHARTS = "slice charts"
    """The figures over the table of slices; of proportions."""
    PERTURBATIONS = "perturbations"
    """The table of pictures before and after a perturbation."""
    CHANGE = "change"
    """What a perturbation changes, reported as a paired difference."""


@dataclass(frozen=True)
class Metric:
    """One metric. AI-generated is the positive class.

    name: its key in code and in files. title: what lists call it. meaning: what it says, in a sentence.
    places: where it is shown besides, with its position there. short, heading, in_words: what it is called
    over the columns of a slice table, of a wide table, and over a chart; the title unless given. listed:
    False for one that a list of all metrics leaves out, because another metric says the same.
    """

    name: str
    title: str
    formula: Formula
    direction: Direction = Direction.HIGHER
    format: Format = Format.NUMBER
    meaning: str = ""
    places: Mapping[Place, int] = field(default_factory=dict)
    heading: str = ""
    short: str = ""
    in_words: str = ""
    listed: bool = True

    def __post_init__(self) -> None:
        for name in ("heading", "short", "in_words"):
            if not getattr(self, name):
                object.__setattr__(self, name, self.title)

    def value(self, rows: Predicted, threshold: float) -> float | None:
        """The metric of these rows, AI-generated where y_score >= threshold; None where it is not defined."""
        return self.formula.value(rows, threshold)

    def estimate(self, rows: Predicted, threshold: float) -> Estimate | None:
        """The same with its 95% interval."""
        return self.formula.estimate(rows, threshold)

    @property
    def counted(self) -> str:
        """Which rows it is about: "n" (all), "n_ai" or "n_real", as columns of slice tables are called."""
        return self.formula.counted if isinstance(self.formula, OfMatrix) else "n"

    def is_better(self, difference: float) -> bool:
        """Whether a model that differs by that much from another is the better one."""
        return (difference > 0) == (self.direction is Direction.HIGHER)


_TABLE = (
    Metric(
        "accuracy",
        "Accuracy",
        proportion_of(hits=("tn", "tp"), among=("tn", "fp", "fn", "tp")),
        format=Format.PERCENT,
        meaning="Share of the pictures that are called rightly.",
        places={
            Place.CARD: 1,
            Place.CARD_TABLE: 1,
            Place.SCOREBOARD: 1,
            Place.PARTS: 1,
            Place.SLICES: 1,
            Place.SLICE_CHARTS: 1,
        },
        short="Right",
        in_words="Right calls",
    ),
    Metric(
        "balanced_accuracy",
        "Balanced accuracy",
        OfMatrix(formulas.balanced_accuracy, formulas.posterior, needs_both=True),
        format=Format.PERCENT,
        meaning=(
            "Mean of recall and specificity: 50% is guessing, however many pictures of each class there are."
        ),
        places={
            Place.HEADLINES: 1,
            Place.CARD: 2,
            Place.CARD_TABLE: 2,
            Place.SCOREBOARD: 2,
            Place.SLICES: 4,
            Place.PERTURBATIONS: 1,
            Place.CHANGE: 1,
        },
        short="Balanced",
    ),
    Metric(
        "precision",
        "Precision",
        proportion_of(hits=("tp",), among=("fp", "tp")),
        format=Format.PERCENT,
        meaning=(
            "Share of AI-generated pictures among those called so. It depends on how common they are in"
            " these rows."
        ),
        places={Place.HEADLINES: 4, Place.CARD: 3, Place.CARD_TABLE: 4},
    ),
    Metric(
        "recall",
        "Recall",
        proportion_of(hits=("tp",), among=("fn", "tp")),
        format=Format.PERCENT,
        meaning="Share of the AI-generated pictures that are caught.",
        places={
            Place.HEADLINES: 2,
            Place.CARD: 4,
            Place.CARD_TABLE: 5,
            Place.PARTS: 2,
            Place.SLICES: 2,
            Place.PERTURBATIONS: 2,
        },
        short="Caught",
        in_words="AI-generated caught",
    ),
    Metric(
        "specificity",
        "Specificity",
        proportion_of(hits=("tn",), among=("tn", "fp")),
        format=Format.PERCENT,
        meaning="Share of the real pictures that are called real.",
    ),
    Metric(
        "false_alarm_rate",
        "False alarms on real",
        proportion_of(hits=("fp",), among=("tn", "fp")),
        direction=Direction.LOWER,
        format=Format.PERCENT,
        meaning="Share of the real pictures that are called AI-generated.",
        places={
            Place.HEADLINES: 3,
            Place.CARD: 6,
            Place.CARD_TABLE: 6,
            Place.SCOREBOARD: 7,
            Place.PARTS: 3,
            Place.SLICES: 3,
            Place.SLICE_CHARTS: 2,
            Place.PERTURBATIONS: 3,
        },
        short="False alarms",
        in_words="False alarms on real pictures",
        listed=False,  # what the specificity leaves
    ),
    Metric(
        "f1",
        "F1",
        OfMatrix(formulas.f1, formulas.f1_estimate),
        meaning="Harmonic mean of precision and recall.",
        places={Place.CARD: 5, Place.SCOREBOARD: 5},
    ),
    Metric(
        "cohen_kappa",
        "Cohen's kappa",
        OfMatrix(formulas.cohen_kappa, formulas.posterior, needs_both=True),
        meaning="Agreement beyond chance.",
    ),
    Metric(
        "mcc",
        "Matthews correlation (MCC)",
        OfMatrix(formulas.mcc, formulas.posterior, needs_both=True),
        meaning="Correlation of call and truth.",
    ),
    Metric(
        "roc_auc",
        "ROC AUC",
        formulas.ROC_AUC,
        meaning=(
            "The chance that an AI-generated picture scores higher than a real one. No threshold changes it."
        ),
        places={
            Place.HEADLINES: 5,
            Place.CARD: 7,
            Place.CARD_TABLE: 3,
            Place.SCOREBOARD: 3,
            Place.PARTS: 4,
            Place.SLICES: 5,
            Place.PERTURBATIONS: 4,
            Place.CHANGE: 2,
        },
    ),
    Metric(
        "average_precision",
        "Average precision",
        formulas.AVERAGE_PRECISION,
        meaning="Mean precision at the scores of the AI-generated pictures.",
        places={Place.CARD: 8, Place.SCOREBOARD: 4, Place.SLICES_FILE: 1},
    ),
    Metric(
        "log_loss",
        "Log loss",
        OfRows(formulas.log_loss),
        direction=Direction.LOWER,
        meaning="Mean surprise at the truth.",
        places={Place.CARD: 9},
    ),
    Metric(
        "brier",
        "Brier score",
        OfRows(formulas.squared_error),
        direction=Direction.LOWER,
        meaning="Mean squared distance of the score from the truth.",
        places={Place.CARD: 10},
    ),
    Metric(
        "expected_calibration_error",
        "Expected calibration error",
        CalibrationError(),
        direction=Direction.LOWER,
        meaning="Mean distance of scores from the share that comes true.",
        places={Place.CARD: 11, Place.CARD_TABLE: 7, Place.SCOREBOARD: 6},
        heading="Calibration error",
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _TABLE}
"""Name -> metric, in the order of lists."""


def listed() -> list[Metric]:
    """The metrics of a list of all of them."""
    return [metric for metric in METRICS.values() if metric.listed]


def shown_in(place: Place) -> list[Metric]:
    """The metrics shown there, in the order they have there."""
    here = [metric for metric in METRICS.values() if place in metric.places]
    return sorted(here, key=lambda metric: metric.places[place])


def in_text(title: str) -> str:
    """A title within a sentence or a heading that begins in lower case; "F1" and "ROC AUC" stay."""
    is_acronym = title[:2].upper() == title[:2]
    return title if is_acronym else title[:1].lower() + title[1:]


def headline(y_true: np.ndarray, y_score: np.ndarray, threshold: float) -> dict[str, Any]:
    """The figures a card quotes. y_true (N,) of 0/1, y_score (N,) calibrated P(AI-generated); AI-generated
    where y_score >= threshold.

    Numbers of rows, the metrics of ``Place.CARD`` and the confusion matrix, as plain values; a metric that is
    not defined (one class only) is None. No rows have ``n`` alone.
    """
    rows = formulas.Rows(np.asarray(y_true), np.asarray(y_score, dtype=np.float64))
    if not len(rows.y_true):
        return {"n": 0}
    confusion_matrix = rows.curves.at(threshold)
    figures: dict[str, Any] = {
        "n": confusion_matrix.n,
        "n_ai": confusion_matrix.n_ai,
        "n_real": confusion_matrix.n_real,
    }
    for metric in shown_in(Place.CARD):
        figures[metric.name] = metric.value(rows, threshold)
    figures["confusion_matrix"] = confusion_matrix.matrix
    return figures
