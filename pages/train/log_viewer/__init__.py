"""The log viewer: the last lines of a growing file, followed at its end, in the browser.

It is sent a bounded piece of the log each time; the browser keeps what it has and appends what is new. Text
stays text.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from ui.dated_payload import dated

_HERE = Path(__file__).parent
# Registered on import, as components v2 wants: once per process, however many viewers a page mounts.
_mount = st.components.v2.component(
    "telltale_log_viewer",
    html=(_HERE / "viewer.html").read_text("utf-8"),
    css=(_HERE / "viewer.css").read_text("utf-8"),
    js=(_HERE / "viewer.js").read_text("utf-8"),
)


def log_viewer(
    lines: Sequence[tuple[int, str]],
    *,
    identity: str,
    key: str,
    label: str,
    note: str = "",
    before: str = "",
    find: str = "",
    follow: bool = True,
    live: bool = False,
) -> None:
    """Show lines, each with its number: they grow, and one that is skipped stands for lines not shown.

    identity: of the file; another one starts the viewer anew. label: what it is, for a screen reader. note: a
    line above it. before: what to say in front of the first line where the file begins earlier. find: text to
    mark, whatever its case. follow: the lines are the end of a growing file; otherwise they stand for
    themselves. live: it may grow yet.
    """
    payload = {
        "identity": identity,
        "lines": [list(line) for line in lines],
        "label": label,
        "note": note,
        "before": before,
        "find": find,
    }
    _mount(key=key, data=dated(key, payload | {"follow": follow, "live": live}))
