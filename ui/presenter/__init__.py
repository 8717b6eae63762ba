"""What a page needs in front of a room: presenter mode, the keys of a clicker, and a link to what is shown.

All of it happens in the browser. Presenter mode is an attribute of the document, ``data-presenting``, and
``present=1`` in the address; a page hides what is not its subject by a style sheet of its own. The server
hears of nothing but a step that is to be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
# Registered on import, as components v2 wants.
_mount = st.components.v2.component(
    "telltale_presenter",
    html=(_HERE / "presenter.html").read_text("utf-8"),
    css=(_HERE / "presenter.css").read_text("utf-8"),
    js=(_HERE / "presenter.js").read_text("utf-8"),
)

KEY = "presenter"


def presenter(
    steps: Sequence[str] = (),
    at: str | None = None,
    go: Callable[[str], None] | None = None,
    *,
    answers: Sequence[str] = (),
    link: str | None = None,
) -> None:
    """A button for presenter mode, which the key P is for too, and one that copies the page's address.

    steps: names of what a clicker goes through, ``at`` the one that is shown; Page Up and Down, the arrows,
    space, Home and End then call ``go`` with a name. A slider keeps its arrows while it has the focus, and
    never gets the other keys. answers: keys of the buttons that answer the page's one question, from left to
    right; Page Up then presses the first and Page Down the last. link: None for no button, else the sentence
    that is said once the address is copied.
    """
    st.html(_HERE / "page.css")
    shown = {
        "steps": list(steps),
        "at": steps.index(at) if at in steps else None,
        "answers": list(answers),
        "link": link,
    }

    def stepped() -> None:
        name = st.session_state[KEY].step
        if go is not None and name in steps:
            go(name)

    with st.container(key="presenter-place", width="content"):
        _mount(key=KEY, data=shown, on_step_change=stepped)
