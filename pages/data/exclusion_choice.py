"""What should be left out of training, and the list that says so."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from detector.datasets import DatasetError
from detector.datasets.dataset_scan import DatasetScan
from detector.datasets.exclusions import (
    EXCLUSION_LIST,
    exclusion_csv,
    restore_exclusions,
    save_exclusions,
)
from detector.datasets.scan_summary import reasons
from detector.printable import printable
from train import runs
from ui.text import plain

TITLES = {
    "unreadable": "Files that cannot be used",
    "leaks": "Images that leak from one split into another",
    "both labels": "Pictures under both labels",
}
MOST_LISTED = 2000
SAVED = "data_saved_exclusions"
"""In the session: (the dataset's folder, what the list held before it was saved)."""


def show(scan: DatasetScan) -> None:
    """The kinds to choose from, the list itself, and where it can go."""
    _undo(scan)
    kinds = {kind: found for kind, found in scan.exclusions().items() if found}
    if scan.examined.excluded:
        st.caption(
            f":material/playlist_remove: {scan.examined.excluded:,} images are left out already: they are"
            f" listed in {EXCLUSION_LIST}."
        )
    if not kinds:
        st.success("There is nothing that should be left out.", icon=":material/check_circle:")
        return
    st.markdown(
        f"A file **{EXCLUSION_LIST}** in the dataset's folder keeps images out of training, and out of"
        " everything else Telltale does with the data. The images themselves are not touched."
    )
    chosen: list[tuple[str, str]] = []
    for kind, found in kinds.items():
        if st.checkbox(f"{TITLES[kind]}: {len(found):,}", value=True, key=f"exclude_{kind}"):
            chosen += found
    if "unreadable" in kinds:
        for reason, count in reasons(scan).most_common():
            st.caption(f"{count:,} × {plain(reason, limit=200)}")
    with st.container(horizontal=True):
        st.download_button(
            "Exclusion list (CSV)",
            lambda: exclusion_csv(chosen),
            EXCLUSION_LIST,
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="download_exclusions",
            disabled=not chosen,
        )
        if not runs.readonly():
            st.button(
                "Save it with the data",
                icon=":material/save:",
                key="save_exclusions",
                type="primary",
                disabled=not chosen,
                on_click=_save,
                args=(scan, chosen),
                help=f"Writes {EXCLUSION_LIST} into the dataset's folder, or adds to it.",
            )
    listed = [(printable(id), reason) for id, reason in dict(chosen).items()]
    st.dataframe(
        pd.DataFrame(listed[:MOST_LISTED], columns=["File", "Why"]),
        hide_index=True,
        alt="What would be left out, and why",
    )
    if len(listed) > MOST_LISTED:
        st.caption(f"The first {MOST_LISTED:,} of {len(listed):,}.")


def _save(scan: DatasetScan, chosen: list[tuple[str, str]]) -> None:
    """The folder has changed then, so the page scans it again."""
    try:
        st.session_state[SAVED] = scan.root, save_exclusions(scan.root, chosen)
    except DatasetError as error:
        st.session_state[SAVED] = scan.root, error


def _undo(scan: DatasetScan) -> None:
    """What came of saving, and the way back."""
    root, before = st.session_state.get(SAVED, (None, None))
    if root != scan.root:
        return
    if isinstance(before, DatasetError):
        st.error(plain(str(before), limit=400), icon=":material/error:")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/check_circle: {EXCLUSION_LIST} is saved with the data.")
        st.button(
            "Undo",
            icon=":material/undo:",
            key="undo_exclusions",
            type="tertiary",
            on_click=_restore,
            args=(scan, before),
        )


def _restore(scan: DatasetScan, before: str | None) -> None:
    try:
        restore_exclusions(scan.root, before)
        st.session_state.pop(SAVED, None)
    except DatasetError as error:
        st.session_state[SAVED] = scan.root, error
