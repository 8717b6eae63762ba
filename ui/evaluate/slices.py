"""The same metrics on parts of the rows: where does the model fail?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from detector.evaluation.evaluation import Evaluation
from detector.evaluation.intervals import wilson
from detector.evaluation.slices import NOTHING, summary
from ui import figures
from ui.evaluate import delivered, pictures, sources
from ui.evaluate.sources import Part, Source, plain_name
from ui.text import plain

MAX_HEIGHT = 480
"""Pixels; more slices than fit scroll."""
METRICS = {"accuracy": "Right calls", "false_alarm_rate": "False alarms on real pictures", "recall": "AI-generated caught"}
COLUMNS = {
    "slice": "Slice", "n": "Pictures", "n_ai": "AI", "n_real": "Real", "accuracy": "Right", "accuracy_low": "from", "accuracy_high": "to",
    "recall": "Caught", "false_alarm_rate": "False alarms", "balanced_accuracy": "Balanced", "roc_auc": "ROC AUC",
}  # fmt: skip
PERCENT = ("accuracy", "accuracy_low", "accuracy_high", "recall", "false_alarm_rate", "balanced_accuracy")


def show(source: Source, evaluation: Evaluation, part: Part, threshold: float, image_format: str) -> None:
    """Sets side by side, before and after delivery, then the slices by a column of the user's choice."""
    sets = side_by_side(source, part.delivery, threshold)
    if len(sets) > 1:
        after = f", after the delivery “{plain(part.delivery)}”" if part.delivery else ""
        st.subheader(f"In distribution, and beyond{after}", anchor=False)
        _show_table(sets, "sets")
    delivered.show(source, threshold, image_format)
    st.subheader("Slices of the chosen rows", anchor=False)
    if not evaluation.columns:
        st.info("These rows have no column to slice by. Any column besides y_true and y_score becomes one.", icon=":material/info:")
        return
    ways = evaluation.columns
    column = st.segmented_control("Slice by", ways, default=ways[0], required=True, key="slice_column", format_func=plain_name)
    table = evaluation.slicing(column).table(threshold)
    left, right = st.columns(2, gap="large")
    clicked = None
    for place, metric in ((left, "accuracy"), (right, "false_alarm_rate")):
        if table[metric].notna().any():
            figure = chart(evaluation, table, metric, threshold)
            with place.container(height=min(MAX_HEIGHT, figure.layout.height + 20), border=False):
                alt = f"{METRICS[metric]} of each slice, with 95% intervals"
                point = pictures.clickable(figure, f"slices_{metric}", image_format, alt)
            if point:
                clicked = metric, point[0]
    st.caption(
        "Worst first, by the upper end of the 95% interval: a slice leads only if it is bad beyond doubt, so that a few unlucky pictures do not. "
        "Larger dots have more pictures. Click one to see them."
    )
    if clicked:
        metric, name = clicked
        chosen = evaluation.slicing(column).rows(name)
        if metric == "false_alarm_rate":
            chosen = chosen & (evaluation.y_true == 0)
        pictures.show(source, evaluation, chosen, threshold, f"{column} {name}" if name != NOTHING else f"no {column}")
    _show_table(table, "slices")


def chart(evaluation: Evaluation, table: pd.DataFrame, metric: str, threshold: float):
    """Dots with whiskers, worst first, and a line where all rows together are."""
    counts = evaluation.curves.at(threshold)
    overall = wilson(counts.fp, counts.fp + counts.tn) if metric == "false_alarm_rate" else wilson(counts.tn + counts.tp, counts.n)
    if metric == "false_alarm_rate":
        table = table.sort_values("false_alarm_rate_low", ascending=False, kind="stable")
    return figures.slices(table, metric, METRICS[metric], overall)


def side_by_side(source: Source, delivery: str, threshold: float) -> pd.DataFrame:
    """The named sets of the whole source after one delivery, a row each."""
    sets = sources.evaluation(source, Part(delivery=delivery)).sets
    return pd.DataFrame([{"slice": name, **summary(curves, threshold)} for name, curves in sets.items()])


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """A slice table with headings for people."""
    return table[list(COLUMNS)].rename(columns=COLUMNS)


def _show_table(table: pd.DataFrame, key: str) -> None:
    shares = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        readable(table), key=f"{key}_table", hide_index=True, placeholder="–", alt="Metrics of each part of the rows",
        column_config={COLUMNS[name]: shares for name in PERCENT} | {"ROC AUC": st.column_config.NumberColumn(format="%.3f")},
    )  # fmt: skip
