"""A case whose pictures the user has labelled, as a test set of the user's own."""

from __future__ import annotations

import hashlib
from math import isfinite
from typing import Any

import pandas as pd

from detector.case_files import CaseError, read_case
from detector.cases import Case
from detector.evaluation.predictions import PredictionsError
from detector.verdicts import Side

NO_LABELS = (
    "This case holds no picture that has both a label of yours and a score. Open it on Classify, say what the"
    " pictures are under “My label”, and save it again."
)


def read_case_predictions(content: bytes) -> pd.DataFrame:
    """``case_predictions`` of a saved case. Raises PredictionsError."""
    try:
        return case_predictions(read_case(content))
    except CaseError as error:
        raise PredictionsError(str(error)) from error


def case_predictions(case: Case) -> pd.DataFrame:
    """A row for each picture with a label and a score: id (the file's SHA-256), name, y_true, y_score, source
    (the case's title), model, note. Raises PredictionsError if there is none."""
    rows = {}
    for picture in case.labelled:
        score = _score(picture.record)
        if score is None:
            continue
        digest = hashlib.sha256(picture.content).hexdigest()
        rows[digest] = {
            "id": digest,
            "name": picture.name,
            "y_true": int(picture.label == Side.AI),
            "y_score": score,
            "source": case.title or "case",
            "model": str((picture.record or {}).get("bundle") or ""),
            "note": picture.note,
        }
    if not rows:
        raise PredictionsError(NO_LABELS)
    return pd.DataFrame(list(rows.values())).astype({"y_true": "int8", "y_score": "float64"})


def _score(record: dict[str, Any] | None) -> float | None:
    """The score on record; None for what is no probability."""
    value = (record or {}).get("y_score")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if isfinite(value) and 0 <= value <= 1 else None
