"""Data: what is in a dataset, and what gives its classes away, before anything is trained on it."""

from __future__ import annotations

import streamlit as st

from pages.data import (
    contact_sheets,
    duplicate_pictures,
    exclusion_choice,
    fact_histograms,
    folder_choice,
    scan_headlines,
    scan_report,
    shortcut_section,
    source_counts,
    spectrum_section,
)

st.title("What is in the data?", anchor=False)
job = folder_choice.choose()
if job is None:
    st.stop()
scan = job.scan
scan_headlines.show(job)
shows = {
    "Counts": lambda: source_counts.show(scan),
    "Shortcuts": lambda: shortcut_section.show(job),
    "Facts": lambda: fact_histograms.show(scan),
    "Pictures": lambda: contact_sheets.show(scan),
    "Spectrum": lambda: spectrum_section.show(job),
    "Duplicates": lambda: duplicate_pictures.show(scan),
    "Leave out": lambda: exclusion_choice.show(scan),
    "Take away": lambda: scan_report.show(job),
}
tabs = st.tabs(list(shows), key="data_tab", bind="query-params")
for tab, show in zip(tabs, shows.values(), strict=True):
    if tab.open:
        with tab:
            show()
