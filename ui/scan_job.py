"""A dataset on this machine, scanned in the background while its user goes on: started when its folder was
named, followed with a bar, cancelled with a button, and shared by every page and session."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from detector.datasets import DatasetError, typed
from detector.datasets.dataset_scan import CHECKING, DatasetScan, scan_dataset
from detector.datasets.mean_spectrum import MeanSpectrum
from detector.datasets.scan_findings import Finding, Level
from detector.datasets.shortcut_audit import ShortcutAudit
from ui.quantities import duration
from ui.text import plain

FOLDER_KEY = "data_folder"
"""Of the text field for the folder, the same on every page: what is named on one is named on all."""
QUICK_SECONDS = 1.0
"""What is scanned by then is shown without any progress."""
POLL_SECONDS = 0.5
ABANDONED = 120.0
"""Seconds after which a scan that no page follows ends, so that others get their turn. Browsers wake a page
in a hidden tab once a minute."""
MOST_FOLDERS, MOST_ENTERED = 200, 20
"""How many folders are watched for changes at each depth, and in how many of the upper ones one looks
deeper."""
MOST_LISTED = 5000
"""Entries of a folder that are looked at for that: each rerun of a page does it."""
KEPT = 6
"""Scans that are held, about 50 MB for 100,000 pictures each."""

COLOURS = {Level.GOOD: "green", Level.NOTICE: "blue", Level.WARNING: "orange"}
ICONS = {
    "training": "block",
    "labels": "label",
    "splits": "call_split",
    "files": "broken_image",
    "shortcuts": "straighten",
}

Result = TypeVar("Result")
Stamp = tuple[tuple[str, int], ...]
"""Folders and tables, and when they were changed."""


class ScanCancelled(Exception):
    """Nobody waits for this scan any more."""


@dataclass
class ScanJob:
    """A scan on its way, and what is made from it once somebody asks. stage, done, total: how far it is, for
    showing; total is None while files are being counted."""

    result: Future[DatasetScan] = field(default_factory=Future)
    stage: str = "counting"
    done: int = 0
    total: int | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    _followed: float = field(default_factory=time.monotonic)
    _began_checking: float = 0.0
    _later: dict[str, Future] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def scan(self) -> DatasetScan:
        """Once ``result`` is done; raises what the scan raised."""
        return self.result.result()

    def follow(self) -> None:
        """Somebody waits for it."""
        self._followed = time.monotonic()

    def told(self, stage: str, done: int, total: int | None) -> None:
        """Take note of progress. Raises ScanCancelled."""
        if self.cancelled.is_set() or time.monotonic() - self._followed > ABANDONED:
            raise ScanCancelled
        if stage == CHECKING and self.stage != CHECKING:
            self._began_checking = time.monotonic()
        self.stage, self.done, self.total = stage, done, total

    def audit(self) -> Future[ShortcutAudit | None]:
        """The shortcut audit, begun when it is first asked for."""
        return self._begin("audit", self.scan.audit)

    def spectra(self) -> Future[dict[int, MeanSpectrum]]:
        """The mean spectra, begun when they are first asked for."""
        return self._begin("spectra", self.scan.spectra)

    def seconds_left(self) -> float | None:
        """By the rate so far; None while that says little."""
        elapsed = time.monotonic() - self._began_checking
        if self.stage != CHECKING or not self.total or not self.done or elapsed < 3:
            return None
        return elapsed / self.done * (self.total - self.done)

    def _begin(self, name: str, work: Callable[[], Result]) -> Future[Result]:
        with self._lock:
            if name not in self._later:
                self._later[name] = _workers().submit(work)
            return self._later[name]


def ask(place: DeltaGenerator, label: str) -> str:
    """The field for the path of a dataset; returns what was typed."""
    return place.text_input(
        label,
        key=FOLDER_KEY,
        persist_state="session",
        placeholder="/home/me/pictures, with folders real and ai in it",
        max_chars=1000,
        help=(
            "Class folders (real, ai), split folders (train, val, test), a CSV with file_name and label, or a"
            " manifest.csv. The README lists them."
        ),
    )


def scanned(text: str) -> ScanJob | None:
    """The job of the folder that was typed, if its scan is complete. Where it is not, or cannot be had, this
    says so on the page."""
    try:
        folder = typed(text)
        stamp = _stamp(folder)
        job = _job(str(folder), stamp)
    except DatasetError as error:
        _refused(str(error))
        return None
    job.follow()
    wait([job.result], timeout=QUICK_SECONDS)
    if not job.result.done():
        _follow(job)
        return None
    try:
        job.result.result()
    except ScanCancelled:
        if not job.cancelled.is_set():  # nobody followed it, and now somebody does
            _job.clear(str(folder), stamp)
            return scanned(text)
        _offer_again(str(folder), stamp)
        return None
    except DatasetError as error:
        _refused(str(error))
        return None
    except Exception as error:  # the folder is anybody's: say so rather than break the page
        _refused(f"This folder cannot be scanned: {error or type(error).__name__}")
        return None
    return job


def scan_again(folder: Path) -> None:
    """Forget what is known of the named folder; files that have not changed are not measured again."""
    _job.clear(str(folder), _stamp(folder))


def say(finding: Finding) -> None:
    """What a scan found, on one line; only what forbids training is a box."""
    icon = f":material/{ICONS[finding.about]}:"
    sentence = plain(finding.sentence, limit=400)
    if finding.level is Level.ERROR:
        st.error(sentence, icon=icon)
    else:
        st.markdown(f":{COLOURS[finding.level]}[{icon}] {sentence}")


def _refused(sentence: str) -> None:
    st.error(plain(sentence, limit=600), icon=":material/folder_off:")


def _offer_again(folder: str, stamp: Stamp) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(":material/cancel: The scan was cancelled. What it has measured is kept.")
        st.button(
            "Go on",
            icon=":material/play_arrow:",
            key="scan_go_on",
            on_click=partial(_job.clear, folder, stamp),
        )


@st.fragment(run_every=POLL_SECONDS)
def _follow(job: ScanJob) -> None:
    """A bar that follows the scan; when that has ended, the whole page goes on."""
    job.follow()
    if job.result.done():
        st.rerun()
    done, total = job.done, job.total
    bar, button = st.columns([5, 1], vertical_alignment="center")
    if job.stage == CHECKING and total:
        seconds = job.seconds_left()
        left = "" if seconds is None else f", about {duration(max(seconds, 1))} left"
        bar.progress(min(done / total, 1.0), f"Checking pictures: {done:,} of {total:,}{left}")
    else:
        bar.progress(0.0, f"Looking for pictures: {done:,} so far")
    button.button("Cancel", key="scan_cancel", on_click=job.cancelled.set, width="stretch")


def _stamp(folder: Path) -> Stamp:
    """Changes when pictures come or go in the folder, in those in it, and in the first of those in these, and
    when a table in it changes."""
    try:
        inside, tables = _inside(str(folder)) if folder.is_dir() else ([], [])
        deeper: list[str] = []
        for one in inside[:MOST_ENTERED]:
            deeper += _inside(one)[0]
        watched = [str(folder), *tables, *inside, *deeper[:MOST_FOLDERS]]
        return tuple((path, os.stat(path).st_mtime_ns) for path in watched)
    except (OSError, ValueError):
        return ()  # the scan says it in the user's words


def _inside(folder: str) -> tuple[list[str], list[str]]:
    """The first folders in it, and the first tables; raises OSError."""
    with os.scandir(folder) as entries:
        listed = list(islice(entries, MOST_LISTED))
    folders = [entry.path for entry in listed if entry.is_dir()]
    tables = [entry.path for entry in listed if entry.name.lower().endswith(".csv")]
    return folders[:MOST_FOLDERS], tables[:MOST_FOLDERS]


@st.cache_resource(max_entries=KEPT, show_spinner=False, ttl="4h")
def _job(folder: str, stamp: Stamp) -> ScanJob:
    """Shared by all sessions: a folder is scanned once until it changes."""
    job = ScanJob()

    def work() -> None:
        try:
            job.result.set_result(scan_dataset(folder, progress=job.told))
        except BaseException as error:
            job.result.set_exception(error)

    _workers().submit(work)
    return job


@st.cache_resource(show_spinner=False)
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, thread_name_prefix="scan-data")
