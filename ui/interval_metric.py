"""A figure with its interval, as a box."""

from __future__ import annotations

import streamlit as st

from detector.evaluation.intervals import Estimate


def area(title: str, estimate: Estimate) -> None:
    """An area under a curve, with its 95% interval below."""
    st.metric(
        title,
        f"{estimate.value:.3f}",
        f"{estimate.low:.3f} to {estimate.high:.3f}",
        delta_color="off",
        delta_arrow="off",
        border=True,
        width=260,
    )
