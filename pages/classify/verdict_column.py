"""What stands beside the photo: the verdict, whether it stands damage, and what the file says."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from detector.provenance import contradiction
from pages.classify import card_dialog, file_facts, intake, perturbation_strip, remarks, side_by_side
from ui import verdict
from ui.text import shortened

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from pages.classify.classify_state import PictureResult
    from ui.models import Model
    from ui.pictures import Picture


def show(
    picture: Picture, result: PictureResult | None, results: Sequence[PictureResult], model: Model
) -> tuple[DeltaGenerator, bool]:
    """The column of one picture among all ``results``; result is None until the model was asked. Returns an
    empty place for progress, and whether the model's card was asked for."""
    if result is None:
        st.html(_waiting(picture.name))
        progress = st.empty()
    else:
        against = contradiction(file_facts.of(picture), result.verdict(model.bundle))
        verdict.show(
            picture.name,
            result.result,
            model.bundle,
            result.perturbed,
            perturbation_test=True,
            contradictions=[against] if against else [],
        )
        perturbation_strip.show_small(result, model)
        progress = st.empty()
    file_facts.show(picture)
    remarks.show(picture)
    with st.container(horizontal=True):
        card = st.button("About this model", icon=":material/description:", type="tertiary", key="card")
        if result is not None:
            side_by_side.button(result, results)
        intake.remove_button(picture)
    if card:
        card_dialog.show(model.bundle)
    return progress, card


def _waiting(name: str) -> str:
    """What stands where the verdict will be, as HTML."""
    return f"""
<div style="border-left:6px solid #8a8a8a;padding:.1rem 0 .1rem .9rem">
  <div style="overflow-wrap:anywhere" data-testid="name"><bdi>{escape(shortened(name, limit=80))}</bdi></div>
  <div style="font-size:2rem;font-weight:700;line-height:1.25;opacity:.6">The verdict follows</div>
</div>"""
