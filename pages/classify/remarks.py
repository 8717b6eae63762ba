"""What the user says of the open picture: a label, a mark, a note."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from detector.verdicts import Side
from ui.session import session

if TYPE_CHECKING:
    from ui.pictures import Picture

MAX_NOTE = 4000
"""Characters."""

SIDES = {side.value: side for side in Side}


def show(picture: Picture) -> None:
    """Ask for the remarks on one picture."""
    said = session().album.remarks_on(picture.id)
    keys = {name: f"{name}-{picture.id}" for name in ("label", "marked", "note")}
    # The keyboard in the picture grid changes the same values: they, not the widgets, are what holds.
    st.session_state[keys["label"]] = said.label
    st.session_state[keys["marked"]] = said.marked
    st.session_state[keys["note"]] = said.note

    def follow(name: str) -> None:
        change(picture.id, **{name: st.session_state[keys[name]]})

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "My label",
            list(Side),
            format_func=lambda side: side.title,
            key=keys["label"],
            on_change=partial(follow, "label"),
            help="What you know or think it is. It changes no verdict, and goes into the downloads.",
        )
        st.toggle("Marked", key=keys["marked"], on_change=partial(follow, "marked"))
        with st.popover("Note", icon=":material/edit_note:" if not said.note else ":material/sticky_note_2:"):
            st.text_area(
                "Note on this picture",
                key=keys["note"],
                max_chars=MAX_NOTE,
                on_change=partial(follow, "note"),
            )


def change(picture_id: str, **values: Any) -> None:
    """Put label, mark or note on record; a label that is none takes the label away."""
    album = session().album
    if picture_id not in album.pictures:
        return
    if "label" in values:
        values["label"] = SIDES.get(values["label"])
    remarks = replace(album.remarks_on(picture_id), **values)
    if remarks.silent:
        album.remarks.pop(picture_id, None)
    else:
        album.remarks[picture_id] = remarks
