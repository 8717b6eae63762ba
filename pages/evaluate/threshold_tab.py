"""Choosing a threshold by cost, or by how many false alarms are bearable."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from detector.evaluation.curves import Curves
from detector.evaluation.thresholds import cheapest, expected_cost, most_caught
from pages.evaluate.controls import set_threshold
from pages.evaluate.view import View
from ui import figures

COST, LIMIT = "what mistakes cost", "a limit on false alarms"
PER = 1000
"""Expected counts are told per this many pictures."""


@dataclass(frozen=True)
class Costs:
    """What one mistake of each kind costs, any unit."""

    miss: float = 1.0
    false_alarm: float = 1.0


def show(view: View, image_format: str) -> None:
    """The question, the optimum, what it would do to a thousand pictures, and the shares behind it."""
    curves = view.evaluation.curves
    if not curves.both:
        st.info("A threshold can only be chosen on rows of both classes.", icon=":material/info:")
        return
    left, right = st.columns([2, 3], gap="large")
    with left:
        is_chosen = _choose(curves, view.threshold)
    if not is_chosen:
        return
    with right:
        settings = figures.config("rates", image_format)
        st.plotly_chart(
            figures.rates(curves, view.threshold),
            key="rates",
            config=settings,
            alt="Misses and false alarms at every threshold",
        )
        st.caption(
            "A threshold chosen on the very rows it is judged by looks a little better than it is; the fewer"
            " rows, the more so."
        )


def _choose(curves: Curves, threshold: float) -> bool:
    """The questions and their answer; False where they have none."""
    by = st.segmented_control(
        "Choose by", [COST, LIMIT], default=COST, required=True, key="choose_by", persist_state="session"
    )
    prevalence = _ask_prevalence(curves)
    costs = _ask_costs() if by == COST else None
    if costs == Costs(0, 0):
        st.info("If no mistake costs anything, every threshold is as good.", icon=":material/info:")
        return False
    if costs:
        best = cheapest(curves, costs.miss, costs.false_alarm, prevalence)
    else:
        best = most_caught(curves, _ask_limit())
    best = min(best, 1.0)
    _outcome("Best", best, curves, prevalence, costs)
    st.button(
        f"Move the threshold to {best:.3f}",
        icon=":material/my_location:",
        key="take_best",
        on_click=set_threshold,
        args=(best,),
        type="primary",
        disabled=best == threshold,
    )
    if best != threshold:
        _outcome("Now", threshold, curves, prevalence, costs)
    return True


def _ask_prevalence(curves: Curves) -> float:
    """The share of AI-generated pictures expected in use, in [0, 1]."""
    here = round(100 * curves.n_ai / curves.n, 1)
    percent = st.slider(
        "AI-generated among the pictures it will judge",
        0.0,
        100.0,
        here,
        0.5,
        format="%.1f%%",
        key=f"prevalence:{here}",  # what was not moved starts anew with other rows
        persist_state="session",
        help=(
            "Starts at their share in these rows. Where you use the model they may be rarer, and every false"
            " alarm weighs more."
        ),
    )
    return percent / 100


def _ask_costs() -> Costs:
    left, right = st.columns(2)
    miss = left.number_input("A miss costs", 0.0, 1e6, 1.0, key="cost_miss", persist_state="session")
    false_alarm = right.number_input(
        "A false alarm costs", 0.0, 1e6, 1.0, key="cost_false_alarm", persist_state="session"
    )
    return Costs(miss, false_alarm)


def _ask_limit() -> float:
    """The share of real pictures that may be called AI-generated, in [0, 1]."""
    percent = st.number_input(
        "Real pictures called AI-generated, at most (%)",
        0.0,
        100.0,
        5.0,
        0.5,
        key="max_false_alarms",
        persist_state="session",
    )
    return percent / 100


def _outcome(word: str, threshold: float, curves: Curves, prevalence: float, costs: Costs | None) -> None:
    """What a threshold would do to ``PER`` pictures, in a sentence; costs only where they were asked for."""
    confusion_matrix = curves.at(threshold)
    miss_rate = confusion_matrix.fn / curves.n_ai
    false_alarm_rate = confusion_matrix.fp / curves.n_real
    n_ai = PER * prevalence
    n_real = PER - n_ai
    told = ""
    if costs:
        cost = expected_cost(miss_rate, false_alarm_rate, costs.miss, costs.false_alarm, prevalence)
        told = f", at a cost of **{PER * cost:,.0f}**"
    missed = n_ai * miss_rate
    false_alarms = n_real * false_alarm_rate
    st.markdown(
        f"**{word}: threshold {threshold:.3f}.**"
        f" Of {PER:,} pictures, {n_ai:,.0f} of them AI-generated,"
        f" it would catch **{n_ai - missed:,.0f}**, miss **{missed:,.0f}**"
        f" and raise **{false_alarms:,.0f}** false alarms{told}."
    )
