"""What do the columns of this file mean? A guess, corrected by who knows, with what it would give."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from detector.evaluation import column_guess
from detector.evaluation.column_mapping import Mapping, Scale, apply_mapping, word_counts
from detector.evaluation.curves import Curves
from detector.evaluation.formulas import ROC_AUC
from detector.evaluation.predictions import PredictionsError
from pages.evaluate import own_predictions
from pages.evaluate.view import OwnTable
from ui.text import plain

FIRST_ROWS = 5
NOWHERE = "not in this file"
FURTHER = {
    "id": "Name or path of the picture",
    "source": "Where it is from",
    "split": "Test, unseen and so on",
}
"""Columns that a file may do without -> what they hold."""
AI, REAL = "AI-generated", "real"
PREDICTED = "what was predicted"
"""What a high score means where it says how sure the detector was of its own answer."""


def show(table: OwnTable) -> None:
    """The question, the answer so far and what it gives, and the way on or back."""
    st.subheader(f"What do the columns of {plain(table.name)} mean?", anchor=False)
    st.caption("This is a guess from their names and values. Correct what is wrong.")
    left, right = st.columns(2, gap="large")
    with left:
        mapping = _ask(table)
    with right:
        rows = _outcome(table, mapping)
    with st.container(horizontal=True):
        st.button(
            "Use these",
            type="primary",
            icon=":material/check:",
            key="use_mapping",
            disabled=rows is None,
            on_click=own_predictions.use,
            args=(replace(table, mapping=mapping), rows),
        )
        st.button("Cancel", type="tertiary", key="leave_mapping", on_click=own_predictions.leave)


def _ask(table: OwnTable) -> Mapping:
    frame, guess = table.frame, table.mapping
    truth_columns, score_columns = _columns(table.sha256, frame)
    truth = _column("What it is", "mapping_truth", truth_columns, guess.truth)
    words_place = st.container()  # which words there are depends on what is said of the score
    score = _column("The score", "mapping_score", score_columns, guess.score)
    mapping = replace(guess, truth=truth, score=score)
    if score is not None:
        mapping = _ask_reading(table, mapping, truth_columns)
    if truth is not None:
        with words_place:
            mapping = _ask_words(table, mapping)
    with st.expander("Further columns"):
        for field, title in FURTHER.items():
            mapping = replace(mapping, **{field: _further(table, mapping, field, title)})  # type: ignore[arg-type]
    leave_out = st.checkbox(
        "Leave out rows that cannot be read",
        guess.leave_out,
        key="mapping_leave_out",
        help="Those that are neither AI-generated nor real, or without a number as the score.",
    )
    return replace(mapping, leave_out=leave_out)


@st.cache_data(max_entries=8, show_spinner="Looking at the columns")
def _columns(sha256: str, _frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """(columns that could hold the truth, columns that could hold scores)."""
    return column_guess.truth_columns(_frame), column_guess.score_columns(_frame)


@st.cache_data(max_entries=32, show_spinner=False)
def _word_counts(sha256: str, column: str, _frame: pd.DataFrame) -> dict[str, int]:
    return word_counts(_frame[column])


def _column(title: str, key: str, columns: list[str], guess: str | None) -> str | None:
    place = columns.index(guess) if guess in columns else None
    return st.selectbox(title, columns, place, key=key, placeholder="Choose a column")


def _ask_words(table: OwnTable, mapping: Mapping) -> Mapping:
    """Which values mean what. Another column begins with a guess of its own."""
    frame, truth = table.frame, str(mapping.truth)
    counts = dict(_word_counts(table.sha256, truth, frame))
    if mapping.predicted is not None:
        for word in _word_counts(table.sha256, mapping.predicted, frame):
            counts.setdefault(word, 0)  # predicted, but never true
    if truth != table.mapping.truth:
        ai_words, real_words = column_guess.classes(frame, truth)
        mapping = replace(mapping, ai_words=ai_words, real_words=real_words)
    mapping = column_guess.with_predicted(frame, mapping, mapping.predicted)
    guess = mapping.ai_words, mapping.real_words
    ai_place, real_place = st.columns(2)
    answers = []
    for place, name, words in ((ai_place, AI, guess[0]), (real_place, REAL, guess[1])):
        answers.append(
            place.multiselect(
                f"These mean {name}",
                list(counts),
                sorted(words & set(counts)),
                key=f"mapping_{name}_{truth}_{mapping.predicted}",
                format_func=lambda word: f"{word} ({counts[word]:,})",
                placeholder="Choose values",
            )
        )
    return replace(mapping, ai_words=frozenset(answers[0]), real_words=frozenset(answers[1]))


def _ask_reading(table: OwnTable, mapping: Mapping, truth_columns: list[str]) -> Mapping:
    """What its numbers say. Another column begins with a guess of its own. truth_columns: those that may hold
    labels."""
    frame, score = table.frame, str(mapping.score)
    scale, high_is_ai = mapping.scale, mapping.high_is_ai
    if score != table.mapping.score:
        scale, high_is_ai = column_guess.scale(frame, score), column_guess.high_is_ai(score)
    number = list(frame.columns).index(score)
    left, right = st.columns(2)
    scales = list(Scale)
    chosen = left.selectbox(
        "Its numbers are",
        scales,
        scales.index(scale),
        format_func=lambda each: each.title,
        key=f"mapping_scale_{number}",
    )
    labels = [column for column in truth_columns if column not in (mapping.truth, score)]
    predicted = mapping.predicted if score == table.mapping.score and mapping.predicted in labels else None
    high = right.segmented_control(
        "A high one means",
        [AI, REAL, *([PREDICTED] if labels else [])],
        default=PREDICTED if predicted else AI if high_is_ai else REAL,
        required=True,
        key=f"mapping_high_{number}",
        help="Some detectors give a label, and how sure they are of it.",
    )
    if high == PREDICTED:
        understood = (column for column in labels if column_guess.holds_classes(frame, column))
        likely = predicted or next(understood, labels[0])
        predicted = _column("What was predicted", f"mapping_predicted_{number}", labels, likely)
        return replace(mapping, scale=chosen, predicted=predicted)
    return replace(mapping, scale=chosen, high_is_ai=high == AI, predicted=None)


def _further(table: OwnTable, mapping: Mapping, field: str, title: str) -> str | None:
    columns = [column for column in table.frame.columns if column not in (mapping.truth, mapping.score)]
    guess = getattr(table.mapping, field)
    options = [NOWHERE, *columns]
    place = options.index(guess) if guess in columns else 0
    number = st.selectbox(
        title, range(len(options)), place, key=f"mapping_{field}", format_func=options.__getitem__
    )
    return None if not number else options[number]


def _outcome(table: OwnTable, mapping: Mapping) -> pd.DataFrame | None:
    """What the answer so far gives: counts, a warning where it looks upside down, and the first rows. None,
    with a sentence, where it gives nothing."""
    try:
        rows = apply_mapping(table.frame, mapping)
    except PredictionsError as error:
        st.warning(plain(str(error), limit=600), icon=":material/help:")
        st.dataframe(
            table.frame.head(FIRST_ROWS), hide_index=True, height="content", alt="The first rows of the file"
        )
        return None
    n_ai = int((rows["y_true"] == 1).sum())
    left_out = own_predictions.rows_left_out(table, len(rows))
    st.markdown(
        f"This gives **{n_ai:,} AI-generated** and **{len(rows) - n_ai:,} real** pictures"
        f"{'; ' if left_out else ''}{left_out}."
    )
    if warning := _upside_down(rows):
        st.warning(warning, icon=":material/swap_vert:")
    first = table.frame if len(rows) == len(table.frame) else None
    st.dataframe(
        _first_rows(rows, first, mapping),
        hide_index=True,
        height="content",
        alt="The first rows as they are understood",
        column_config={"P(AI)": st.column_config.NumberColumn(format="%.3f")},
    )
    return rows


def _upside_down(rows: pd.DataFrame) -> str | None:
    """A sentence where real pictures score higher than AI-generated ones beyond chance."""
    area = ROC_AUC.of(Curves.of(rows["y_true"].to_numpy(), rows["y_score"].to_numpy()))
    if area is None or area.high >= 0.5:
        return None
    return (
        f"Real pictures score higher than AI-generated ones here (ROC AUC {area.value:.3f}). If that"
        " surprises you, a high score may mean the other class, or the values may be swapped."
    )


def _first_rows(rows: pd.DataFrame, frame: pd.DataFrame | None, mapping: Mapping) -> pd.DataFrame:
    """As they are understood, beside what the file says where no row is left out."""
    first = rows.head(FIRST_ROWS)
    columns: dict[str, object] = {}
    if "id" in first:
        columns["Picture"] = first["id"].to_numpy()
    columns["Truth"] = [AI if y_true == 1 else REAL for y_true in first["y_true"]]
    columns["P(AI)"] = first["y_score"].to_numpy()
    if frame is not None:
        for column in (mapping.truth, mapping.score):
            columns[f"{column} in the file"] = frame[column].head(FIRST_ROWS).astype(str).to_numpy()
    return pd.DataFrame(columns)
