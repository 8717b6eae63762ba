"""The softmax's temperature, and what it does to attention and verdict."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from detector.explain.picture_walk import PictureWalk
from detector.explain.walkthrough import Walkthrough
from pages.how_it_works.step import heads_of, token_noun, token_nouns
from ui.defaults import put, unless_set

TEMPERATURES = (0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
"""About evenly spaced in their logarithm; 1 is the model's own."""

TEMPERATURE = "temperature"
"""Key of the widget, and its name in the address."""


def temperature(own: Sequence[PictureWalk]) -> list[PictureWalk]:
    """The walks at the temperature that the slider is set to, with what that does to attention and verdict
    where there is one picture."""
    slider, effect = st.columns([2, 3], gap="large")
    with slider:
        chosen = st.select_slider(
            "Temperature of the softmax",
            TEMPERATURES,
            value=unless_set(TEMPERATURE, 1.0),
            key=TEMPERATURE,
            format_func=lambda t: f"{t:g}",
            bind="query-params",
            help=(
                "1 is the model's own. A low temperature lets the largest score take nearly everything; a"
                " high one spreads attention evenly."
            ),
        )
    walked = [walk.at(chosen) for walk in own if isinstance(walk, Walkthrough)]
    first, before = walked[0], own[0]
    if len(walked) == 1 and isinstance(before, Walkthrough):
        with effect, st.container(horizontal=True, key="walk-effect"):
            _attention_metrics(first, before)
            _verdict_metrics(first, before)
    if chosen != 1:
        note, undo = st.columns([6, 1], vertical_alignment="center")
        note.warning(
            "**Not the model's own attention.** Everything from the softmax on is recomputed as if its"
            f" temperature were {chosen:g}. The model itself says {before.y_score:.1%},"
            f" {before.verdict.title}.",
            icon=":material/experiment:",
        )
        undo.button("Back to 1", key="own_temperature", icon=":material/undo:", on_click=_reset)
    return list(walked)


def _attention_metrics(walk: Walkthrough, own: Walkthrough) -> None:
    """How widely attention is spread."""
    heads = heads_of(walk)
    how = "2 to the mean entropy of a row, in bits: an even row would look at all of them."
    if heads > 1:
        how += f" The mean of all {heads} heads."
    st.metric(
        f"{token_nouns(walk).capitalize()} a {token_noun(walk)} looks at",
        f"{walk.patches_in_view:.1f} of {len(walk.tokens)}",
        _change(walk.patches_in_view - own.patches_in_view, "{:+.1f}"),
        delta_color="off",
        help=how,
    )
    st.metric(
        "Heatmap",
        "diffuse" if walk.heatmap.diffuse else "focused",
        f"peak {walk.heatmap.peak:.1f}× the uniform share",
        delta_color="off",
        delta_arrow="off",
        help="Diffuse: no patch receives twice the uniform share, so the map singles nothing out.",
    )


def _verdict_metrics(walk: Walkthrough, own: Walkthrough) -> None:
    """What becomes of the probability and the verdict."""
    st.metric(
        "P(AI-generated)",
        f"{walk.y_score:.1%}",
        _change(100 * (walk.y_score - own.y_score), "{:+.1f} points"),
        delta_color="off",
    )
    compared = None
    if walk.temperature != own.temperature:
        same = walk.verdict == own.verdict
        compared = "as without the change" if same else f"instead of {own.verdict.title}"
    st.metric("Verdict", walk.verdict.title, compared, delta_color="off", delta_arrow="off")


def _change(difference: float, number_format: str) -> str | None:
    """None for a difference that would be written as zero."""
    text = number_format.format(difference)
    return None if text.strip("+-0. points") == "" else text


def _reset() -> None:
    put(TEMPERATURE, 1.0)
