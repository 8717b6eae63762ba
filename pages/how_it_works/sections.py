"""One step on the page: its words beside its figure, large enough for the last row. Of two pictures the
figures stand side by side below the words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from detector.explain.picture_walk import PictureWalk
from detector.explain.walkthrough import Walkthrough
from pages.how_it_works import charts, walks
from pages.how_it_works.backbone_figures import backbone
from pages.how_it_works.step import Step, StepText
from pages.how_it_works.step_figures import FIGURES
from pages.how_it_works.step_viewer import step_figure
from ui.figures import config
from ui.text import plain

if TYPE_CHECKING:
    from ui.models import Model

STYLE = Path(__file__).with_name("page_style.css")

CHARTED = ("probability", "logit")
"""Steps with the S-curve."""


def style() -> None:
    """The page's own type sizes."""
    st.html(STYLE)


def heading(number: int, step: Step) -> None:
    st.header(f"{number}. {step.title}", anchor=False)


def show(step: Step, walked: Sequence[PictureWalk], number: int, names: Sequence[str], model: Model) -> None:
    """The step's words and its figure. ``number``: of the head or the block to show where the step shows
    one. names: of the pictures."""
    if len(walked) > 1:
        _side_by_side(step, walked, number, names, model)
        return
    walk, text = walked[0], step.text(walked[0])
    if step.name in CHARTED:
        left, middle, right = st.columns(3, gap="medium")
        with middle:
            _charts(walk)
    else:
        left, right = st.columns([2, 3], gap="large")
    with left, st.container(key=f"walk-words-{step.name}"):
        st.markdown(text.sentence)
        st.latex(text.formula)
        st.markdown(f"**Shapes:** {text.shapes}")
        _question(step, text)
    with right:
        step_figure(_figure(step, walk, number, model), key=f"walk-figure-{step.name}")


def _side_by_side(
    step: Step, walked: Sequence[PictureWalk], number: int, names: Sequence[str], model: Model
) -> None:
    """One sentence for both, and above each figure what the curve would tell."""
    text = step.text(walked[0])
    with st.container(key=f"walk-words-{step.name}"):
        st.markdown(text.sentence)
    columns = st.columns(len(walked), gap="large")
    for at, (column, walk, name) in enumerate(zip(columns, walked, names, strict=True)):
        with column:
            verdict = f"{walk.verdict.title}, P(AI-generated) {walk.y_score:.1%}"
            st.markdown(f"#### {plain(name, limit=40)}: {verdict}")
            step_figure(_figure(step, walk, number, model), key=f"walk-figure-{step.name}-{at}")


def _question(step: Step, text: StepText) -> None:
    st.info(f"**Look at this.** {text.question}", icon=":material/school:")
    with st.expander("Answer", key=f"answer-{step.name}"):
        st.markdown(text.answer)


def _figure(step: Step, walk: PictureWalk, number: int, model: Model) -> dict:
    if step.name == "backbone":
        return backbone(walk, walks.stages(walk, model))
    return FIGURES[step.name](walk, number)


def _charts(walk: PictureWalk) -> None:
    st.plotly_chart(charts.curve(walk), key="walk-curve", config=config("curve", "svg"))
    if isinstance(walk, Walkthrough):
        st.plotly_chart(charts.votes(walk), key="walk-votes", config=config("votes", "svg"))
