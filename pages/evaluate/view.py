"""What the parts of the Evaluate page look at: a model's predictions, which of its rows, and at what
threshold."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from detector.bundle import Bundle
from detector.evaluation.column_mapping import Mapping
from detector.evaluation.curves import ConfusionMatrix
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.perturbed import CLEAN
from detector.evaluation.subsets import ALL_ROWS


@dataclass(frozen=True, eq=False)
class OwnTable:
    """A user's own file. sha256: of the file. frame: as it was read, whatever its columns are called.
    mapping: what they mean, or may mean."""

    name: str
    sha256: str
    frame: pd.DataFrame
    mapping: Mapping


@dataclass(frozen=True, eq=False)
class Source:
    """One model's predictions. version: changes whenever the rows do. bundle: None for a user's own file.
    stale: made by other weights. table: the user's own file, and what its columns mean."""

    name: str
    rows: pd.DataFrame
    version: str
    threshold: float
    bundle: Bundle | None = None
    stale: bool = False
    table: OwnTable | None = None


@dataclass(frozen=True)
class Part:
    """Which rows of a source are looked at: a named set, or within it those whose ``column`` reads
    ``value``; always of one perturbation."""

    set_name: str = ALL_ROWS
    column: str | None = None
    value: str | None = None
    perturbation: str = CLEAN

    def __str__(self) -> str:
        text = self.set_name
        if self.column and self.value:
            text += f", {self.column} {self.value}"
        if self.perturbation != CLEAN:
            text += f", after the delivery “{self.perturbation}”"
        return text


@dataclass(frozen=True, eq=False)
class View:
    """A source, the part of its rows that is looked at, and the threshold they are judged by."""

    source: Source
    evaluation: Evaluation
    threshold: float

    @property
    def name(self) -> str:
        """Of the model."""
        return self.source.name

    @property
    def confusion_matrix(self) -> ConfusionMatrix:
        return self.evaluation.curves.at(self.threshold)
