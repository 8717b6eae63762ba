"""A folder on the machine that runs Telltale, by its path."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from detector.datasets import DatasetError, typed
from ui.text import plain


def typed_folder(text: str) -> Path | None:
    """The folder whose path was typed or pasted. None where there is none, which this says on the page."""
    try:
        folder = typed(text)
    except DatasetError:  # for instance the home of nobody
        folder = None
    if folder and os.path.isdir(folder):  # False, too, for a name that no folder can have
        return folder
    st.warning(
        f"There is no folder {plain(text)} on the machine that runs Telltale. Give its whole path, such as"
        " /home/me/pictures.",
        icon=":material/folder_off:",
    )
    return None
