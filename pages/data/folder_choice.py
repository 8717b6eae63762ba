"""Which dataset is looked at: a folder or a table on this machine, by its path."""

from __future__ import annotations

import streamlit as st

from detector.datasets import typed
from ui import scan_job
from ui.scan_job import ScanJob


def choose() -> ScanJob | None:
    """Ask for the folder; the job of its scan once that is complete. Until then it says what there is to
    wait for or to correct."""
    field, button = st.columns([5, 1], vertical_alignment="bottom")
    text = scan_job.ask(field, "Folder, CSV file or manifest, on this machine")
    if not text.strip():
        st.info(
            "Name a dataset to see what is in it: broken files, duplicates and leaks, and whether something"
            " other than the pictures gives the classes away. Nothing in it is changed.",
            icon=":material/dataset:",
        )
        return None
    job = scan_job.scanned(text)
    if job is not None:
        button.button(
            "Scan again",
            icon=":material/refresh:",
            key="scan_again",
            on_click=lambda: scan_job.scan_again(typed(text)),
            help="Files that have not changed are not measured again.",
            width="stretch",
        )
    return job
