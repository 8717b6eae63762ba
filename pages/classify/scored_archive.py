"""A scored archive on Classify: the pictures of a table of ``python -m detector.score``, by score and a page
at a time. One that is opened is brought in like any other picture.

Where ``TELLTALE_ARCHIVE`` names no folder, nothing is read from the server's disk and the table is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

import streamlit as st

from detector import archive_folders
from detector.images import ImageReadError
from detector.records import percent
from pages.classify import refused
from pages.classify.picture_grid import Tile, listen, picture_grid
from ui import media, pictures
from ui.bounded_cache import BoundedCache
from ui.pictures import Picture
from ui.session import session
from ui.text import plain, shortened

if TYPE_CHECKING:
    from detector.score.scored_rows import ScoredRow, ScoredRows

KEY = "scored_archive"
"""Of what is open, in ``st.session_state``, and the first part of the keys of its widgets."""

PER_PAGE = 24
ICON = ":material/table:"
TABLE_START = b"PAR1"
HIGH_FIRST = "P(AI), high first"
ORDERS = (HIGH_FIRST, "P(AI), low first")
SWITCHED_OFF = (
    "This is a table: Evaluate opens it. Its pictures can be looked at here once whoever runs this server"
    f" names their folder in {archive_folders.VARIABLE}."
)


@dataclass
class OpenArchive:
    """name, rows: of the table that is open; None for none. opened: number of the row opened last."""

    name: str = ""
    rows: ScoredRows | None = None
    opened: int | None = None


_thumbnails: BoundedCache[bytes] = BoundedCache(max_entries=2000, max_bytes=32 * 2**20, size=len)


def is_table(content: bytes) -> bool:
    """Whether a file begins as those of ``python -m detector.score`` do."""
    return content.startswith(TABLE_START)


def open_table(name: str, content: bytes) -> None:
    """Open a table instead of the one that is open. For callbacks."""
    from detector.evaluation.predictions import PredictionsError
    from detector.score.scored_rows import read_scored_rows

    ours = _ours()
    if not archive_folders.is_switched_on():
        refused.say(SWITCHED_OFF, ICON)
        return
    try:
        ours.rows = read_scored_rows(content, name)
    except PredictionsError as error:
        refused.say(str(error), ICON)
        return
    ours.name, ours.opened = name, None


def is_open() -> bool:
    return _ours().rows is not None


def show(beside_a_picture: bool) -> None:
    """The archive, if one is open; folded away where a picture is to be looked at."""
    ours = _ours()
    if ours.rows is None:
        return
    listen(f"{KEY}-asked", _open, lambda picture_id: None)
    title = f"Scored archive **{plain(ours.name, limit=60)}**: {len(ours.rows):,} pictures"
    with st.expander(title, icon=":material/photo_library:", expanded=not beside_a_picture):
        _browse()


@st.fragment
def _browse() -> None:
    """One page of it, and what leads to others."""
    ours = _ours()
    rows = ours.rows
    if rows is None:  # it was closed
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = st.selectbox("Sort", ORDERS, key=f"{KEY}-order", width=200)
        low, high = st.slider("P(AI), per cent", 0, 100, (0, 100), key=f"{KEY}-range", width=260)
        st.button("Close", icon=":material/close:", type="tertiary", key=f"{KEY}-close", on_click=_close)
    chosen = rows.within(low / 100, high / 100, order == HIGH_FIRST)
    if not len(chosen):
        st.caption("No picture has such a score.")
        return
    pages = ceil(len(chosen) / PER_PAGE)
    # Of another key, so that whatever else is asked for begins at its first page.
    page = st.pagination(pages, key=f"{KEY}-page-{order}-{low}-{high}") if pages > 1 else 1
    first = (page - 1) * PER_PAGE
    shown = [rows.row(int(number)) for number in chosen[first : first + PER_PAGE]]
    picture_grid(
        [_tile(row) for row in shown],
        _id(ours.opened),
        key=KEY,
        heard=0,
        on_annotate=lambda number, changes: None,
        paged=True,
    )
    unscored = f" {rows.without_score:,} more have no score." if rows.without_score else ""
    st.caption(
        f"{first + 1:,} to {first + len(shown):,} of {len(chosen):,}. Scores are the table's: a picture that"
        f" is opened is judged anew.{unscored}"
    )


def _tile(row: ScoredRow) -> Tile:
    try:
        small = _thumbnails.get((row.name, *archive_folders.folders()), partial(_thumbnail, row.name))
    except ImageReadError:
        small = b""
    return Tile(
        _id(row.number),
        shortened(row.name, limit=80),
        media.address(small, f"{KEY} {row.number}") if small else "",
        row.verdict,
        row.verdict.title if row.verdict else "",
        row.y_score,
        percent(row.y_score),
    )


def _thumbnail(name: str) -> bytes:
    """Raises ImageReadError."""
    return pictures.thumbnail(Picture.of(name, archive_folders.picture_bytes(name)))


def _open(tile_id: str) -> None:
    """Bring in the picture of a row. tile_id: or whatever else comes from a browser."""
    refused.forget()
    ours = _ours()
    number = re.fullmatch(r"row-(\d{1,9})", str(tile_id))
    if ours.rows is None or number is None or int(number[1]) >= len(ours.rows):
        return
    row = ours.rows.row(int(number[1]))
    try:
        content = archive_folders.picture_bytes(row.name)
    except ImageReadError as error:
        refused.say(f"{row.name}: {error}", ICON)
        return
    ours.opened = row.number
    session().album.add(Picture.of(row.name, content))


def _close() -> None:
    st.session_state[KEY] = OpenArchive()


def _id(number: int | None) -> str:
    return "" if number is None else f"row-{number}"


def _ours() -> OpenArchive:
    return st.session_state.setdefault(KEY, OpenArchive())
