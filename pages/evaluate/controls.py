"""Which rows, and the one threshold that everything on the page follows."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from detector.bundle import list_bundles
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.perturbed import CLEAN, CLEAN_TITLE, titles
from detector.evaluation.subsets import default_set
from pages.evaluate import sources
from pages.evaluate.sources import plain_name
from pages.evaluate.state import Widget, set_widget, state
from pages.evaluate.view import Part, Source
from ui import threshold as carried
from ui.text import plain

EVERYTHING = "everything"


def rows(source: Source) -> Part:
    """Let the user narrow down the rows. Copies of one picture after several perturbations are never looked
    at together."""
    wholes = sources.by_perturbation(source)
    perturbation = next(iter(wholes))
    places = st.columns(3 if len(wholes) == 1 else 4)
    if len(wholes) > 1:
        perturbation = _ask_perturbation(places.pop(1), list(wholes))
    whole = wholes[perturbation]
    which, by, only = places
    sets = list(whole.masks)
    set_name = which.selectbox(
        "Rows",
        sets,
        index=sets.index(default_set(sets)),
        key=Widget.ROWS,
        bind="query-params",
        help=(
            "“test” comes from the sources the model was trained on, “unseen” from others. In “paired” rows"
            " real and AI-generated pictures show the same subjects, so that knowing subjects does not help."
            " The page begins where it says most about pictures from elsewhere: unseen and paired."
        ),
    )
    column = by.selectbox(
        "Only where",
        [EVERYTHING, *whole.columns],
        key=Widget.ONLY_WHERE,
        bind="query-params",
        format_func=plain_name,
    )
    if column == EVERYTHING:
        return Part(set_name, perturbation=perturbation)
    value = only.selectbox(
        "is",
        [EVERYTHING, *whole.slicing(column).names],
        key=Widget.ONLY_IS,
        bind="query-params",
        format_func=plain_name,
    )
    return Part(set_name, column, None if value == EVERYTHING else value, perturbation)


def _ask_perturbation(place: DeltaGenerator, names: list[str]) -> str:
    """One of those in the file."""
    known = [(name, title) for name, title in titles().items() if name in names and name != CLEAN]
    told = " ".join(f"“{name}” is {title}." for name, title in known)
    # The labels, not the names, are the options: they are what the address shows, and a name may be empty.
    labels = {plain_name(name) or CLEAN_TITLE: name for name in names}
    label = place.selectbox(
        "Delivered",
        list(labels),
        key=Widget.PERTURBATION,
        bind="query-params",
        help=f"The same pictures after somebody's site or messenger has shrunk and compressed them. {told}",
    )
    return labels[label]


def left_out(source: Source, part: Part) -> str:
    """A sentence if only some of the set's pictures were perturbed, so that nobody compares them with all of
    it; otherwise nothing."""
    wholes = sources.by_perturbation(source)
    if part.perturbation == CLEAN or CLEAN not in wholes:
        return ""
    n_clean = _size_of_set(wholes[CLEAN], part.set_name)
    n_here = _size_of_set(wholes[part.perturbation], part.set_name)
    if n_here >= n_clean:
        return ""
    return f" Of the {n_clean:,} pictures of “{plain(part.set_name)}” only {n_here:,} were delivered."


def _size_of_set(whole: Evaluation, set_name: str) -> int:
    mask = whole.masks.get(set_name)
    return 0 if mask is None else int(mask.sum())


def threshold(source: Source) -> float:
    """The slider, and what to do with its value."""
    page = state()
    if page.threshold_of is None:
        page.threshold_of = source.name
    if page.threshold_of != source.name:  # another model: its own threshold, not the last one's
        set_widget(Widget.THRESHOLD, source.threshold)
        page.threshold_of = source.name
    slide, act = st.columns([5, 2], vertical_alignment="bottom")
    chosen = slide.slider(
        "Threshold: called AI-generated from this score on",
        0.0,
        1.0,
        source.threshold,
        0.001,
        format="%.3f",
        key=Widget.THRESHOLD,
        bind="query-params",
        help=(
            "Moves the matrix, both operating points, every metric and every slice. The curves stay: they"
            " hold for all thresholds."
        ),
    )
    with act.container(horizontal=True):
        st.button(
            f"Back to {source.threshold:.3f}",
            icon=":material/undo:",
            key="own_threshold",
            on_click=set_threshold,
            args=(source.threshold,),
            disabled=chosen == source.threshold,
            help="The model's own threshold" if source.bundle else "Where every file starts",
        )
        # A run's bundle is on Classify only once it is promoted.
        is_on_classify = source.name in list_bundles() and not source.stale
        if source.bundle and is_on_classify:
            carried.carry_button(source.bundle, chosen)
    note = carried.in_words(source.bundle) if source.bundle else None
    if note:
        st.caption(f":material/swap_horiz: {plain(note, limit=400)}")
    return chosen


def set_threshold(value: float) -> None:
    """Move the slider; for callbacks, before the slider is drawn."""
    set_widget(Widget.THRESHOLD, min(max(value, 0.0), 1.0))
