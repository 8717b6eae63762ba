"""A picture on screen from the moment it is chosen, while it is still on its way to the server."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.album import Album

_HERE = Path(__file__).parent
# Registered on import, as components v2 wants: once per process.
_mount = st.components.v2.component(
    "telltale_upload_preview",
    html=(_HERE / "preview.html").read_text("utf-8"),
    css=(_HERE / "preview.css").read_text("utf-8"),
    js=(_HERE / "preview.js").read_text("utf-8"),
)


def listen(album: Album) -> None:
    """From now on a picture that is chosen alone is shown by the browser itself, over all that the page says
    of another one, until the page's own viewer shows it.

    What the browser cannot show (TIFF, HEIC) is not shown before it has arrived.
    """
    _mount(key="upload_preview", data={"taken": album.taken, "latest": album.latest}, height=1)
