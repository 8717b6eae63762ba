"""The confusion matrix, both curves and every metric."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from detector.evaluation import scorecard
from detector.evaluation.curves import Cell, ConfusionMatrix, Curves
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.intervals import Estimate
from detector.evaluation.metrics import Estimates, Metric, Place, listed, shown_in
from pages.evaluate import picture_browser
from pages.evaluate.view import Part, View
from ui import figures

FORMATS = dict.fromkeys(("Value", "Low", "High"), "%.3f")
"""Column of ``table`` -> how Streamlit writes it."""


def headlines(estimates: Estimates) -> None:
    """The figures that matter most, with their intervals."""
    with st.container(horizontal=True):
        for metric in shown_in(Place.HEADLINES):
            _headline(metric, estimates[metric.name])


def _headline(metric: Metric, estimate: Estimate | None) -> None:
    value, interval = "–", "these rows do not define it"
    if estimate:
        written = metric.format.text
        value = written(estimate.value)
        interval = f"{written(estimate.low)} to {written(estimate.high)}"
    st.metric(
        metric.title,
        value,
        interval,
        delta_color="off",
        delta_arrow="off",
        help=f"{metric.meaning} Below it: the 95% interval.",
        border=True,
    )


def show(views: list[View], part: Part, estimates: Estimates, image_format: str) -> None:
    """Matrix, curves and, below the pictures that a click asked for, all metrics. views: of that part of each
    source; the main one, with those estimates, first."""
    view = views[0]
    drawn = marked_figures(views, part)
    columns = st.columns(len(drawn))
    with columns[0]:
        alt = _in_words(view.confusion_matrix)
        clicked = picture_browser.clickable(drawn["confusion"], "confusion", image_format, alt)
    curve_names = [name for name in drawn if name != "confusion"]
    for column, name in zip(columns[1:], curve_names, strict=True):
        column.plotly_chart(
            drawn[name],
            key=name,
            config=figures.config(name, image_format),
            alt=f"{name} curve with the operating point",
        )
    if not view.evaluation.curves.both:
        _say_why_there_is_no_curve(view.evaluation.curves)
    if clicked:
        cell = Cell(clicked)
        inside = _in_cell(view.evaluation, cell, view.threshold)
        picture_browser.show(view, inside, cell.title)
    else:
        st.caption(
            ":material/touch_app: Click a tile of the matrix to see its pictures, the most confident first."
        )
    _metrics(estimates, view.confusion_matrix)


def marked_figures(views: list[View], part: Part) -> dict[str, go.Figure]:
    """The matrix and the curves of that part of each source, with their operating points. The curves are
    drawn once for the same sources."""
    drawn_of = tuple((view.name, view.source.version) for view in views)
    curves = {view.name: view.evaluation.curves for view in views}
    operating_points = {view.name: (view.evaluation.curves, view.threshold) for view in views}
    return figures.mark(_threshold_figures(drawn_of, part, curves), operating_points)


@st.cache_resource(max_entries=4, show_spinner=False, scope="session")
def _threshold_figures(
    drawn_of: tuple[tuple[str, str], ...], part: Part, _curves: dict[str, Curves]
) -> dict[str, go.Figure]:
    """Of this session alone, because what follows the threshold is moved in place. drawn_of: name and version
    of each source, which with the part say what the curves are."""
    return figures.threshold_figures(_curves)


def _in_words(matrix: ConfusionMatrix) -> str:
    return (
        f"Confusion matrix: {matrix.tn} true negatives, {matrix.fp} false positives, {matrix.fn} false"
        f" negatives, {matrix.tp} true positives"
    )


def _say_why_there_is_no_curve(curves: Curves) -> None:
    missing, label = ("AI-generated", 1) if curves.n_real else ("real", 0)
    remedy = f"Choose other rows, or add some with y_true = {label}."
    st.info(f"There is no {missing} picture in these rows, hence no curve. {remedy}", icon=":material/info:")


def _metrics(estimates: Estimates, confusion_matrix: ConfusionMatrix) -> None:
    """Every metric with its interval, and the report per class."""
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Metrics", anchor=False)
        st.dataframe(
            table(estimates),
            hide_index=True,
            height="content",
            placeholder="–",
            alt="Metrics with their 95% intervals",
            column_config={
                name: st.column_config.NumberColumn(format=form) for name, form in FORMATS.items()
            },
        )
        st.caption(
            "95% intervals: Wilson for proportions and F1; posterior draws (Jeffreys prior) for balanced"
            " accuracy, kappa and MCC; DeLong for ROC AUC and the infinitesimal jackknife for average"
            " precision, on the log-odds scale; normal for the losses; bootstrap of the bins for the"
            " calibration error. They cover chance in drawing these pictures, not the step to other sources."
        )
    with right:
        st.subheader("Per class", anchor=False)
        st.code(scorecard.per_class_report(confusion_matrix), language=None)
        st.caption("As scikit-learn prints it. AI-generated is the positive class.")


def table(estimates: Estimates) -> pd.DataFrame:
    """A row per metric."""
    rows = []
    for metric in listed():
        estimate = estimates[metric.name] or Estimate(float("nan"))
        rows.append((metric.title, estimate.value, estimate.low, estimate.high))
    return pd.DataFrame(rows, columns=["Metric", "Value", "Low", "High"])


def _in_cell(evaluation: Evaluation, cell: Cell, threshold: float) -> np.ndarray:
    """bool (n,): the rows that the cell counts."""
    called_ai = evaluation.y_score >= threshold
    is_ai = evaluation.y_true == 1
    truth = is_ai if cell in (Cell.FN, Cell.TP) else ~is_ai
    call = called_ai if cell in (Cell.FP, Cell.TP) else ~called_ai
    return truth & call
