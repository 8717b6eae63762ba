"""What a sample is, and whether the model is right about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui import known_samples

if TYPE_CHECKING:
    from detector.verdicts import Verdict
    from ui.known_samples import KnownSample
    from ui.pictures import Picture


def show(picture: Picture, verdict: Verdict) -> None:
    """Say of a sample what it is in truth; nothing of any other picture."""
    sample = known_samples.by_picture_id().get(picture.id)
    if sample is None:
        return
    is_wrong = verdict.side == sample.truth.opposite
    st.info(
        f"**A sample: it is {sample.truth.in_sentence}.** {sample.about} {outcome(sample, verdict)}",
        icon=":material/error:" if is_wrong else ":material/school:",
    )


def outcome(sample: KnownSample, verdict: Verdict) -> str:
    """Whether the verdict is right, in a sentence."""
    if verdict.side is None:
        return "The model does not commit itself."
    if verdict.side == sample.truth:
        return "The model is right."
    return f"**The model is wrong:** it says {verdict.in_sentence}, and nothing else on this page tells."
