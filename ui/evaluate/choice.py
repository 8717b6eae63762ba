"""Choosing a threshold by cost, or by how many false alarms are bearable."""

from __future__ import annotations

import streamlit as st

from detector.evaluation.evaluation import Evaluation
from detector.evaluation.thresholds import cheapest, expected_cost, most_caught
from ui import figures
from ui.evaluate.controls import set_threshold

COST, LIMIT = "what mistakes cost", "a limit on false alarms"
PER = 1000
"""Expected counts are told per this many pictures."""


def show(evaluation: Evaluation, threshold: float, image_format: str) -> None:
    """The question, the optimum, what it would do to a thousand pictures, and the shares behind it."""
    curves = evaluation.curves
    if not curves.both:
        st.info("A threshold can only be chosen on rows of both classes.", icon=":material/info:")
        return
    left, right = st.columns([2, 3], gap="large")
    with left:
        by = st.segmented_control("Choose by", [COST, LIMIT], default=COST, required=True, key="choose_by")
        here = round(100 * curves.n_ai / curves.n, 1)
        prevalence = st.slider(
            "AI-generated among the pictures it will judge", 0.0, 100.0, here, 0.5, format="%.1f%%", key="prevalence",
            help="Starts at their share in these rows. Where you use the model they may be rarer, and every false alarm weighs more.",
        ) / 100  # fmt: skip
        miss, false_alarm = 1.0, 1.0
        if by == COST:
            costs = st.columns(2)
            miss = costs[0].number_input("A miss costs", 0.0, 1e6, 1.0, key="cost_miss")
            false_alarm = costs[1].number_input("A false alarm costs", 0.0, 1e6, 1.0, key="cost_false_alarm")
            if not miss and not false_alarm:
                st.info("If no mistake costs anything, every threshold is as good.", icon=":material/info:")
                return
            best = cheapest(curves, miss, false_alarm, prevalence)
        else:
            rate = st.number_input("Real pictures called AI-generated, at most (%)", 0.0, 100.0, 5.0, 0.5, key="max_false_alarms")
            best = most_caught(curves, rate / 100)
        best = min(best, 1.0)
        _outcome("Best", best, evaluation, prevalence, miss, false_alarm, by == COST)
        st.button(
            f"Move the threshold to {best:.3f}", icon=":material/my_location:", key="take_best", on_click=set_threshold, args=(best,),
            type="primary", disabled=best == threshold,
        )  # fmt: skip
        if best != threshold:
            _outcome("Now", threshold, evaluation, prevalence, miss, false_alarm, by == COST)
    with right:
        settings = figures.config("rates", image_format)
        st.plotly_chart(figures.rates(curves, threshold), key="rates", config=settings, alt="Misses and false alarms at every threshold")
        st.caption("A threshold chosen on the very rows it is judged by looks a little better than it is; the fewer rows, the more so.")


def _outcome(word: str, threshold: float, evaluation: Evaluation, prevalence: float, miss: float, false_alarm: float, costs: bool) -> None:
    curves = evaluation.curves
    counts = curves.at(threshold)
    miss_rate, false_alarm_rate = counts.fn / curves.n_ai, counts.fp / curves.n_real
    cost = expected_cost(miss_rate, false_alarm_rate, miss, false_alarm, prevalence)
    st.markdown(
        f"**{word}: threshold {threshold:.3f}.** Of {PER:,} pictures, {PER * prevalence:,.0f} of them AI-generated, it would catch "
        f"**{PER * prevalence * (1 - miss_rate):,.0f}**, miss **{PER * prevalence * miss_rate:,.0f}** and raise "
        f"**{PER * (1 - prevalence) * false_alarm_rate:,.0f}** false alarms" + (f", at a cost of **{PER * cost:,.0f}**." if costs else ".")
    )
