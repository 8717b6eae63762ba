"""A table that ``python -m detector.score`` wrote, read back to be looked through. It may have come from
anywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.evaluation.predictions import PredictionsError
from detector.evaluation.tables import read_frame
from detector.verdicts import Verdict

NEEDED = ("id", "y_score")


@dataclass(frozen=True)
class ScoredRow:
    """number: its place among ``ScoredRows``. name: the picture's, as the archive has it. y_score:
    P(AI-generated). verdict: as the table has it, None where it says none."""

    number: int
    name: str
    y_score: float
    verdict: Verdict | None


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """The pictures that have a score, in the table's order. names: (N,) of str. y_score: float64 (N,).
    verdicts: (N,) of str. without_score: how many pictures more the table has."""

    names: np.ndarray
    y_score: np.ndarray
    verdicts: np.ndarray
    without_score: int

    def __len__(self) -> int:
        return len(self.names)

    def within(self, low: float, high: float, high_first: bool = True) -> np.ndarray:
        """int64 (M,): numbers of the pictures with a score from ``low`` to ``high``, by score."""
        numbers = np.flatnonzero((self.y_score >= low) & (self.y_score <= high))
        scores = self.y_score[numbers]
        return numbers[np.argsort(-scores if high_first else scores, kind="stable")]

    def row(self, number: int) -> ScoredRow:
        """Raises IndexError."""
        verdict = self.verdicts[number]
        known = Verdict(verdict) if verdict in tuple(Verdict) else None
        return ScoredRow(number, str(self.names[number]), float(self.y_score[number]), known)


def read_scored_rows(content: bytes, name: str) -> ScoredRows:
    """content: a Parquet or CSV file. name: what the user calls it, for messages. Raises PredictionsError."""
    frame = read_frame(content, name)
    if missing := [column for column in NEEDED if column not in frame]:
        raise PredictionsError(
            f"{name} has no column {' and no column '.join(missing)}: it is no table of python -m"
            " detector.score. Other tables open on Evaluate."
        )
    try:
        scores = frame["y_score"].to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise PredictionsError(f"The column y_score of {name} must hold numbers.") from error
    has_score = (scores >= 0) & (scores <= 1)
    if not has_score.any():
        raise PredictionsError(f"No row of {name} has a y_score between 0 and 1.")
    verdicts = frame["verdict"] if "verdict" in frame else frame["id"].map(lambda _: "")
    return ScoredRows(
        frame["id"].to_numpy(object)[has_score],
        scores[has_score],
        verdicts.to_numpy(object)[has_score],
        int((~has_score).sum()),
    )
