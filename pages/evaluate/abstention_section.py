"""What the model gains by not answering: its errors against the share of pictures it answers."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from detector.evaluation.abstention import Band, RiskCoverage, band
from pages.evaluate.view import View
from ui import figures


def show(view: View, image_format: str) -> None:
    """The curve, and what it says."""
    st.subheader("If it may say “unsure”", anchor=False)
    settings = figures.config("abstaining", image_format)
    left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
    drawn, sentences = chart(view)
    left.plotly_chart(
        drawn, key="abstaining", config=settings, alt="Error rate against the share of pictures answered"
    )
    for sentence in sentences:
        right.markdown(sentence)


def chart(view: View) -> tuple[go.Figure, list[str]]:
    """The figure, and the sentences that go with it."""
    risk = RiskCoverage.of(view.evaluation.curves, view.threshold)
    at_work = at_own_threshold(view)
    return figures.abstaining(risk, at_work), _sentences(view, risk, at_work)


def at_own_threshold(view: View) -> Band | None:
    """The model's unsure band on these rows; None for a model without one, and where the threshold is not
    the one it was cut around."""
    bundle = view.source.bundle
    if bundle is None or bundle.unsure[0] == bundle.unsure[1]:
        return None
    if not _same(view.threshold, bundle.threshold):
        return None
    return band(view.evaluation.y_true, view.evaluation.y_score, view.threshold, bundle.unsure)


def _sentences(view: View, risk: RiskCoverage, at_work: Band | None) -> list[str]:
    bundle = view.source.bundle
    sentences = []
    if at_work:
        sentences.append(of_band(at_work))
    sentences += _of_curve(risk)
    if bundle and not _same(view.threshold, bundle.threshold):
        sentences.append(
            f"The model's unsure band belongs to its own threshold, {bundle.threshold:.3f}, and is marked"
            " only there."
        )
    sentences.append(
        "A curve that does not fall to the left means that the model's confidence says nothing about whether"
        " it is right."
    )
    return sentences


def of_band(at_work: Band) -> str:
    """What the band leaves open, and how often the rest is wrong."""
    wrong = at_work.error
    told = "it answers none."
    if wrong:
        told = f"it gets {wrong.value:.1%} ({wrong.low:.1%} to {wrong.high:.1%}) of the others wrong."
    left_open = 1 - at_work.answered.value
    return f"With its unsure band the model leaves {left_open:.1%} of these pictures open; {told}"


def _of_curve(risk: RiskCoverage) -> list[str]:
    everything, half = risk.at(1), risk.at(0.5)
    if everything is None or half is None:
        return []
    return [
        (
            f"If all are answered, {everything.value:.1%} are wrong. If only the half furthest from the"
            f" threshold is answered, {half.value:.1%} of it ({half.low:.1%} to {half.high:.1%})."
        ),
        (
            f"The mean error rate along the curve (AURC) is {risk.area:.3f}; leaving pictures out at random"
            f" gives {everything.value:.3f}."
        ),
    ]


def _same(first: float, second: float) -> bool:
    """The slider moves in steps of 0.001 and may have rounded."""
    return abs(first - second) < 5e-4
