"""A run's log on the page: its end as it grows, lines that hold a text, and the whole of it to take away."""

from __future__ import annotations

import uuid
from collections import deque
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from pages.train.log_viewer import log_viewer
from pages.train.page_state import Key, page_state
from pages.train.wording import counted
from train import runs
from ui.quantities import size
from ui.text import printable

READ_BYTES = 48 * 1024
"""At most this much is read and sent at a time, however long the log is."""
HALF_READ = 1024
"""Bytes that a character or control code which is not yet whole may leave unread, generously."""
LINES, LINE_LENGTH = 300, 4000
MATCHES = 200


class Tail:
    """The end of a growing file. Reads what is new and keeps the last lines, numbered; a number that is
    skipped stands for lines not read."""

    def __init__(self, path: Path):
        self.path = path
        self._begin()

    def _begin(self) -> None:
        self.identity = uuid.uuid4().hex
        self.lines: deque[tuple[int, str]] = deque(maxlen=LINES)
        self.total = self._offset = self._number = 0
        self.began_late = False  # whether the file has an earlier part
        self._open = False  # whether the last line has no end yet

    def read(self) -> None:
        """Take in what was written since."""
        text, offset, total = runs.read_log(self.path, self._offset, READ_BYTES)
        if total < self._offset:  # begun anew
            self._begin()
            text, offset, total = runs.read_log(self.path, 0, READ_BYTES)
        if total - offset > HALF_READ:  # more than is read at a time: what is newest counts
            self.began_late = self.began_late or not self.lines
            text, offset, total = runs.tail(self.path, READ_BYTES)
            self.lines.clear()
            self._number, self._open = self._number + 1, False
        self._offset, self.total = offset, total
        ends = text.count("\n")
        for number, line in enumerate(text.split("\n")):
            if number:
                self._open = False
            if self._open:
                last, before = self.lines.pop()
                self.lines.append((last, (before + line)[:LINE_LENGTH]))
            elif line or number < ends:
                self._number += 1
                self.lines.append((self._number, line[:LINE_LENGTH]))
                self._open = True


def show_tail(run: runs.Run) -> None:
    """The end of the run's log. Draw it again and again while the run is live."""
    tails = page_state().tails
    key = run.path, run.created  # a run that was deleted may have had the same name
    if key not in tails:
        tails.clear()
        tails[key] = Tail(run.log_path)
    tail = tails[key]
    tail.read()
    cut_off = tail.began_late or (tail.lines and tail.lines[0][0] > 1)
    so_far = " so far" if run.live else ""
    log_viewer(
        list(tail.lines),
        identity=tail.identity,
        key=Key.LOG,
        label=f"Log of the run {printable(run.id)}",
        note=f"{size(tail.total)}{so_far}" if tail.total else "Nothing was written yet.",
        before="… the beginning is in the whole log, below" if cut_off else "",
        live=run.live,
    )


def find_and_download(run_id: str, path: Path) -> None:
    """Look for a text in the whole log, and download it."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.text_input(
            "Find in the whole log", key=Key.FIND, icon=":material/search:", max_chars=200, width=340
        )
        st.download_button(
            "Download the log",
            lambda: _whole(path),
            file_name=f"{run_id}.log",
            mime="text/plain",
            key=Key.DOWNLOAD_LOG,
            icon=":material/download:",
            on_click="ignore",
            disabled=not path.is_file(),
        )
    if not wanted.strip():
        return
    with st.spinner("Reading the whole log"):
        found = runs.search(path, wanted, MATCHES + 1)
    if not found:
        st.caption(":material/search_off: No line of the log holds that.")
        return
    shown = found[:MATCHES]
    lines = [(match.line, f"{match.line}: {match.text}") for match in shown]
    more = len(found) > MATCHES
    note = f"The first {MATCHES} lines that hold it" if more else counted(len(lines), "line")
    log_viewer(
        lines,
        identity=wanted,
        key=Key.FOUND,
        label="Lines found in the log",
        note=note,
        find=wanted.strip(),
        follow=False,
    )


def _whole(path: Path) -> BinaryIO | bytes:
    try:
        return open(path, "rb")  # Streamlit reads and closes it when the button is pressed
    except OSError:
        return b""
