"""Making every page the app's own from the first visit on."""

from __future__ import annotations

import runpy
from pathlib import Path

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

APP = Path(__file__).resolve().parent.parent / "streamlit_app.py"


def enter() -> None:
    """First line of every page. Streamlit takes an app with a folder ``pages/`` for its older kind and runs the page alone, without our
    navigation, until ``streamlit_app.py`` has run once: a fresh server's first visitor at ``/evaluate?...`` would see that. Then run the
    app instead, which runs the page."""
    if PagesManager.uses_pages_directory:
        runpy.run_path(str(APP))
        st.stop()
