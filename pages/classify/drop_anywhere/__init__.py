"""Files dropped anywhere on the page, as if they had been dropped on the uploader."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
# Registered on import, as components v2 wants: once per process.
_mount = st.components.v2.component(
    "telltale_drop_anywhere",
    html='<div class="veil" hidden aria-hidden="true">Drop pictures to check them</div>',
    css=(_HERE / "veil.css").read_text("utf-8"),
    js=(_HERE / "drop.js").read_text("utf-8"),
)


def listen() -> None:
    """From now on the page takes files; they go the uploader's way, with its limits and its messages."""
    _mount(key="drop_anywhere", height=1)
