"""Before a promotion: the candidate beside the model that it replaces, on the same test pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from detector.bundle import PREDICTIONS, Bundle
from detector.datasets import labelled_images
from detector.evaluation.comparison import Pairs
from detector.evaluation.intervals import Estimate
from detector.evaluation.metrics import METRICS, headline
from detector.evaluation.perturbed import CLEAN, by_perturbation
from detector.evaluation.predictions import PredictionsError, read_predictions

COMPARED = ("balanced_accuracy", "roc_auc", "false_alarm_rate")
SIDES = ["width", "height"]
MOST_JUDGED = 200
"""Test pictures that the present model is asked about on the spot."""


@dataclass(frozen=True)
class Row:
    """One metric of both models on the pictures they share. difference: candidate minus present, paired."""

    title: str
    present: float | None
    candidate: float | None
    difference: Estimate | None


@dataclass(frozen=True)
class Comparison:
    """shared: on how many pictures both were tested; of_present, of_candidate: on how many each was.
    same_data: whether both models come from one data set with the same splits; otherwise one may have learned
    from what the other is tested on. rows: none where no picture is shared."""

    shared: int
    of_present: int
    of_candidate: int
    same_data: bool
    rows: tuple[Row, ...]


def tested_on(bundle: Bundle) -> pd.DataFrame:
    """The test pictures as they are, with the bundle's scores; none where its table is not there or not of
    its weights."""
    try:
        found = read_predictions(bundle.path / PREDICTIONS)
    except PredictionsError:
        return _nothing()
    own = found.weights_sha256 == bundle.weights_sha256
    return by_perturbation(found.rows)[CLEAN] if own else _nothing()


def compare(
    present: Bundle, candidate: Bundle, of_present: pd.DataFrame, of_candidate: pd.DataFrame
) -> Comparison:
    """Both models on the pictures that both tables hold: same id and label and, as far as both say it, the
    same size."""
    keys = ["id", "y_true", *(side for side in SIDES if side in of_present and side in of_candidate)]
    shared = of_present[keys].astype({"id": str}).merge(of_candidate[keys].astype({"id": str}), on=keys)
    ids = set(shared["id"])
    first, second = (rows[rows["id"].astype(str).isin(ids)] for rows in (of_present, of_candidate))
    pairs = Pairs.of(first, second)
    thresholds = present.threshold, candidate.threshold
    one = headline(pairs.y_true, pairs.first, thresholds[0])
    other = headline(pairs.y_true, pairs.second, thresholds[1])
    rows = [
        Row(METRICS[name].title, one.get(name), other.get(name), pairs.difference(name, *thresholds))
        for name in COMPARED
    ]
    return Comparison(
        shared=len(pairs.y_true),
        of_present=len(of_present),
        of_candidate=len(of_candidate),
        same_data=_manifest(present) is not None and _manifest(present) == _manifest(candidate),
        rows=tuple(rows) if len(pairs.y_true) else (),
    )


def judged_by(
    classifier: Any, rows: pd.DataFrame, data: str, told: Callable[[float], object]
) -> pd.DataFrame:
    """``MOST_JUDGED`` of the rows, as many of each class as can be, with the scores of another model: a
    ``Classifier``. data: the data set they come from, as it was named for the run. told: the share that is
    done. Pictures that are not there any more are left out. Raises DatasetError.
    """
    per_class = MOST_JUDGED // 2
    chosen = pd.concat([of_class.head(per_class) for _, of_class in _mixed(rows).groupby("y_true")])
    root = _root(data, str(chosen["id"].iloc[0]))
    scores: list[float] = []
    paths = [root / str(id) for id in chosen["id"]] if root else []
    for number, result in enumerate(classifier.analyse_files(paths), start=1):
        scores.append(result.analysis.y_score if result.analysis else math.nan)
        told(number / len(paths))
    return chosen.iloc[: len(scores)].assign(y_score=scores).dropna(subset="y_score")


def _root(data: str, id: str) -> Path | None:
    """The folder that the ids of a data set start at, which may lie inside the one that was named; None if
    the picture of that id is not there."""
    for path, _ in labelled_images(data):
        if path.as_posix().endswith(f"/{id}"):
            return Path(path.as_posix().removesuffix(id))
    return None


def _mixed(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows in an order that has nothing to do with their names, and is always the same."""
    return rows.sample(frac=1, random_state=0)


def _manifest(bundle: Bundle) -> str | None:
    training = bundle.card.get("training")
    dataset = training.get("dataset") if isinstance(training, Mapping) else None
    known = dataset.get("manifest_sha256") if isinstance(dataset, Mapping) else None
    return known if isinstance(known, str) else None


def _nothing() -> pd.DataFrame:
    return pd.DataFrame({"id": [], "y_true": [], "y_score": []})
