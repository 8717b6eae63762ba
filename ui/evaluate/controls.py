"""Which rows, and the one threshold that everything on the page follows."""

from __future__ import annotations

import streamlit as st

from detector.evaluation.slices import Slicing, columns, named_sets
from ui import threshold as carried
from ui.evaluate.sources import Part, Source, plain_name
from ui.text import plain

EVERYTHING = "everything"


def rows(source: Source) -> Part:
    """Let the user narrow down the rows."""
    sets = list(_sets(source.version, source))
    which, by, only = st.columns(3)
    set_name = which.selectbox(
        "Rows", sets, key="rows", bind="query-params",
        help="“test” comes from the sources the model was trained on, “unseen” from others. In “paired” rows real and AI-generated pictures "
        "show the same subjects, so that knowing subjects does not help.",
    )  # fmt: skip
    ways = _columns(source.version, source)
    column = by.selectbox("Only where", [EVERYTHING, *ways], key="by", bind="query-params", format_func=plain_name) if ways else EVERYTHING
    if column == EVERYTHING:
        return Part(set_name)
    value = only.selectbox("is", [EVERYTHING, *_values(source.version, column, source)], key="only", bind="query-params", format_func=plain_name)
    return Part(set_name, column, None if value == EVERYTHING else value)


def threshold(source: Source) -> float:
    """The slider, and what to do with its value."""
    state = st.session_state
    if state.setdefault("threshold_of", source.name) != source.name:  # another model: its own threshold, not the last one's
        state.threshold, state.threshold_of = source.threshold, source.name
    slide, act = st.columns([5, 2], vertical_alignment="bottom")
    chosen = slide.slider(
        "Threshold: called AI-generated from this score on", 0.0, 1.0, source.threshold, 0.001, format="%.3f", key="threshold", bind="query-params",
        help="Moves the matrix, both operating points, every metric and every slice. The curves stay: they hold for all thresholds.",
    )  # fmt: skip
    with act.container(horizontal=True):
        st.button(
            f"Back to {source.threshold:.3f}", icon=":material/undo:", key="own_threshold", on_click=set_threshold, args=(source.threshold,),
            disabled=chosen == source.threshold, help="The model's own threshold" if source.bundle else "Where every file starts",
        )  # fmt: skip
        if source.bundle and not source.stale:
            carried.carry_button(source.bundle, chosen)
    if source.bundle and (note := carried.in_words(source.bundle)):
        st.caption(f":material/swap_horiz: {plain(note)}")
    return chosen


def set_threshold(value: float) -> None:
    """Move the slider; for callbacks, before the slider is drawn."""
    st.session_state.threshold = min(max(value, 0.0), 1.0)


@st.cache_resource(max_entries=8, show_spinner=False)
def _sets(version: str, _source: Source) -> tuple[str, ...]:
    return tuple(named_sets(_source.rows))


@st.cache_resource(max_entries=8, show_spinner=False)
def _columns(version: str, _source: Source) -> list[str]:
    return columns(_source.rows)


@st.cache_resource(max_entries=32, show_spinner=False)
def _values(version: str, column: str, _source: Source) -> list[str]:
    return Slicing.by(_source.rows, column).names
