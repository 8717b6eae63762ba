"""Predictions of the user's own: brought in as a file, understood at once or after a question."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import streamlit as st

from detector.bundle import list_bundles
from detector.case_files import is_case
from detector.evaluation.case_predictions import read_case_predictions
from detector.evaluation.column_guess import guess_mapping
from detector.evaluation.column_mapping import Mapping, Scale, apply_mapping
from detector.evaluation.predictions import PredictionsError
from detector.evaluation.tables import read_frame
from pages.evaluate.state import Widget, set_widget, state, widget_value
from pages.evaluate.view import OwnTable, Source
from ui.text import plain, printable

OWN_THRESHOLD = 0.5
"""Where a user's own predictions start; a bundle has a threshold of its own."""
STANDARD = {"truth": "y_true", "score": "y_score"}
"""A file whose columns are called so is not asked about, if it can be read as it is."""
MAX_REMEMBERED = 1000


def uploader() -> None:
    """The button that opens the place for a file."""
    place = st.popover(
        "Your own predictions",
        icon=":material/upload_file:",
        width="stretch",
        key=Widget.UPLOADER,
        on_change="rerun",
    )
    with place:
        st.markdown(
            "A CSV or Parquet file with a row per picture: **what it is** and **the score** it got, under any"
            " names. You say what they mean. A name or path of each picture lets models be compared; any"
            " other column becomes a way to slice. A case saved on Classify works too, by your labels."
        )
        st.file_uploader(
            "Predictions",
            type=["csv", "tsv", "txt", "parquet", "zip"],
            key=Widget.PREDICTIONS_FILE,
            on_change=_take,
            label_visibility="collapsed",
        )


def say_problem(shown: list[str]) -> None:
    """What was wrong with the last file, and that the rest of the page is about something else. shown: the
    names of what it is about."""
    problem = state().upload_problem
    if not problem:
        return
    below = ""
    if shown:
        below = f" **What is below is not this file, but {' and '.join(map(plain, shown))}.**"
    words, close = st.columns([8, 1], vertical_alignment="center")
    words.error(plain(problem, limit=600) + below, icon=":material/error:")
    close.button("Close", key="close_upload_problem", on_click=_forget_problem, type="tertiary")


def offer_mapping(sources: list[Source]) -> None:
    """Of each file that is shown, what was taken for what, and the way to say otherwise."""
    for source in sources:
        if source.table is None:
            continue
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(_in_words(source.table, len(source.rows)), width="content")
            st.button(
                "Change",
                key=f"change_mapping_{source.name}",
                icon=":material/edit:",
                type="tertiary",
                on_click=ask,
                args=(source.table,),
                help=f"Say what the columns of {plain(source.name)} mean",
            )


def ask(table: OwnTable) -> None:
    """Open the question what a file's columns mean."""
    state().asked = table
    _forget_answers()


def use(table: OwnTable, rows: pd.DataFrame) -> None:
    """Take what was answered, remember it for the same file, and look at it. rows: what `apply_mapping` made
    of the table."""
    page = state()
    page.asked = page.upload_problem = None
    remembered = _remembered()
    remembered[table.sha256] = table.mapping
    while len(remembered) > MAX_REMEMBERED:
        remembered.pop(next(iter(remembered)), None)
    version = f"{table.sha256} {hash(table.mapping)}"
    page.uploads[table.name] = Source(table.name, rows, version, OWN_THRESHOLD, table=table)
    others = [name for name in widget_value(Widget.MODELS, []) if name != table.name]
    set_widget(Widget.MODELS, [table.name, *others])


def leave() -> None:
    """Close the question; the file is not looked at."""
    state().asked = None


def _take() -> None:
    """Read the file that was just brought in; use it, or ask what its columns mean. What had its name before
    is gone either way."""
    page = state()
    page.upload_problem = page.asked = None
    file = widget_value(Widget.PREDICTIONS_FILE)
    if file is None:
        return
    set_widget(Widget.UPLOADER, False)
    name = _name(file.name)
    page.uploads.pop(name, None)
    set_widget(Widget.MODELS, [other for other in widget_value(Widget.MODELS, []) if other != name])
    content = file.getvalue()
    try:
        frame = read_case_predictions(content) if is_case(content) else read_frame(content, file.name)
    except PredictionsError as error:
        page.upload_problem = str(error)
        return
    sha256 = hashlib.sha256(content).hexdigest()
    known = _remembered().get(sha256)
    table = OwnTable(name, sha256, frame, known or guess_mapping(frame))
    if known or _is_standard(table.mapping):
        try:
            use(table, apply_mapping(frame, table.mapping))
            return
        except PredictionsError:
            pass  # the form says it, beside what may be done
    ask(table)


def _name(file_name: str) -> str:
    name = printable(Path(file_name).name)
    return f"{name} (yours)" if name in list_bundles() else name


def _is_standard(mapping: Mapping) -> bool:
    """Whether nothing had to be guessed: the columns are called as here, and so are their values."""
    return (
        all(getattr(mapping, key) == column for key, column in STANDARD.items())
        and mapping.scale is Scale.PROBABILITY
        and mapping.ai_words <= {"1", "true"}
        and mapping.real_words <= {"0", "false"}
    )


@st.cache_resource
def _remembered() -> dict[str, Mapping]:
    """SHA-256 of a file -> what its columns were said to mean, in this session or another."""
    return {}


def _forget_problem() -> None:
    state().upload_problem = None


def _forget_answers() -> None:
    for key in list(st.session_state):
        if str(key).startswith("mapping_"):
            del st.session_state[key]


def _in_words(table: OwnTable, n: int) -> str:
    mapping = table.mapping
    means = ", ".join(sorted(mapping.ai_words)) or "nothing"
    high = "AI-generated" if mapping.high_is_ai else "real"
    told = (
        f"{plain(table.name)}: truth from {plain(str(mapping.truth))} (AI-generated: {plain(means)}),"
        f" score from {plain(str(mapping.score))}, {mapping.scale.title}, high means {high}."
    )
    left_out = rows_left_out(table, n)
    return f"{told} {left_out}." if left_out else told


def rows_left_out(table: OwnTable, n: int) -> str:
    """How many of a file's rows are not among the n that are used, as a clause; nothing where all are."""
    count = len(table.frame) - n
    if not count:
        return ""
    return "1 row is left out" if count == 1 else f"{count:,} rows are left out"
