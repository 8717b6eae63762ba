"""A `Mapping` in words that a command line takes: ``truth=label ai=fake real=photo score=p high=real``."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from detector.evaluation import column_guess
from detector.evaluation.column_mapping import Mapping, Scale
from detector.evaluation.predictions import PredictionsError
from detector.printable import printable

COLUMNS = ("truth", "score", "predicted", "id", "source", "split")
CHOICES = {
    "high": ("ai", "real"),
    "scale": tuple(scale.value for scale in Scale),
    "others": ("refuse", "leave-out"),
}
"""Options that take one of a few words."""
KEYS = (*COLUMNS, "ai", "real", *CHOICES)
HELP = (
    "what the columns of FILE mean, where that is not guessed: truth=COLUMN score=COLUMN id=COLUMN"
    " source=COLUMN split=COLUMN; ai=WORD real=WORD, each as often as needed; high=ai or high=real, what a"
    " high score means, or predicted=COLUMN where it is how sure the detector was of the label there;"
    " scale=probability, percent or logit; others=leave-out for rows that cannot be read"
)


def mapping_of(frame: pd.DataFrame, options: Iterable[str]) -> Mapping:
    """The guess for a table, with what the options ("key=value") say instead; "id=" means that there is no
    such column. Raises PredictionsError for an option that is none."""
    said: dict[str, list[str]] = {}
    for option in options:
        key, sign, value = option.partition("=")
        if key not in KEYS or not sign:
            raise PredictionsError(
                f"“{printable(option)[:80]}” says nothing about a table; write one of {', '.join(KEYS)}, then"
                " = and a value."
            )
        allowed = CHOICES.get(key)
        if allowed and value not in allowed:
            raise PredictionsError(f"{key} takes {' or '.join(allowed)}, not “{printable(value)[:80]}”.")
        said.setdefault(key, []).append(value)
    return _with_words(_with_columns(column_guess.guess_mapping(frame), frame, said), said)


def _with_columns(mapping: Mapping, frame: pd.DataFrame, said: dict[str, list[str]]) -> Mapping:
    """The mapping with other columns, whose labels and scale are guessed anew."""
    columns = {key: said[key][-1] or None for key in COLUMNS if key in said}
    mapping = replace(mapping, **columns)  # type: ignore[arg-type]
    if mapping.truth in frame:
        ai_words, real_words = column_guess.classes(frame, mapping.truth)
        mapping = replace(mapping, ai_words=ai_words, real_words=real_words)
    if mapping.score in frame:
        mapping = replace(
            mapping,
            high_is_ai=column_guess.high_is_ai(mapping.score),
            scale=column_guess.scale(frame, mapping.score),
        )
    return column_guess.with_predicted(frame, mapping, mapping.predicted)


def _with_words(mapping: Mapping, said: dict[str, list[str]]) -> Mapping:
    """The mapping with the labels and the reading of scores that were said. A word that is said to mean one
    class no longer means the other."""
    ai, real = (frozenset(said.get(key, ())) - {""} for key in ("ai", "real"))
    mapping = replace(
        mapping,
        ai_words=ai if "ai" in said else mapping.ai_words - real,
        real_words=real if "real" in said else mapping.real_words - ai,
    )
    if "high" in said:
        mapping = replace(mapping, high_is_ai=said["high"][-1] == "ai")
        if "predicted" not in said:
            mapping = replace(mapping, predicted=None)
    if "scale" in said:
        mapping = replace(mapping, scale=Scale(said["scale"][-1]))
    if "others" in said:
        mapping = replace(mapping, leave_out=said["others"][-1] == "leave-out")
    return mapping


def options_of(mapping: Mapping) -> list[str]:
    """The options that say all of a mapping; `mapping_of` reads them back."""
    options = [f"{key}={getattr(mapping, key) or ''}" for key in COLUMNS]
    options += [f"ai={word}" for word in sorted(mapping.ai_words) or [""]]
    options += [f"real={word}" for word in sorted(mapping.real_words) or [""]]
    options += [f"high={'ai' if mapping.high_is_ai else 'real'}", f"scale={mapping.scale.value}"]
    return [*options, "others=leave-out"] if mapping.leave_out else options


def command(file: str, mapping: Mapping, threshold: float) -> str:
    """The line for a shell that prints the figures of a table so understood."""
    words = ["python", "-m", "detector.evaluation", file, "--threshold", f"{threshold:g}"]
    return shlex.join([*words, "--map", *options_of(mapping)])
