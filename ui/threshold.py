"""A threshold carried from Evaluate to Classify: for this session and one model only, always visible, always undoable."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from detector.classifier import FileResult


def carry_button(bundle: Bundle, threshold: float) -> None:
    """Offer to judge by ``threshold`` on Classify."""
    st.button(
        "Use on Classify", icon=":material/swap_horiz:", key="carry", on_click=_carry, args=(bundle, threshold),
        disabled=threshold == (_carried(bundle) or bundle.threshold), help="Judge pictures by this threshold on Classify, until you undo it",
    )  # fmt: skip


def in_words(bundle: Bundle) -> str | None:
    """What Classify judges by instead of the bundle's own threshold; None if it judges by that."""
    threshold = _carried(bundle)
    if threshold is None:
        return None
    return f"Classify judges by the threshold {threshold:.3f} from Evaluate, not the model's own {bundle.threshold:.3f}, and without an unsure band."


def in_use(bundle: Bundle) -> Bundle:
    """The bundle as Classify should judge by it; where a threshold was carried over, a notice says so and offers to undo it."""
    threshold = _carried(bundle)
    if threshold is None:
        return bundle
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(in_words(bundle), icon=":material/swap_horiz:", width="stretch")
        st.button("Undo", icon=":material/undo:", key="undo_threshold", on_click=_forget, args=(bundle,))
    return replace(bundle, threshold=threshold, unsure=(threshold, threshold))  # a band fitted around another threshold means nothing here


def judged_by(bundle: Bundle, result: FileResult) -> FileResult:
    """``result`` with the verdict that the bundle's threshold gives."""
    if result.analysis is None or result.analysis.threshold == bundle.threshold:
        return result
    analysis = replace(result.analysis, verdict=bundle.verdict(result.analysis.y_score), threshold=bundle.threshold)
    return replace(result, analysis=analysis)


def _carried(bundle: Bundle) -> float | None:
    return st.session_state.get("carried_thresholds", {}).get(bundle.weights_sha256)


def _carry(bundle: Bundle, threshold: float) -> None:
    st.session_state.setdefault("carried_thresholds", {})[bundle.weights_sha256] = threshold


def _forget(bundle: Bundle) -> None:
    st.session_state.carried_thresholds.pop(bundle.weights_sha256, None)
