"""Making every page the app's own from the first visit on."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager


def enter() -> None:
    """First line of every page. Streamlit takes an app with a folder ``pages/`` for its older kind, without our navigation, until
    ``streamlit_app.py`` has run once; a fresh server's first visitor at ``/evaluate?...`` would see that. Say what we are and run again."""
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
