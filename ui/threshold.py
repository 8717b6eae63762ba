"""A threshold carried from Evaluate to Classify: for this session and one model only, always visible,
always undoable."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from ui.session import session

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from detector.classifier import FileResult
    from ui.models import Model


def carry_button(bundle: Bundle, threshold: float) -> None:
    """Offer to judge by ``threshold`` on Classify."""
    carried = _carried(bundle)
    st.button(
        "Use on Classify",
        icon=":material/swap_horiz:",
        key="carry",
        on_click=_carry,
        args=(bundle, threshold),
        disabled=threshold == (bundle.threshold if carried is None else carried),
        help="Judge pictures by this threshold on Classify, until you undo it",
    )


def in_words(bundle: Bundle) -> str | None:
    """What Classify judges by instead of the bundle's own threshold; None if it judges by that."""
    threshold = _carried(bundle)
    return None if threshold is None else _in_words(bundle, threshold)


def in_use(model: Model) -> Model:
    """The model as Classify should judge by it; where a threshold was carried over, a notice says so and
    offers to undo it."""
    bundle = model.on_disk
    threshold = _carried(bundle)
    if threshold is None:
        return model
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(_in_words(bundle, threshold), icon=":material/swap_horiz:", width="stretch")
        st.button("Undo", icon=":material/undo:", key="undo_threshold", on_click=_forget, args=(bundle,))
    return replace(model, carried_threshold=threshold)


def judged_by(bundle: Bundle, result: FileResult) -> FileResult:
    """``result`` with the verdict that the bundle's threshold gives."""
    if result.analysis is None or result.analysis.threshold == bundle.threshold:
        return result
    verdict = bundle.verdict(result.analysis.y_score)
    analysis = replace(result.analysis, verdict=verdict, threshold=bundle.threshold)
    return replace(result, analysis=analysis)


def _in_words(bundle: Bundle, threshold: float) -> str:
    low, high = bundle.at_threshold(threshold).unsure
    return (
        f"Classify judges by the threshold {threshold:.3f} from Evaluate, not the model's own"
        f" {bundle.threshold:.3f}. The unsure band moved along, as wide in logits: {low:.3f} to {high:.3f}."
    )


def _carried(bundle: Bundle) -> float | None:
    return session().carried_thresholds.get(bundle.weights_sha256)


def _carry(bundle: Bundle, threshold: float) -> None:
    session().carried_thresholds[bundle.weights_sha256] = threshold


def _forget(bundle: Bundle) -> None:
    session().carried_thresholds.pop(bundle.weights_sha256, None)
