"""The pictures with their verdicts: which could not be read, which are still being checked, and which one is
open."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.classify import case_panel, checking, copies_progress, picture_tiles, remarks
from pages.classify.classify_state import state
from pages.classify.picture_grid import listen, picture_grid
from ui import verdict
from ui.session import session
from ui.text import plain, printable

if TYPE_CHECKING:
    from pages.classify.classify_state import PictureResult
    from ui.models import Model
    from ui.pictures import Picture

GRID = "pictures"
"""Key of the component."""

POLL_SECONDS, TESTED_SECONDS = 1.0, 2.0
"""Between two looks at what was found out in the background: verdicts, and those on damaged copies."""

BUSY_SECONDS = 3.0
"""For so long the list may stay as it is while the page is busy with the open picture."""

MAX_WARNINGS = 3
"""Unreadable files that get a warning each; more would push the results away."""


def show_unreadable(results: Sequence[PictureResult]) -> None:
    """One sentence per file that could not be read, and a way to be rid of them."""
    unreadable = [(each.picture, each.result.error) for each in results if each.result.error]
    for picture, error in unreadable[:MAX_WARNINGS]:
        sentence = f"**{plain(picture.name, limit=60)}** — {plain(error, limit=300)}"
        st.warning(sentence, icon=":material/broken_image:")
    more = unreadable[MAX_WARNINGS:]
    if more:
        with st.expander(f"{len(more)} more file{'s' if len(more) > 1 else ''} could not be read"):
            rows = [{"File": printable(picture.name), "Why": error} for picture, error in more]
            st.dataframe(rows, hide_index=True)
    if unreadable:
        st.button(
            "Remove this file" if len(unreadable) == 1 else f"Remove these {len(unreadable)} files",
            icon=":material/close:",
            type="tertiary",
            key="remove_unreadable",
            on_click=_remove,
            args=([picture.id for picture, _ in unreadable],),
        )


def show(
    brought_in: Sequence[Picture],
    results: Sequence[PictureResult],
    opened: Picture,
    model: Model,
    may_draw_again: bool,
) -> bool:
    """All pictures but those that could not be read, ``opened`` as the open one. Returns whether the list
    looks again and again how far they are, and has the page drawn again at the end.

    results: of the pictures that are checked, as the page shows them. may_draw_again: False while something
    is open that would then close.
    """
    listen(f"{GRID}-asked", _open, _compare)
    drawn = _Drawn(
        opened.id,
        checked=any(each.picture.id == opened.id for each in results),
        left=len(brought_in) - len(results),
        testing=copies_progress.goes_on(results),
        tested=state().tester.count,
    )
    every = None
    if drawn.checked and may_draw_again:
        every = POLL_SECONDS if drawn.left else TESTED_SECONDS if drawn.testing else None
    # A fragment: marking, labelling and looking how far the work is draw nothing else again.
    st.fragment(_list, run_every=every)(brought_in, model, drawn)
    return every is not None


def _remove(picture_ids: Sequence[str]) -> None:
    for picture_id in picture_ids:
        session().album.remove(picture_id)


def is_outdated(brought_in: Sequence[Picture], model: Model) -> bool:
    """Whether pictures were checked that the list, which cannot look while the page is busy, does not
    show."""
    before, when = state().listed
    now = len(checking.unchecked(brought_in, model))
    return now < before and (not now or time.monotonic() - when > BUSY_SECONDS)


@dataclass(frozen=True)
class _Drawn:
    """What the page was drawn with.

    opened: id of the open picture; checked: whether that is. left: how many were not checked. testing:
    whether copies were yet to be judged; tested: of how many pictures they were.
    """

    opened: str
    checked: bool
    left: int
    testing: bool
    tested: int


def _list(brought_in: Sequence[Picture], model: Model, drawn: _Drawn) -> None:
    """How far the work is, and the pictures."""
    waiting = checking.unchecked(brought_in, model)
    results = checking.known(brought_in, model)
    if _has_news(brought_in, waiting, model, drawn):
        st.rerun()
    ours = state()
    if ours.unkept:
        ours.unkept = False
        case_panel.keep(results, model.bundle)
    ours.listed = len(waiting), time.monotonic()
    readable = [each for each in results if each.is_readable]
    checked = len(brought_in) - len(waiting)
    place = st.empty()
    if waiting:
        place.progress(checked / len(brought_in), f"{checked} of {len(brought_in)} pictures checked")
    if len(readable) + len(waiting) < 2:
        return
    tiles = picture_tiles.tiles(brought_in, readable, waiting, model.bundle)
    tally = verdict.tally(tile.verdict for tile in tiles if tile.verdict)
    untested = sum(each.perturbed is None for each in readable)
    not_yet = f"; {untested} not yet tested" if untested else ""
    st.markdown(f"**{len(readable)} pictures:** {tally}{not_yet}")
    picture_grid(
        tiles,
        drawn.opened,
        key=GRID,
        heard=ours.heard,
        on_annotate=_annotate,
    )
    copies_progress.show(readable)


def _has_news(brought_in: Sequence[Picture], waiting: Sequence[Picture], model: Model, drawn: _Drawn) -> bool:
    """Whether the whole page has something else to show than when it was drawn, or has to go on with what has
    come to an end."""
    ours = state()
    outdated, ours.outdated = ours.outdated, False
    if outdated or not drawn.checked:  # the page itself goes on with a picture that is not checked
        return outdated
    if waiting:
        return not checking.goes_on(brought_in, model)
    return drawn.left > 0 or (drawn.testing and copies_progress.is_done(drawn.tested))


def _open(picture_id: str) -> None:
    album = session().album
    if picture_id in album.pictures and picture_id != session().opened:
        album.wanted = picture_id


def _compare(picture_id: str) -> None:
    if picture_id in session().album.pictures and picture_id != session().opened:
        state().compared = picture_id


def _annotate(number: int, changes: Mapping[str, Any]) -> None:
    """Put what the grid's user typed on record.

    Streamlit may end a callback wherever it asks for session state, if another run is due: the grid is told
    last that all has been heard, and until then sends it again.
    """
    ours = state()
    for picture_id, change in changes.items():
        remarks.change(picture_id, label=change["label"], marked=change["marked"])
        ours.outdated |= picture_id == session().opened
    ours.unkept = True
    ours.heard = number
