"""The picture grid: all pictures with their verdicts, a line of few or a grid of many, sorted, filtered and
walked through in the browser.

It is sent names, verdicts and addresses; thumbnails are fetched from there once, when they come into sight.
The server hears of marks and labels, which the browser keeps and sends again until they are on record, and of
a picture that is to be opened or compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from detector.verdicts import Verdict
from ui.dated_payload import dated
from ui.verdict import COLOURS

FEW = 12
"""Up to so many pictures are a line without tools for sorting and filtering."""

_HERE = Path(__file__).parent
_COLOURS = "".join(f" --{verdict}: {colour};" for verdict, colour in COLOURS.items())
# Registered on import, as components v2 wants: once per process, however many grids a page mounts.
_mount = st.components.v2.component(
    "telltale_picture_grid",
    html=(_HERE / "grid.html").read_text("utf-8"),
    css=f".box {{{_COLOURS} }}\n" + (_HERE / "grid.css").read_text("utf-8"),
    js=(_HERE / "arrange.js").read_text("utf-8") + (_HERE / "grid.js").read_text("utf-8"),
)
_listen = st.components.v2.component(
    "telltale_picture_grid_listener",
    html="<span></span>",
    js=(_HERE / "listener.js").read_text("utf-8"),
)


@dataclass(frozen=True)
class Tile:
    """A picture in the grid.

    thumbnail: its address, "" for none. verdict: None until there is one. title: the verdict in words.
    score: P(AI-generated), None with the verdict. percent: the same in words. contradiction: what speaks
    against the verdict, as a sentence. facts: what the file says, in a few words. group: a number that its
    near-duplicates share, 0 where there are none; copies: how many these are together. label: "ai", "real" or
    "". noted: whether there is a note.
    """

    id: str
    name: str
    thumbnail: str = ""
    verdict: Verdict | None = None
    title: str = "Checking…"
    score: float | None = None
    percent: str = ""
    contradiction: str = ""
    facts: str = ""
    group: int = 0
    copies: int = 1
    label: str = ""
    marked: bool = False
    noted: bool = False


def listen(key: str, on_open: Callable[[str], None], on_compare: Callable[[str], None]) -> None:
    """Take what the grid's user asks for; both are called with a picture's id, or with whatever else comes
    from a browser.

    To be called by the page itself: only then is a script ended that is busy with the picture opened before.
    """

    def take() -> None:
        asked = st.session_state[key].asked or {}
        if "opened" in asked:
            on_open(asked["opened"])
        if "compared" in asked:
            on_compare(asked["compared"])

    _listen(key=key, height=1, on_asked_change=take)


def picture_grid(
    tiles: Sequence[Tile],
    opened: str,
    *,
    key: str,
    heard: int,
    on_annotate: Callable[[int, Mapping[str, Any]], None],
    paged: bool = False,
) -> None:
    """Show the grid, in the page or in a fragment. Any text may stand in the tiles: none becomes HTML.

    opened: id of the picture that is open. on_annotate: called with a number that grows, and picture id ->
    {"label": ..., "marked": ...} of all that may be news, or with whatever else comes from a browser. heard:
    the number of the last call. paged: whether these are some of more, which come in the order they are to be
    shown in: there is nothing to sort, filter, mark, label or compare then.

    A grid in which pictures wait has its fragment run again now and then, beside the fragment's own clock:
    what Streamlit sends at the end of a run is lost when a fragment is asked for in that moment, and with it
    the word that sets the clock. Every drawing is dated: a browser that is busy may bring an older one after
    a newer one, and then keeps the newer.
    """

    def take() -> None:
        if news := st.session_state[key].annotated:
            on_annotate(news["number"], news["changes"])

    data = {
        "pictures": [vars(tile) for tile in tiles],
        "opened": opened,
        "heard": heard,
        "few": len(tiles) <= FEW and not paged,
        "paged": paged,
    }
    _mount(key=key, data=dated(key, data), on_annotated_change=take, on_looked_change=lambda: None)
