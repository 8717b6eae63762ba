"""The data folder: named, or made on the spot for practice, and checked in the background while the rest of the form is filled in."""

from __future__ import annotations

import os
from base64 import b64encode
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pandas as pd
import streamlit as st
from PIL import Image

from detector.datasets import CLASS_TITLES, DatasetError
from detector.images import ImageReadError, read_image
from detector.practice import make_practice_set
from detector.survey import CHECKING, Survey, survey, typed
from train import runs
from ui.text import plain
from ui.train.words import practice_badge

QUICK_SECONDS = 1.0
"""What is checked by then is shown without any progress."""
POLL_SECONDS = 0.5
THUMBNAIL_SIDE = 96
SHOWN_UNREADABLE = 20
PRACTICE_FOLDER, PRACTICE_RECIPE = ".practice-set", "practice"
"""Where in the runs' folder the practice set is made, and which recipe is quick enough for it."""


@dataclass
class Check:
    """A survey on its way. stage, done, total: how far it is, for showing; total is None while files are being counted."""

    result: Future[Survey] = field(default_factory=Future)
    stage: str = "counting"
    done: int = 0
    total: int | None = None

    def told(self, stage: str, done: int, total: int | None) -> None:
        self.stage, self.done, self.total = stage, done, total


def choose(locked: bool) -> tuple[str, Survey | None]:
    """Ask for the folder and show what is in it. Returns what was typed and the survey, None while there is none.

    locked: nothing may be written, so no practice set is offered.
    """
    field_, button = st.columns([5, 2], vertical_alignment="bottom")
    if not locked and button.button(
        "Make a practice set", icon=":material/science:", key="make_practice", width="stretch",
        help="Patches of two photos, and the same patches passed through a simulated generator's up-sampling. A run on it takes a few minutes.",
    ) and _make_practice():  # fmt: skip
        st.rerun()  # what stands above the form says what to do next
    text = field_.text_input(
        "Data folder, on this machine", key="data_folder", persist_state="session", placeholder="/home/me/pictures, with folders real and ai in it",
        max_chars=1000,
        help="Class folders (real, ai), split folders (train, val, test), a CSV with file_name and label, or a manifest.csv. The README lists them.",
    )  # fmt: skip
    if not text.strip():
        return text, None
    return text, _checked(text)


def practice_chosen() -> bool:
    """Whether the practice set that is made here stands in the form."""
    return st.session_state.get("data_folder") == str(runs.folder() / PRACTICE_FOLDER)


def _make_practice() -> bool:
    """Before the widgets that show folder and recipe are drawn: both are set here. False if the set could not be made."""
    state = st.session_state
    try:
        with st.spinner("Cutting the practice pictures"):
            state.data_folder = str(make_practice_set(runs.folder() / PRACTICE_FOLDER))
        state.recipe = PRACTICE_RECIPE
    except DatasetError as error:
        st.error(plain(str(error), limit=600), icon=":material/error:")
        return False
    return True


def _checked(text: str) -> Survey | None:
    try:
        folder = typed(text)
        check = _check(str(folder), _stamp(folder))
    except DatasetError as error:
        st.error(plain(str(error), limit=600), icon=":material/folder_off:")
        return None
    wait([check.result], timeout=QUICK_SECONDS)
    if not check.result.done():
        _follow(check)
        return None
    try:
        found = check.result.result()
    except DatasetError as error:
        st.error(plain(str(error), limit=600), icon=":material/folder_off:")
        return None
    except Exception as error:  # the folder is anybody's: say so rather than break the page
        st.error(f"This folder cannot be checked: {plain(str(error) or type(error).__name__, limit=300)}", icon=":material/folder_off:")
        return None
    _show(found)
    return found


@st.fragment(run_every=POLL_SECONDS)
def _follow(check: Check) -> None:
    """A bar that follows the check; when that has ended, the whole page goes on."""
    if check.result.done():
        st.rerun()
    if check.stage == CHECKING and check.total:
        st.progress(min(check.done / check.total, 1.0), f"Checking pictures: {check.done:,} of {check.total:,}")
    else:
        st.progress(0.0, f"Looking for pictures: {check.done:,} so far")


def _stamp(folder: Path) -> tuple:
    """Changes when pictures come or go in the folder, in those in it, and in the first of those in these."""
    try:
        inside = [entry for entry in os.scandir(folder) if entry.is_dir()][:200] if folder.is_dir() else []
        deeper = [entry for one in inside[:20] for entry in os.scandir(one.path) if entry.is_dir()][:200]
        return tuple((entry.path, os.stat(entry.path).st_mtime_ns) for entry in inside + deeper) + (folder.stat().st_mtime_ns,)
    except (OSError, ValueError):
        return ()  # the survey says it in the user's words


@st.cache_resource(max_entries=8, show_spinner=False, ttl="1h")
def _check(folder: str, stamp: tuple) -> Check:
    """Shared by all sessions: a folder is checked once until it changes."""
    check = Check()

    def work() -> None:
        try:
            check.result.set_result(survey(folder, progress=check.told))
        except BaseException as error:
            check.result.set_exception(error)

    _workers().submit(work)
    return check


@st.cache_resource(show_spinner=False)
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, thread_name_prefix="check-data")


def _show(found: Survey) -> None:
    if found.practice:
        practice_badge()
    sides = found.short_sides
    words = [f"**{found.images:,} pictures**: {found.of_class(1):,} AI-generated, {found.of_class(0):,} real", plain(found.layout)]
    if sides:
        same = sides.minimum == sides.maximum
        words.append(f"short side {sides.minimum:,}" + (" pixels" if same else f" to {sides.maximum:,} pixels, median {sides.median:,}"))
    words.append(f"{len(found.sources):,} source{'s' * (len(found.sources) != 1)}")
    st.markdown(":material/check_circle: " + " · ".join(words))
    if found.unreadable_count:
        with st.expander(f"{found.unreadable_count:,} pictures cannot be used and will be left out", icon=":material/broken_image:"):
            for path, reason in found.unreadable[:SHOWN_UNREADABLE]:
                st.markdown(f"- {plain(path, limit=100)}: {plain(reason, limit=200)}")
            if found.unreadable_count > len(found.unreadable):
                st.caption(f"and {found.unreadable_count - len(found.unreadable):,} more")
    for note in found.notes:
        st.caption(f":material/info: {plain(note, limit=400)}")
    with st.expander("Splits and samples", icon=":material/grid_view:"):
        table, pictures = st.columns([2, 3], gap="large")
        table.dataframe(
            pd.DataFrame(
                [{"Split": split, "AI-generated": of_class.get(1, 0), "Real": of_class.get(0, 0)} for split, of_class in found.counts.items()]
            ),
            hide_index=True, alt="Pictures of each class in each split",
        )  # fmt: skip
        with pictures:
            for y_true in (1, 0):
                _samples(CLASS_TITLES[y_true].replace("real", "Real"), found.samples.get(y_true, ()))


def _samples(title: str, paths: tuple[Path, ...]) -> None:
    shown = [url for path in paths if (url := _thumbnail(str(path)))]
    if not shown:
        return
    images = "".join(f'<img src="{url}" alt="" style="height:64px;max-width:120px;object-fit:cover;border-radius:4px">' for url in shown)
    st.html(f'<div style="font-size:.875rem">{title}</div><div style="display:flex;flex-wrap:wrap;gap:6px;margin-bottom:.5rem">{images}</div>')


@st.cache_data(max_entries=200, show_spinner=False, ttl="1h")
def _thumbnail(path: str) -> str | None:
    try:
        image = Image.fromarray(read_image(path, short_side=THUMBNAIL_SIDE).pixels)
    except ImageReadError:
        return None
    image.thumbnail((3 * THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + b64encode(buffer.getvalue()).decode("ascii")
