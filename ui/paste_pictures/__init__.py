"""Pictures from the clipboard: Ctrl+V anywhere on the page."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

MAX_BYTES = 20 * 2**20
"""Of all pictures of one paste; a larger one is better uploaded."""
MAX_PICTURES = 20

_HERE = Path(__file__).parent
# Registered on import, as components v2 wants.
_mount = st.components.v2.component(
    "telltale_paste_pictures",
    html='<p role="status" class="said"></p>',
    css=".said { margin: 0; font: inherit; color: var(--st-text-color); } .said:empty { display: none; }",
    js=(_HERE / "paste.js").read_text("utf-8"),
)


def paste_pictures(on_paste: Callable[[list[bytes]], None], key: str) -> None:
    """Listen for pictures that are pasted anywhere on the page, but for text that goes into a field.

    on_paste: called with the files' bytes, which can be anything.
    """

    def handle() -> None:
        pasted = getattr(st.session_state[key], "pasted", None)
        if pasted is not None:
            on_paste(decoded(pasted))

    limits = {"most": MAX_PICTURES, "bytes": MAX_BYTES}
    _mount(key=key, data=limits, on_pasted_change=handle)


def decoded(pasted: Any) -> list[bytes]:
    """The files in what the browser sent; what is none, or too much, is left out."""
    contents: list[bytes] = []
    listed = pasted if isinstance(pasted, list) else []
    for text in listed[:MAX_PICTURES]:
        if not isinstance(text, str) or len(text) > 4 * MAX_BYTES // 3 + 4:
            continue
        try:
            content = b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        if content and sum(map(len, contents)) + len(content) <= MAX_BYTES:
            contents.append(content)
    return contents
