"""Widgets that have a default and are also set by callbacks. Streamlit warns of both in one run, so a widget then goes without its default."""

from __future__ import annotations

from typing import Any

import streamlit as st


def unless_set(key: str, default: Any) -> Any:
    """The default to give the widget with that key; None in the run after ``put``."""
    return None if st.session_state.pop(_flag(key), False) else default


def put(key: str, value: Any) -> None:
    """Set the widget with that key; for callbacks."""
    st.session_state[key] = value
    st.session_state[_flag(key)] = True


def _flag(key: str) -> str:
    return f"{key}-was-put"
