"""What the model gains by not answering: its errors against the share of pictures it answers."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from detector.evaluation.abstention import Band, RiskCoverage, band
from detector.evaluation.evaluation import Evaluation
from ui import figures
from ui.evaluate.sources import Source


def show(source: Source, evaluation: Evaluation, threshold: float, image_format: str) -> None:
    """The curve, and what it says."""
    st.subheader("If it may say “unsure”", anchor=False)
    settings = figures.config("abstaining", image_format)
    left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
    drawn, sentences = chart(source, evaluation, threshold)
    left.plotly_chart(drawn, key="abstaining", config=settings, alt="Error rate against the share of pictures answered")
    for sentence in sentences:
        right.markdown(sentence)


def chart(source: Source, evaluation: Evaluation, threshold: float) -> tuple[go.Figure, list[str]]:
    """The figure, and the sentences that go with it."""
    risk = RiskCoverage.of(evaluation.curves, threshold)
    at_work = at_own_threshold(source, evaluation, threshold)
    return figures.abstaining(risk, at_work), _sentences(source, risk, at_work, threshold)


def at_own_threshold(source: Source, evaluation: Evaluation, threshold: float) -> Band | None:
    """The model's unsure band on these rows; None for a model without one, and where the threshold is not the one it was cut around."""
    bundle = source.bundle
    if bundle is None or bundle.unsure[0] == bundle.unsure[1] or not _same(threshold, bundle.threshold):
        return None
    return band(evaluation.y_true, evaluation.y_score, threshold, bundle.unsure)


def _sentences(source: Source, risk: RiskCoverage, at_work: Band | None, threshold: float) -> list[str]:
    everything, half = risk.at(1), risk.at(0.5)
    found = [
        f"If all are answered, {everything.value:.1%} are wrong. If only the half furthest from the threshold is answered, "
        f"{half.value:.1%} of it ({half.low:.1%} to {half.high:.1%}).",
        f"The mean error rate along the curve (AURC) is {risk.area:.3f}; leaving pictures out at random gives {everything.value:.3f}.",
    ]
    if at_work:
        wrong = at_work.error
        told = f"it gets {wrong.value:.1%} ({wrong.low:.1%} to {wrong.high:.1%}) of the others wrong." if wrong else "it answers none."
        found.insert(0, f"With its unsure band the model leaves {1 - at_work.answered.value:.1%} of these pictures open; {told}")
    elif source.bundle and not _same(threshold, source.bundle.threshold):
        found.append(f"The model's unsure band belongs to its own threshold, {source.bundle.threshold:.3f}, and is marked only there.")
    found.append("A curve that does not fall to the left means that the model's confidence says nothing about whether it is right.")
    return found


def _same(first: float, second: float) -> bool:
    """The slider moves in steps of 0.001 and may have rounded."""
    return abs(first - second) < 5e-4
