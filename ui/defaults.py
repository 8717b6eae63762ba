"""Widgets that have a default and are also set by callbacks. Streamlit warns of both in one run, so a
widget then goes without its default."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui.session import session


def unless_set(key: str, default: Any) -> Any:
    """The default to give the widget with that key; None in the run after ``put``."""
    if key in session().set_by_callbacks:
        session().set_by_callbacks.remove(key)
        return None
    return default


def put(key: str, value: Any) -> None:
    """Set the widget with that key; for callbacks."""
    st.session_state[key] = value
    session().set_by_callbacks.add(key)
