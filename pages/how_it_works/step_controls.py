"""What the page's user sets: the step, and what a step asks for."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from detector.explain.picture_walk import PictureWalk
from detector.explain.walkthrough import Walkthrough
from pages.how_it_works.step import Step, heads_of
from pages.how_it_works.temperature_control import temperature
from pages.how_it_works.walk_state import state
from ui.defaults import put, unless_set
from ui.presenter import presenter

ALL = "all"
"""The choice that shows every step, one below the other."""

STEP, BLOCK = "step", "block"
"""Keys of widgets, and their names in the address."""


def steps(all_steps: Sequence[Step], buttons: DeltaGenerator) -> list[Step]:
    """The steps to show: one, or all. The choice is in the page's address; the keys of a clicker go through
    them. buttons: where those are that do not choose a step by its name."""
    titles = {step.name: step.title for step in all_steps}
    names = list(titles)
    if st.session_state.get(STEP) not in (None, ALL, *names):
        st.session_state[STEP] = names[0]  # another model was chosen, which has not this step
    with st.container(key="walk-steps"):
        name = st.segmented_control(
            "Step",
            [*names, ALL],
            key=STEP,
            default=unless_set(STEP, names[0]),
            required=True,
            format_func=lambda name: titles.get(name, "All steps"),
            bind="query-params",
            label_visibility="collapsed",
        )
    at = names.index(name) if name != ALL else None
    with buttons, st.container(horizontal=True, vertical_alignment="center"):
        if at is not None:
            _step_button("Back", "arrow_back", names[at - 1] if at else None)
            _step_button("Next", "arrow_forward", names[at + 1] if at + 1 < len(names) else None)
        presenter(names, name, _go, link=_link_note())
    return list(all_steps) if at is None else [all_steps[at]]


def _step_button(label: str, icon: str, name: str | None) -> None:
    """A button that goes to the step of that name; None where there is none in this direction."""
    st.button(
        label,
        key=f"step-{label}",
        icon=f":material/{icon}:",
        on_click=_go,
        args=(name,),
        disabled=name is None,
        width="content",
    )


def _link_note() -> str:
    """What is said once the link is copied."""
    if state().linkable:
        return "Link copied: it shows the same in another browser."
    return "Link copied. It cannot hold your own picture: whoever opens it chooses one."


class Controls:
    """What is asked about the steps of one or two pictures, each once a run: where the first step is that it
    changes."""

    def __init__(self, walked: Sequence[PictureWalk]):
        self._own = list(walked)
        self._tempered: list[PictureWalk] | None = None
        self._head: int | None = None
        self._block: int | None = None

    def of(self, step: Step) -> tuple[list[PictureWalk], int]:
        """The pictures' walks as the step shows them, and the number of the head or the block that it
        shows."""
        if step.per_block and self._block is None:
            self._block = _block(self._own[0])
        if step.per_head and self._head is None:
            self._head = _head(self._own[0])
        if step.tempered and self._tempered is None:
            self._tempered = temperature(self._own)
        number = self._block if step.per_block else self._head
        shown = self._tempered if step.tempered and self._tempered else self._own
        return shown, number or 0


def _head(walk: PictureWalk) -> int:
    """Which head to show, counted from 0; asked only where there are several."""
    assert isinstance(walk, Walkthrough), "asked for steps of a head alone"
    heads = heads_of(walk)
    if heads == 1:
        return 0
    return st.segmented_control(
        "Head",
        range(heads),
        key=f"head-of-{heads}",
        default=0,
        required=True,
        format_func=lambda number: str(number + 1),
        persist_state="session",
    )


def _block(walk: PictureWalk) -> int:
    """Which of the transformer's blocks to show, counted from 0: at first the last that the head reads."""
    assert walk.blocks is not None, "asked for steps of blocks alone"
    count = len(walk.blocks)
    if st.session_state.get(BLOCK, 1) not in range(1, count + 1):
        del st.session_state[BLOCK]  # another model was chosen, which has fewer
    chosen = st.segmented_control(
        "Block",
        range(1, count + 1),
        key=BLOCK,
        default=walk.blocks.read[-1] + 1,
        required=True,
        bind="query-params",
    )
    return chosen - 1


def _go(name: str) -> None:
    put(STEP, name)
