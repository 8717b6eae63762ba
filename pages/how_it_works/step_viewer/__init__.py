"""The pictures of one step as a component: the patch chosen in one figure is chosen in all, in the
browser, without the server."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.dated_payload import dated

_HERE = Path(__file__).parent
# Registered on import, as components v2 wants: once per process, however many figures a page mounts.
_mount = st.components.v2.component(
    "telltale_step_figure",
    html=(_HERE / "figure.html").read_text("utf-8"),
    css=(_HERE / "figure.css").read_text("utf-8"),
    js=(_HERE / "figure.js").read_text("utf-8"),
)


def step_figure(figure: dict, key: str) -> None:
    """Show a figure made by ``pages.how_it_works.step_figures``. Everything in it is text and numbers:
    nothing becomes HTML."""
    _mount(key=key, data=dated(key, figure))
