"""The same metrics on parts of the rows: where does the model fail?"""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from detector.evaluation import slices
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.metrics import Direction, Metric, Place, shown_in
from detector.evaluation.slices import NOTHING
from pages.evaluate import perturbations_section, picture_browser, sources
from pages.evaluate.sources import plain_name
from pages.evaluate.state import Widget
from pages.evaluate.view import Part, Source, View
from ui import figures
from ui.text import plain

MAX_HEIGHT = 480
"""Pixels; more slices than fit scroll."""
DESCRIPTION = {"slice": "Slice", "n": "Pictures", "n_ai": "AI", "n_real": "Real"}
"""The columns that say what a row is."""


def show(view: View, part: Part, image_format: str) -> None:
    """Sets side by side, before and after delivery, then the slices by a column of the user's choice."""
    sets = side_by_side(view.source, part.perturbation, view.threshold)
    if len(sets) > 1:
        after = f", after the delivery “{plain(part.perturbation)}”" if part.perturbation else ""
        st.subheader(f"In distribution, and beyond{after}", anchor=False)
        _show_table(sets, "sets")
    perturbations_section.show(view, image_format)
    st.subheader("Slices of the chosen rows", anchor=False)
    if not view.evaluation.columns:
        st.info(
            "These rows have no column to slice by. Any column besides y_true and y_score becomes one.",
            icon=":material/info:",
        )
        return
    _show_slices(view, image_format)


def _show_slices(view: View, image_format: str) -> None:
    ways = view.evaluation.columns
    column = st.segmented_control(
        "Slice by",
        ways,
        default=ways[0],
        required=True,
        key=Widget.SLICE_COLUMN,
        format_func=plain_name,
        persist_state="session",
    )
    table = view.evaluation.slicing(column).table(view.threshold)
    charted = shown_in(Place.SLICE_CHARTS)
    clicked = None
    for place, metric in zip(st.columns(len(charted), gap="large"), charted, strict=True):
        if table[metric.name].notna().any():
            with place:
                point = _clickable_chart(view, table, metric, image_format)
            if point:
                clicked = metric, point[0]
    st.caption(
        "Worst first, by the upper end of the 95% interval: a slice leads only if it is bad beyond doubt, so"
        " that a few unlucky pictures do not. Larger dots have more pictures. Click one to see them."
    )
    if clicked:
        _show_pictures(view, column, *clicked)
    _show_table(table, "slices")


def _clickable_chart(view: View, table: pd.DataFrame, metric: Metric, image_format: str):
    """Draws one; returns what was clicked."""
    figure = chart(view.evaluation, table, metric, view.threshold)
    with st.container(height=min(MAX_HEIGHT, figure.layout.height + 20), border=False):
        alt = f"{metric.in_words} of each slice, with 95% intervals"
        return picture_browser.clickable(figure, f"slices_{metric.name}", image_format, alt)


def _show_pictures(view: View, column: str, metric: Metric, name: str) -> None:
    """Those of one slice that the metric counts."""
    evaluation = view.evaluation
    chosen = evaluation.slicing(column).rows(name)
    if metric.counted == "n_real":
        chosen = chosen & (evaluation.y_true == 0)
    elif metric.counted == "n_ai":
        chosen = chosen & (evaluation.y_true == 1)
    title = f"{column} {name}" if name != NOTHING else f"no {column}"
    picture_browser.show(view, chosen, title)


def chart(evaluation: Evaluation, table: pd.DataFrame, metric: Metric, threshold: float) -> go.Figure:
    """Dots with whiskers, worst first, and a line where all rows together are. table: of slices, worst first
    by accuracy."""
    overall = metric.estimate(evaluation, threshold)
    if metric.direction is Direction.LOWER:
        table = table.sort_values(f"{metric.name}_low", ascending=False, kind="stable")
    return figures.slices(table, metric.name, metric.in_words, metric.counted, overall)


def side_by_side(source: Source, perturbation: str, threshold: float) -> pd.DataFrame:
    """The named sets of the whole source after one perturbation, a row each."""
    whole = sources.evaluation(source, Part(perturbation=perturbation))
    return slices.table(whole.sets, threshold)


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """A slice table with headings for people."""
    titles = _columns()
    return table[list(titles)].rename(columns=titles)


def _columns() -> dict[str, str]:
    """Column of a slice table -> its heading. The first metric comes with the ends of its interval."""
    first, *others = shown_in(Place.SLICES)
    ends = {f"{first.name}_low": "from", f"{first.name}_high": "to"}
    titles = DESCRIPTION | {first.name: first.short} | ends
    return titles | {metric.name: metric.short for metric in others}


def formats() -> dict[str, str]:
    """Heading of ``readable`` -> how Streamlit writes the column."""
    titles = _columns()
    forms = {titles[metric.name]: metric.format.value for metric in shown_in(Place.SLICES)}
    first = shown_in(Place.SLICES)[0]
    for end in ("low", "high"):
        forms[titles[f"{first.name}_{end}"]] = first.format.value
    return forms


def _show_table(table: pd.DataFrame, key: str) -> None:
    st.dataframe(
        readable(table),
        key=f"{key}_table",
        hide_index=True,
        placeholder="–",
        alt="Metrics of each part of the rows",
        column_config={
            heading: st.column_config.NumberColumn(format=form) for heading, form in formats().items()
        },
    )
