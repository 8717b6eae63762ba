"""What the columns and labels of somebody else's table mean, and the rows that `Evaluation` takes of it.

`column_guess.guess_mapping` proposes a `Mapping`, a page or a script corrects it, `apply_mapping` uses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from detector.evaluation.calibration import sigmoid
from detector.evaluation.predictions import PredictionsError
from detector.printable import printable

MOST_LISTED = 8


class Scale(StrEnum):
    """How the scores of a table are to be read."""

    PROBABILITY = "probability"
    PERCENT = "percent"
    LOGIT = "logit"

    @property
    def title(self) -> str:  # type: ignore[override]
        return {
            Scale.PROBABILITY: "from 0 to 1",
            Scale.PERCENT: "from 0 to 100",
            Scale.LOGIT: "any number, 0 in the middle (logit)",
        }[self]


@dataclass(frozen=True)
class Mapping:
    """What a table's columns and labels mean; None for a column that is not there, or not known.

    truth, score, id, source, split: names of columns. ai_words, real_words: the values of ``truth`` and
    ``predicted``, as `words` gives them, that mean AI-generated and real. high_is_ai: whether a high score
    means AI-generated; of no account where ``predicted`` says that. leave_out: whether rows that cannot be
    read, because their truth is neither or their score no number, are left out; else they are refused.
    predicted: the column of the label that was predicted, where the score says how sure of it the detector
    was.
    """

    truth: str | None = None
    score: str | None = None
    id: str | None = None
    source: str | None = None
    split: str | None = None
    ai_words: frozenset[str] = frozenset()
    real_words: frozenset[str] = frozenset()
    high_is_ai: bool = True
    scale: Scale = Scale.PROBABILITY
    leave_out: bool = False
    predicted: str | None = None


def words(values: pd.Series) -> list[str]:
    """The different values of a column as `Mapping` names them, sorted: "1" for 1, 1.0 and "1.0", "true" for
    True; empty ones left out."""
    return sorted(set(_words(values.drop_duplicates()).dropna()))


def word_counts(values: pd.Series) -> dict[str, int]:
    """The same, each with the number of its rows."""
    return {str(word): int(n) for word, n in _words(values).value_counts().sort_index().items()}


def numbers(values: pd.Series) -> np.ndarray:
    """float64 (n,): the numbers of a column, also of one that writes them as text: "97.5 %" is 97.5, "0,25"
    is 0.25. NaN where there is none."""
    if not is_numeric_dtype(values):
        text = values.astype("string").str.strip().str.removesuffix("%").str.strip()
        with_comma = text.str.replace(",", ".", regex=False)
        values = pd.to_numeric(text.where(text.str.contains(".", regex=False), with_comma), errors="coerce")
    return values.to_numpy(np.float64, na_value=np.nan)


def apply_mapping(frame: pd.DataFrame, mapping: Mapping) -> pd.DataFrame:
    """Rows with y_true (int8, 1 = AI-generated), y_score (float64 in [0, 1], high = AI-generated), ``id`` as
    text, ``source`` and ``split`` where they are mapped, and the frame's other columns as they are.

    Raises PredictionsError with a sentence that says which column or word is missing.
    """
    _check(frame, mapping)
    if mapping.leave_out:
        frame = frame[_readable(frame, mapping)].reset_index(drop=True)
    if not len(frame):
        raise PredictionsError("The table has no row that can be read.")
    rows: dict[str, np.ndarray | pd.Series] = {
        "y_true": _labels(frame[mapping.truth], mapping),
        "y_score": _scores(frame, mapping),
    }
    for name in ("id", "source", "split"):
        column = getattr(mapping, name)
        if column is not None:
            rows[name] = frame[column].astype(str) if name == "id" else frame[column]
    used = {getattr(mapping, name) for name in ("truth", "score", "predicted", "id", "source", "split")}
    others = [column for column in frame.columns if column not in used and column not in rows]
    others = [column for column in others if column != "logit" or _all_finite(frame[column])]
    return pd.DataFrame(rows, index=frame.index).join(frame[others])


def _check(frame: pd.DataFrame, mapping: Mapping) -> None:
    _check_column(frame, mapping.truth, "which pictures are AI-generated")
    _check_column(frame, mapping.score, "the scores")
    if mapping.truth == mapping.score:
        raise PredictionsError(
            f"The column {_shown(mapping.truth)} cannot be both the truth and the score; choose another one."
        )
    if mapping.predicted is not None:
        _check_column(frame, mapping.predicted, "what was predicted")
        if mapping.predicted in (mapping.truth, mapping.score):
            raise PredictionsError(
                f"The column {_shown(mapping.predicted)} cannot be what was predicted and the truth or the"
                " score as well; choose another one."
            )
    for name in ("id", "source", "split"):
        if getattr(mapping, name) is not None:
            _check_column(frame, getattr(mapping, name), f"the {name}")
    if both := sorted(mapping.ai_words & mapping.real_words):
        raise PredictionsError(f"“{_shown(both[0])}” cannot mean both AI-generated and real.")


def _check_column(frame: pd.DataFrame, name: str | None, what: str) -> None:
    if name is None:
        found = ", ".join(_shown(column) for column in frame.columns[:MOST_LISTED]) or "none"
        raise PredictionsError(f"Say which column holds {what}. The table's columns: {found}.")
    if name not in frame:
        raise PredictionsError(f"The table has no column {_shown(name)}, which should hold {what}.")


def _readable(frame: pd.DataFrame, mapping: Mapping) -> np.ndarray:
    """bool (n,): which rows have a truth that is one of both and a score that is a number."""
    readable = np.isfinite(numbers(frame[mapping.score]))
    for column in (mapping.truth, mapping.predicted):
        if column is not None:
            readable &= _words(frame[column]).isin(mapping.ai_words | mapping.real_words).to_numpy()
    return readable


def _words(values: pd.Series) -> pd.Series:
    """Text objects, None where the cell is empty."""
    codes, uniques = pd.factorize(values)  # -1 where the cell is empty
    known = np.array([*map(_word, uniques.tolist()), None], dtype=object)
    return pd.Series(known[codes], index=values.index, dtype=object)


def _word(value: object) -> str | None:
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return text.lower() if text.lower() in ("true", "false") else text or None
    return f"{number:g}"


def _labels(values: pd.Series, mapping: Mapping) -> np.ndarray:
    """int8 (n,): 1 for AI-generated."""
    column = _shown(values.name)
    found = _words(values)
    if empty := int(found.isna().sum()):
        raise PredictionsError(
            f"{column} is empty in {empty:,} of the rows. Fill them in or leave these rows out."
        )
    unknown = sorted(set(found) - mapping.ai_words - mapping.real_words)
    if unknown:
        listed = ", ".join(f"“{_shown(word)}”" for word in unknown[:MOST_LISTED])
        more = f" and {len(unknown) - MOST_LISTED:,} more" if len(unknown) > MOST_LISTED else ""
        raise PredictionsError(
            f"Nobody has said what these values of {column} mean: {listed}{more}. Say for each whether it"
            " means AI-generated or real, or leave these rows out."
        )
    return found.isin(mapping.ai_words).to_numpy().astype(np.int8)


def _scores(frame: pd.DataFrame, mapping: Mapping) -> np.ndarray:
    column = _shown(mapping.score)
    found = numbers(frame[mapping.score])
    wrong = ~np.isfinite(found)
    if wrong.any():
        row = int(np.argmax(wrong)) + 1
        raise PredictionsError(
            f"{column} is no number in {int(wrong.sum()):,} of the rows, first in row {row:,}. Choose another"
            " column or leave these rows out."
        )
    top = {Scale.PROBABILITY: 1.0, Scale.PERCENT: 100.0}.get(mapping.scale)
    if top is None:
        scores = np.asarray(sigmoid(found), dtype=np.float64)
    else:
        outside = (found < 0) | (found > top)
        if outside.any():
            row = int(np.argmax(outside))
            raise PredictionsError(
                f"{column} is {found[row]:g} in row {row + 1:,}, but its scores were said to be"
                f" {mapping.scale.title}."
            )
        scores = found / top
    if mapping.predicted is not None:
        return np.where(_labels(frame[mapping.predicted], mapping) == 1, scores, 1 - scores)
    return scores if mapping.high_is_ai else 1 - scores


def _all_finite(values: pd.Series) -> bool:
    return is_numeric_dtype(values) and bool(np.isfinite(numbers(values)).all())


def _shown(name: object) -> str:
    return printable(str(name))[:40]
