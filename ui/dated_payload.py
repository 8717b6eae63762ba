"""What a component is sent, with a date: a busy browser may bring an older payload after a newer one, and by
this its script knows."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st


def dated(key: str, payload: dict[str, Any]) -> dict[str, Any]:
    """``payload`` and, as ``edition``, when the component with that ``key`` was last given something else, in
    microseconds since 1970. The same payload keeps its edition, so it is not sent again."""
    content = hash(repr(payload))
    place = f"{key} edition"
    known = st.session_state.get(place)
    if known is None or known[0] != content:
        known = st.session_state[place] = (content, time.time_ns() // 1000)
    return payload | {"edition": known[1]}
