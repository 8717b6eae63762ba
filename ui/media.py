"""Pictures that the browser fetches when it shows them, instead of getting them with each run of a script."""

from __future__ import annotations

from functools import cache

import streamlit as st
from streamlit import runtime

from ui.encoding import JPEG


def address(content: bytes, place: str, media_type: str = JPEG) -> str:
    """Where this session's browser finds a file, until a run of the script does not ask for it any more.

    place: what it is shown as, another one for each file of a page. Streamlit keeps a file once, however
    often it is asked for, as it does for ``st.image``; the address follows from the content, so that a
    browser fetches it once.
    """
    return _base() + runtime.get_instance().media_file_mgr.add(content, media_type, place)


@cache
def _base() -> str:
    """The path below which the app answers, the same as long as it runs: "", or for instance "/telltale"."""
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{base}" if base else ""
