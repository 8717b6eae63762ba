"""The open picture and another one side by side: both verdicts, both maps, opacity and pointer linked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from detector.explain import METHODS
from detector.records import percent
from pages.classify import maps, picture_tiles, shown_picture
from pages.classify.classify_state import state
from ui.heatmap_viewer import heatmap_viewer
from ui.text import shortened
from ui.verdict import COLOURS

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from detector.explain.method import Method
    from pages.classify.classify_state import PictureResult
    from ui.models import Model

OTHER = "compare-with"
"""Key of the widget that chooses the second picture."""


def button(opened: PictureResult, results: Sequence[PictureResult]) -> None:
    """Offer to compare the open picture, where there is another one: with a near-duplicate, else with the
    next."""
    others = _others(opened, results)
    if not others:
        return
    st.button(
        "Compare",
        icon=":material/compare:",
        type="tertiary",
        key="compare",
        on_click=lambda: _compare_with(_nearest(opened, others).picture.id),
        help="This picture and another one side by side",
    )


def show_if_wanted(
    opened: PictureResult, results: Sequence[PictureResult], method: str, model: Model
) -> None:
    """The comparison that was asked for, over the page, until it is closed."""
    ours = state()
    others = {each.picture.id: each for each in _others(opened, results)}
    if ours.compared in others:
        _show(opened, others, METHODS[method], model)
    else:
        ours.compared = None


def _others(opened: PictureResult, results: Sequence[PictureResult]) -> list[PictureResult]:
    """All others that can be read, beginning with the one after it."""
    readable = [each for each in results if each.is_readable]
    ids = [each.picture.id for each in readable]
    at = ids.index(opened.picture.id) if opened.picture.id in ids else -1
    return readable[at + 1 :] + readable[: max(at, 0)]


def _nearest(opened: PictureResult, others: Sequence[PictureResult]) -> PictureResult:
    groups = picture_tiles.near_duplicates([opened, *others])
    same = groups[opened.picture.id]
    return next((each for each in others if groups[each.picture.id] == same), others[0])


def _compare_with(picture_id: str | None) -> None:
    state().compared = picture_id


@st.dialog("Side by side", width="large", on_dismiss=partial(_compare_with, None))
def _show(opened: PictureResult, others: dict[str, PictureResult], method: Method, model: Model) -> None:
    st.session_state[OTHER] = state().compared
    chosen = st.selectbox(
        "Compare with",
        list(others),
        format_func=lambda picture_id: shortened(others[picture_id].picture.name, limit=60),
        key=OTHER,
        on_change=lambda: _compare_with(st.session_state[OTHER]),
    )
    for side, column, result in zip(("left", "right"), st.columns(2), (opened, others[chosen]), strict=True):
        with column:
            st.html(_headline(result, model.bundle))
            _map(result, side, method, model)


def _map(result: PictureResult, side: str, method: Method, model: Model) -> None:
    shown = shown_picture.as_shown(result.picture, result, model.bundle.preprocessing)
    if shown is None:  # it was read once; whatever became of it, there is nothing to show
        return
    heatmap = maps.heatmap_of(result.picture, method, model)
    if isinstance(heatmap, str):
        st.image(shown.jpeg)
        st.markdown(heatmap)
        return
    heatmap_viewer(
        shown.jpeg,
        "image/jpeg",
        shown.region,
        None,
        heatmap,
        alt=result.picture.name,
        filename=result.picture.name,
        key=f"compared-{side}",
        tiles=shown.tiles,
        status=method.caption_of(heatmap),
        group="compared",
        max_height="55vh",
    )


def _headline(result: PictureResult, bundle: Bundle) -> str:
    """Name, verdict and score, as HTML."""
    verdict = result.verdict(bundle)
    name = escape(shortened(result.picture.name, limit=60))
    score = escape(percent(result.analysis.y_score))
    return f"""
<div style="border-left:5px solid {COLOURS[verdict]};padding-left:.7rem">
  <div style="overflow-wrap:anywhere"><bdi>{name}</bdi></div>
  <strong style="font-size:1.25rem">{verdict.title}</strong> · P(AI-generated) {score}
</div>"""
