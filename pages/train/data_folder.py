"""The data folder: named, or made on the spot for practice, and checked in the background while the rest
of the form is filled in."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from detector.datasets import CLASS_TITLES, DatasetError, concerns
from detector.datasets.dataset_scan import DatasetScan
from detector.datasets.scan_findings import shortcut_finding
from detector.practice_set import make_practice_set
from pages.train.page_state import Key
from pages.train.wording import counted, practice_badge
from train import runs
from ui import defaults, scan_job, thumbnails
from ui.scan_job import ScanJob
from ui.text import plain
from ui.waiting import finished

SHOWN_UNREADABLE = 20
SAMPLES, SAMPLE_HEIGHT = 6, 64
PRACTICE_FOLDER, PRACTICE_RECIPE = ".practice-set", "practice"
"""Where in the runs' folder the practice set is made, and which recipe is quick enough for it."""


def choose(locked: bool) -> tuple[str, DatasetScan | None]:
    """Ask for the folder and show what is in it. Returns what was typed and the scan, None while there is
    none that a run could start from.

    locked: nothing may be written, so no practice set is offered.
    """
    field_, button = st.columns([5, 2], vertical_alignment="bottom")
    if not locked:
        pressed = button.button(
            "Make a practice set",
            icon=":material/science:",
            key=Key.MAKE_PRACTICE,
            width="stretch",
            help=(
                "Patches of two photos, and the same patches passed through a simulated generator's"
                " up-sampling. A run on it takes a few minutes."
            ),
        )
        if pressed and _make_practice():
            st.rerun()  # what stands above the form says what to do next
    text = scan_job.ask(field_, "Data folder, on this machine")
    if not text.strip():
        return text, None
    job = scan_job.scanned(text)
    if job is None:
        return text, None
    if job.scan.cannot_train:
        st.error(plain(job.scan.cannot_train, limit=600), icon=":material/folder_off:")
        _look_closer()
        return text, None
    _show(job)
    return text, job.scan


def practice_chosen() -> bool:
    """Whether the practice set that is made here stands in the form."""
    return st.session_state.get(Key.DATA_FOLDER) == str(runs.folder() / PRACTICE_FOLDER)


def _make_practice() -> bool:
    """Before the widgets that show folder and recipe are drawn: both are set here. False if the set could
    not be made."""
    try:
        with st.spinner("Cutting the practice pictures"):
            folder = make_practice_set(runs.folder() / PRACTICE_FOLDER)
        st.session_state[Key.DATA_FOLDER] = str(folder)
        defaults.put(Key.RECIPE, PRACTICE_RECIPE)
    except DatasetError as error:
        st.error(plain(str(error), limit=600), icon=":material/error:")
        return False
    return True


def _show(job: ScanJob) -> None:
    found = job.scan
    if found.practice:
        practice_badge()
    ai, real = found.of_class(1), found.of_class(0)
    words = [
        f"**{found.images:,} pictures**: {ai:,} AI-generated, {real:,} real",
        plain(found.layout),
    ]
    shorter = found.facts[["width", "height"]].min(axis=1)
    shortest, longest = int(shorter.min()), int(shorter.max())
    if shortest == longest:
        words.append(f"short side {shortest:,} pixels")
    else:
        median = f"{shorter.median():,.0f}"
        words.append(f"short side {shortest:,} to {longest:,} pixels, median {median}")
    words.append(counted(len(found.sources), "source"))
    st.markdown(":material/check_circle: " + " · ".join(words))
    _show_findings(job)
    if found.unreadable:
        _show_unreadable(found)
    for note in found.notes:
        st.caption(f":material/info: {plain(note, limit=400)}")
    with st.expander("Splits and samples", icon=":material/grid_view:"):
        table, pictures = st.columns([2, 3], gap="large")
        rows = []
        for split, of_class in found.counts.items():
            rows.append({"Split": split, "AI-generated": of_class.get(1, 0), "Real": of_class.get(0, 0)})
        alt = "Pictures of each class in each split"
        table.dataframe(pd.DataFrame(rows), hide_index=True, alt=alt)
        with pictures:
            for y_true in (1, 0):
                _samples(CLASS_TITLES[y_true].replace("real", "Real"), found.samples(y_true, SAMPLES))


def _show_findings(job: ScanJob) -> None:
    """What makes figures doubtful, what gives the classes away, and the way to the Data page."""
    dataset = job.scan.dataset
    for doubt in concerns(dataset.both_labels, dataset.across_splits) if dataset else ():
        st.warning(plain(doubt, limit=500), icon=":material/warning:")
    audit = finished(job.audit(), "Asking whether a ruler would do")
    if audit.value:
        scan_job.say(shortcut_finding(audit.value))
    _look_closer()


def _look_closer() -> None:
    if st.button(
        "Look closer on Data",
        icon=":material/dataset:",
        key=Key.LOOK_CLOSER,
        type="tertiary",
        help="Duplicates, leaks and shortcuts in this data, and a list of what should be left out.",
    ):
        st.switch_page("pages/data/page.py")


def _show_unreadable(found: DatasetScan) -> None:
    """The pictures that will be left out, and why."""
    title = f"{len(found.unreadable):,} pictures cannot be used and will be left out"
    with st.expander(title, icon=":material/broken_image:"):
        for path, reason in found.unreadable[:SHOWN_UNREADABLE]:
            st.markdown(f"- {plain(path, limit=100)}: {plain(reason, limit=200)}")
        unnamed = len(found.unreadable) - SHOWN_UNREADABLE
        if unnamed > 0:
            st.caption(f"and {unnamed:,} more")


def _samples(title: str, paths: list[Path]) -> None:
    if paths:
        pictures = thumbnails.sheet(paths, [path.name for path in paths], SAMPLE_HEIGHT)
        st.html(f'<div style="font-size:.875rem">{title}</div>{pictures}')
