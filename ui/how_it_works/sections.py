"""One step on the page: its words beside its figure, large enough for the last row."""

from __future__ import annotations

import streamlit as st

from detector.explain.walkthrough import Walkthrough
from ui.figures import config
from ui.how_it_works import charts
from ui.how_it_works.figure import step_figure
from ui.how_it_works.figures import FIGURES
from ui.how_it_works.steps import STEPS, Step

STYLE = """<style>
[data-testid="stMainBlockContainer"] {padding-bottom: 2rem}
[data-testid="stMainBlockContainer"] h1 {font-size: 2.1rem; padding: 0}
[data-testid="stMainBlockContainer"] h2 {font-size: 1.7rem; padding: .6rem 0 .3rem}
[class*="st-key-walk-words-"] p {font-size: 1.25rem; line-height: 1.5}
[class*="st-key-walk-words-"] .katex {font-size: 1.35rem}
[class*="st-key-walk-words-"] .katex-display {overflow-x: auto; overflow-y: hidden; padding: .3rem 0 .6rem; margin: 0}
@media (min-width: 1600px) {
  [class*="st-key-walk-words-"] p {font-size: 1.5rem}
  [class*="st-key-walk-words-"] .katex {font-size: 1.6rem}
}
@media (max-width: 640px) {
  [class*="st-key-walk-words-"] p {font-size: 1.1rem}
  [class*="st-key-walk-words-"] .katex {font-size: 1.1rem}
}
</style>"""
"""Larger words and formulas, and less room above them: a step should fit on a projector."""


def style() -> None:
    """The page's own type sizes."""
    st.html(STYLE)


def heading(step: Step) -> None:
    st.header(f"{STEPS.index(step) + 1}. {step.title}", anchor=False)


def show(step: Step, walk: Walkthrough, head: int) -> None:
    """The step's words, formula, shapes and question, and its figure. ``head``: which to show where the step shows one."""
    words = step.words(walk)
    left, right = st.columns([2, 3], gap="large")
    with left, st.container(key=f"walk-words-{step.name}"):
        st.markdown(words.sentence)
        st.latex(words.formula)
        st.markdown(f"**Shapes:** {words.shapes}")
        st.info(f"**Look at this.** {words.question}", icon=":material/school:")
    figure = FIGURES[step.name](walk, head)
    if step.name != "probability":
        with right:
            step_figure(figure, key=f"walk-figure-{step.name}")
        return
    right.plotly_chart(charts.curve(walk), key="walk-curve", config=config("curve", "svg"))
    below, beside = st.columns([3, 2], gap="large")
    with below:
        step_figure(figure, key=f"walk-figure-{step.name}")
    beside.plotly_chart(charts.votes(walk), key="walk-votes", config=config("votes", "svg"))
