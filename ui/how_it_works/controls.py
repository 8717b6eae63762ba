"""What the page's user sets: the step, the head, and the softmax's temperature."""

from __future__ import annotations

import streamlit as st

from detector.explain.walkthrough import Walkthrough
from ui.defaults import put, unless_set
from ui.how_it_works.steps import STEPS, Step
from ui.verdict import TITLES

ALL = "all"
"""The choice that shows every step, one below the other."""

TEMPERATURES = (0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
"""About evenly spaced in their logarithm; 1 is the model's own."""

TITLES_OF_STEPS = {step.name: step.title for step in STEPS} | {ALL: "All steps"}


def steps() -> list[Step]:
    """The steps to show: one, or all. The choice is in the page's address; Page Up and Page Down, as presenters' remotes send, go through it."""
    names = [step.name for step in STEPS]
    with st.container(horizontal=True, vertical_alignment="center"):
        back, picker, forward = st.empty(), st.container(width="content"), st.empty()
        name = picker.segmented_control(
            "Step", list(TITLES_OF_STEPS), key="step", default=unless_set("step", names[0]), required=True, format_func=TITLES_OF_STEPS.get,
            bind="query-params", label_visibility="collapsed",
        )  # fmt: skip
        if name == ALL:
            return list(STEPS)
        at = names.index(name)
        for place, label, icon, other, key in (
            (back, "Back", "arrow_back", names[max(at - 1, 0)], "PageUp"),
            (forward, "Next", "arrow_forward", names[min(at + 1, len(names) - 1)], "PageDown"),
        ):  # fmt: skip
            place.button(
                label, key=f"step-{label}", icon=f":material/{icon}:", on_click=_go, args=(other,), disabled=other == name, shortcut=key,
                width="content",
            )  # fmt: skip
    return [STEPS[at]]


def head(walk: Walkthrough) -> int:
    """Which head to show, counted from 0; asked only where there are several."""
    if len(walk.scores) == 1:
        return 0
    heads = len(walk.scores)
    return st.segmented_control(
        "Head", range(heads), key=f"head-of-{heads}", default=0, required=True, format_func=lambda number: str(number + 1), persist_state="session"
    )


def temperature(own: Walkthrough) -> Walkthrough:
    """The walkthrough at the temperature that the slider is set to, with what that does to attention and verdict."""
    slide, effect = st.columns([2, 3], gap="large")
    chosen = slide.select_slider(
        "Temperature of the softmax", TEMPERATURES, value=unless_set("temperature", 1.0), key="temperature", format_func=lambda t: f"{t:g}",
        bind="query-params",
        help="1 is the model's own. A low temperature lets the largest score take nearly everything; a high one spreads attention evenly.",
    )  # fmt: skip
    walk = own.at(chosen)
    n = len(walk.tokens)
    with effect, st.container(horizontal=True):
        st.metric("Patches a patch looks at", f"{walk.patches_in_view:.1f} of {n}", _change(walk.patches_in_view - own.patches_in_view, "{:+.1f}"),
                  delta_color="off", help="2 to the mean entropy of a row, in bits: an even row would look at all of them."
                  + f" The mean of all {len(walk.scores)} heads." * (len(walk.scores) > 1))  # fmt: skip
        st.metric("Heatmap", "diffuse" if walk.heatmap.diffuse else "focused", f"peak {walk.heatmap.peak:.1f}× the uniform share", delta_color="off",
                  delta_arrow="off", help="Diffuse: no patch receives twice the uniform share, so the map singles nothing out.")  # fmt: skip
        st.metric("P(AI-generated)", f"{walk.y_score:.1%}", _change(100 * (walk.y_score - own.y_score), "{:+.1f} points"), delta_color="off")
        st.metric("Verdict", TITLES[walk.verdict], "as without the change" if chosen != 1 and walk.verdict == own.verdict else
                  f"instead of {TITLES[own.verdict]}" if chosen != 1 else None, delta_color="off", delta_arrow="off")  # fmt: skip
    if chosen != 1:
        note, undo = st.columns([6, 1], vertical_alignment="center")
        note.warning(
            f"**Not the model's own attention.** Everything from the softmax on is recomputed as if its temperature were {chosen:g}. "
            f"The model itself says {own.y_score:.1%}, {TITLES[own.verdict]}.", icon=":material/experiment:",
        )  # fmt: skip
        undo.button("Back to 1", key="own_temperature", icon=":material/undo:", on_click=_reset)
    return walk


def _change(difference: float, written: str) -> str | None:
    text = written.format(difference)
    return None if text.strip("+-0. points") == "" else text


def _go(name: str) -> None:
    put("step", name)


def _reset() -> None:
    put("temperature", 1.0)
