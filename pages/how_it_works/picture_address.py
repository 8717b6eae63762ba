"""Which pictures the page's address holds: the samples, which every installation has. An upload is in
nobody else's browser."""

from __future__ import annotations

import streamlit as st

from pages.how_it_works.walk_state import state
from ui import known_samples
from ui.pictures import Picture
from ui.session import session

PICTURE, BESIDE = "picture", "beside"
"""Names in the address."""


def follow() -> None:
    """Take the pictures that the address names, if it was opened or changed since the page last wrote it."""
    mine = state()
    for slot in (PICTURE, BESIDE):
        name = st.query_params.get(slot)
        if name == mine.addressed.get(slot) or name not in known_samples.BY_NAME:
            continue
        mine.addressed[slot] = name
        picture = known_samples.picture(known_samples.BY_NAME[name])
        session().album.add(picture)
        if slot == PICTURE:
            mine.picture_id = picture.id
        else:
            mine.beside_id = picture.id


def hold(picture: Picture, beside: Picture | None) -> None:
    """Write the pictures shown into the address."""
    mine = state()
    named = {id_: sample.name for id_, sample in known_samples.by_picture_id().items()}
    for slot, shown in ((PICTURE, picture), (BESIDE, beside)):
        name = named.get(shown.id) if shown else None
        mine.addressed[slot] = name
        if name is None:
            st.query_params.pop(slot, None)
        elif st.query_params.get(slot) != name:
            st.query_params[slot] = name
    mine.linkable = picture.id in named and (beside is None or beside.id in named)
