"""Ways in beside the uploader: a folder, the clipboard and, where that is switched on, the web."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from detector import web_pictures
from detector.images import MAX_FILE_BYTES
from detector.web_pictures import WebPictureError
from pages.classify import refused
from ui.album import SUFFIXES, Album
from ui.paste_pictures import paste_pictures
from ui.pictures import Picture
from ui.session import session


@dataclass(frozen=True)
class Asked:
    """Which of the ways are asked for."""

    folder: bool
    address: bool


def ask(album: Album) -> Asked:
    """A toggle for each way that needs room of its own."""
    folder = st.toggle("Folder", key=f"folder-wanted-{album.clearings}")
    address = web_pictures.is_switched_on() and st.toggle("Web address", key="address-wanted")
    return Asked(folder, address)


def show(asked: Asked, album: Album) -> None:
    """What the toggles open, and the ear for what is pasted."""
    paste_pictures(_take_pasted, key="paste")
    if asked.folder:
        key = f"folder-{album.clearings}"
        st.file_uploader(
            "A folder: all pictures in it and below",
            type=SUFFIXES,
            accept_multiple_files="directory",
            key=key,
            on_change=_take_folder,
            args=(key,),
            max_upload_size=MAX_FILE_BYTES // 2**20,
        )
    if asked.address:
        _address()


def _take_pasted(contents: list[bytes]) -> None:
    refused.forget()
    for content in contents:
        session().album.add_pasted(content)


def _take_folder(key: str) -> None:
    """Take over what is new in the uploader; it may be removed like any other picture from then on."""
    refused.forget()
    album = session().album
    for file in st.session_state[key]:
        if file.file_id not in album.taken_away:
            album.taken_away.add(file.file_id)
            picture = Picture.of(file.name, file.getvalue())
            album.others[picture.id] = picture


def _address() -> None:
    """Ask for the address of a picture and fetch it."""
    with (
        st.form("address", clear_on_submit=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        url = st.text_input("Address of a picture", max_chars=web_pictures.MAX_URL, placeholder="https://…")
        fetch = st.form_submit_button("Fetch", icon=":material/download:")
    if not fetch or not url.strip():
        return
    refused.forget()
    try:
        with st.spinner("Fetching the picture", show_time=True):
            fetched = web_pictures.fetch_picture(url)
    except WebPictureError as error:
        refused.say(str(error), ":material/link_off:")
        return
    session().album.add(Picture.of(fetched.name, fetched.content))
