"""The confusion matrix, both curves and every metric."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from detector.evaluation import scorecard
from detector.evaluation.curves import Counts, Curves
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.intervals import Estimate
from ui import figures
from ui.evaluate import pictures
from ui.evaluate.sources import Source

HEADLINES = {
    "balanced_accuracy": "Mean of recall and specificity: 50% is guessing, however many pictures of each class there are.",
    "recall": "Share of the AI-generated pictures that are caught.",
    "false_alarm_rate": "Share of the real pictures that are called AI-generated.",
    "precision": "Share of AI-generated pictures among those called so. It depends on how common they are in these rows.",
    "roc_auc": "The chance that an AI-generated picture scores higher than a real one. No threshold changes it.",
}


def headlines(card: scorecard.Card) -> None:
    """The five figures that matter most, with their intervals."""
    figures_shown = card | {"false_alarm_rate": scorecard.false_alarm_rate(card)}
    with st.container(horizontal=True):
        for name, meaning in HEADLINES.items():
            estimate = figures_shown[name]
            title = "False alarms on real" if name == "false_alarm_rate" else scorecard.NAMES[name]
            form = "{:.3f}" if name == "roc_auc" else "{:.1%}"
            interval = f"{form} to {form}".format(estimate.low, estimate.high) if estimate else "these rows do not define it"
            shown = form.format(estimate.value) if estimate else "–"
            meaning += " Below it: the 95% interval."
            st.metric(title, shown, interval, delta_color="off", delta_arrow="off", help=meaning, border=True)


def show(models: dict[str, tuple[Source, Evaluation, float]], card: scorecard.Card, image_format: str) -> None:
    """Matrix, curves and, below the pictures that a click asked for, all metrics. models: name -> source, rows, threshold; the main one, with
    that card, first.
    """
    source, evaluation, threshold = next(iter(models.values()))
    counts = evaluation.curves.at(threshold)
    curves = {name: (other.curves, at) for name, (_, other, at) in models.items()}
    drawn = figures.mark(_figures({name: each for name, (each, _) in curves.items()}), curves)
    columns = st.columns(len(drawn))
    with columns[0]:
        alt = f"Confusion matrix: {counts.tn} true negatives, {counts.fp} false positives, {counts.fn} false negatives, {counts.tp} true positives"
        cell = pictures.clickable(drawn["confusion"], "confusion", image_format, alt)
    for column, name in zip(columns[1:], list(drawn)[1:], strict=True):
        column.plotly_chart(drawn[name], key=name, config=figures.config(name, image_format), alt=f"{name} curve with the operating point")
    if not evaluation.curves.both:
        missing, label = ("AI-generated", 1) if evaluation.curves.n_real else ("real", 0)
        remedy = f"Choose other rows, or add some with y_true = {label}."
        st.info(f"There is no {missing} picture in these rows, hence no curve. {remedy}", icon=":material/info:")
    if cell:
        pictures.show(source, evaluation, _in_cell(evaluation, cell, threshold), threshold, figures.CELLS[cell])
    else:
        st.caption(":material/touch_app: Click a tile of the matrix to see its pictures, the most confident first.")
    _metrics(card, counts)


@st.cache_resource(max_entries=4, show_spinner=False, scope="session", hash_funcs={Curves: id})
def _figures(models: dict[str, Curves]) -> dict:
    """Drawn once; of this session alone, because what follows the threshold is moved in place."""
    return figures.threshold_figures(models)


def _metrics(card: scorecard.Card, counts: Counts) -> None:
    """Every metric with its interval, and the report per class."""
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Metrics", anchor=False)
        st.dataframe(
            table(card), hide_index=True, height="content", placeholder="–", alt="Metrics with their 95% intervals",
            column_config={name: st.column_config.NumberColumn(format="%.4f") for name in ("Value", "Low", "High")},
        )  # fmt: skip
        st.caption(
            "95% intervals: Wilson for proportions and F1; posterior draws (Jeffreys prior) for balanced accuracy, kappa and MCC; DeLong for "
            "ROC AUC and the infinitesimal jackknife for average precision, on the log-odds scale; normal for the losses; bootstrap of the "
            "bins for the calibration error. They cover chance in drawing these pictures, not the step to other sources."
        )
    with right:
        st.subheader("Per class", anchor=False)
        st.code(scorecard.per_class_report(counts), language=None)
        st.caption("As scikit-learn prints it. AI-generated is the positive class.")


def table(card: scorecard.Card) -> pd.DataFrame:
    """A row per metric."""
    missing = Estimate(float("nan"))
    rows = [(title, card[name] or missing) for name, title in scorecard.NAMES.items()]
    return pd.DataFrame({
        "Metric": [title for title, _ in rows],
        "Value": [estimate.value for _, estimate in rows],
        "Low": [estimate.low for _, estimate in rows],
        "High": [estimate.high for _, estimate in rows],
    })  # fmt: skip


def _in_cell(evaluation: Evaluation, cell: str, threshold: float):
    called, truth = evaluation.y_score >= threshold, evaluation.y_true == 1
    return {"tn": ~truth & ~called, "fp": ~truth & called, "fn": truth & ~called, "tp": truth & called}[cell]
