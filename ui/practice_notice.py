"""The label of practice models: whoever meets one, or what it said, is told what it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from detector.bundle import PRACTICE_IS_NOT

if TYPE_CHECKING:
    from detector.bundle import Bundle

SCORE = (
    "A practice model's score says which side of its practice set a picture resembles: patches of two photos,"
    " or what a simulated generator made. Of any other picture it says nothing, however sure it looks."
)
"""What stands where other models say how sure they are."""


def notice(bundle: Bundle, name: str | None = None) -> None:
    """Above everything that comes from a practice model; nothing for any other. name: as Markdown, where
    several models are on the page."""
    if bundle.practice:
        st.warning(
            f"**Practice model{f' {name}' if name else ''}.** {PRACTICE_IS_NOT}", icon=":material/school:"
        )


def badge(bundle: Bundle) -> None:
    """Beside a single verdict or title of a practice model; nothing for any other."""
    if bundle.practice:
        st.badge(
            "Practice model: says nothing about real AI pictures", icon=":material/school:", color="orange"
        )
