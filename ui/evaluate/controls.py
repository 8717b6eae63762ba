"""Which rows, and the one threshold that everything on the page follows."""

from __future__ import annotations

import numpy as np
import streamlit as st

from detector.bundle import available
from detector.delivery import DELIVERIES
from detector.evaluation.deliveries import CLEAN, TITLES
from detector.evaluation.slices import default_set
from ui import threshold as carried
from ui.evaluate import sources
from ui.evaluate.sources import Part, Source, plain_name
from ui.text import plain

EVERYTHING, AS_IT_IS = "everything", TITLES[CLEAN]


def rows(source: Source) -> Part:
    """Let the user narrow down the rows. Copies of one picture after several deliveries are never looked at together."""
    wholes = sources.by_delivery(source)
    which, *arrived, by, only = st.columns(3 if len(wholes) == 1 else 4)
    delivery = next(iter(wholes))
    if arrived:
        # The labels, not the names, are the options: they are what the address shows, and a name may be empty.
        labels = {plain_name(name) or AS_IT_IS: name for name in wholes}
        told = " ".join(f"“{each.name}” is {each.title}." for each in DELIVERIES if each.name in wholes)
        label = arrived[0].selectbox(
            "Delivered", list(labels), key="delivered", bind="query-params",
            help=f"The same pictures after somebody's site or messenger has shrunk and compressed them. {told}",
        )  # fmt: skip
        delivery = labels[label]
    whole = wholes[delivery]
    sets = list(whole.masks)
    set_name = which.selectbox(
        "Rows", sets, index=sets.index(default_set(sets)), key="rows", bind="query-params",
        help="“test” comes from the sources the model was trained on, “unseen” from others. In “paired” rows real and "
        "AI-generated pictures show the same subjects, so that knowing subjects does not help. The page begins where it says most about "
        "pictures from elsewhere: unseen and paired.",
    )  # fmt: skip
    column = by.selectbox("Only where", [EVERYTHING, *whole.columns], key="by", bind="query-params", format_func=plain_name)
    if column == EVERYTHING:
        return Part(set_name, delivery=delivery)
    value = only.selectbox("is", [EVERYTHING, *whole.slicing(column).names], key="only", bind="query-params", format_func=plain_name)
    return Part(set_name, column, None if value == EVERYTHING else value, delivery)


def left_out(source: Source, part: Part) -> str:
    """A sentence if only some of the set's pictures were delivered, so that nobody compares them with all of it; otherwise nothing."""
    wholes = sources.by_delivery(source)
    if part.delivery == CLEAN or CLEAN not in wholes:
        return ""
    clean, here = (wholes[name].masks.get(part.set_name, np.zeros(0, dtype=bool)).sum() for name in (CLEAN, part.delivery))
    return f" Of the {clean:,} pictures of “{plain(part.set_name)}” only {here:,} were delivered." if here < clean else ""


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
        if source.bundle and source.name in available() and not source.stale:  # a run's bundle is on Classify only once it is promoted
            carried.carry_button(source.bundle, chosen)
    if source.bundle and (note := carried.in_words(source.bundle)):
        st.caption(f":material/swap_horiz: {plain(note)}")
    return chosen


def set_threshold(value: float) -> None:
    """Move the slider; for callbacks, before the slider is drawn."""
    st.session_state.threshold = min(max(value, 0.0), 1.0)
