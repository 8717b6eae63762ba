"""How pictures come in, and how they go."""

from __future__ import annotations

import streamlit as st

from detector.case_files import MAX_CASE_BYTES, MAX_JSON_BYTES, is_case
from pages.classify import (
    drop_anywhere,
    further_ways,
    opened_case,
    refused,
    scored_archive,
    shown_picture,
    upload_preview,
)
from ui import known_samples
from ui.album import Album
from ui.known_samples import KnownSample
from ui.pictures import Picture
from ui.session import session

LISTENERS = """<style>
.stElementContainer:is(.st-key-paste, .st-key-drop_anywhere, .st-key-upload_preview) {
  position: absolute;
  width: 0;
}
</style>"""
"""Components that show nothing where they are take no room there, and no gap before and after it."""


def anything() -> bool:
    """Whether pictures are in."""
    album = session().album
    return bool(album.uploads or album.others)


def choose(compact: bool = False) -> list[Picture]:
    """Show the ways to bring in pictures and return those brought in, each once, in the order they came.

    compact: as a bar, for a page that has pictures already. The uploader stays the same one in either form,
    with all that is on its way into it.
    """
    album = session().album
    uploader = f"uploader-{album.clearings}"
    files = st.file_uploader(
        "Pictures to check",
        # Of any type: what cannot be read gets a sentence of ours, which says what to do.
        accept_multiple_files=True,
        key=uploader,
        on_change=_take_uploads,
        args=(uploader,),
        max_upload_size=(MAX_CASE_BYTES + MAX_JSON_BYTES) // 2**20,
        help="JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC or JPEG XL. Drag and"
        " drop works, many at once too; so does Ctrl+V. A saved case opens here as well.",
    )
    if not files:
        # And nobody removed them: Streamlit empties the uploader when its user comes back from another page.
        album.keep_uploads()
    # Under another key it is another popover, which is closed.
    key = f"more-{album.added}"
    with (
        st.popover("More", icon=":material/add:", key=key)
        if compact
        else st.container(horizontal=True, vertical_alignment="center")
    ):
        camera = _further_ways(album)
        asked = further_ways.ask(album)
    clear = st.empty()
    if camera:
        key = f"photo-{album.clearings}"
        st.camera_input("Take a photo", width=480, key=key, on_change=_add_photo, args=(key,))
    st.html(LISTENERS)
    further_ways.show(asked, album)
    refused.show()
    opened_case.say_what_came()
    drop_anywhere.listen()
    upload_preview.listen(album)
    album.update()
    with clear:
        _clear_or_bring_back(album)
    return list(album.pictures.values())


def _further_ways(album: Album) -> bool:
    """Beside the uploader; returns whether the camera is asked for."""
    for sample in known_samples.SAMPLES:
        st.button(
            f"Try the {sample.name}",
            key=f"sample-{sample.name}",
            icon=":material/image:",
            on_click=_add_sample,
            args=(sample,),
            help=_about(sample),
        )
    return st.toggle("Camera", key=f"camera-{album.clearings}")


def invite(model_is_loaded: bool) -> None:
    """What an empty page says."""
    text = "Upload a picture, take one, or try a sample."
    if not model_is_loaded:
        text += " The first verdict takes a few seconds longer while the model starts in the background."
    st.info(text, icon=":material/add_photo_alternate:")


def remove_button(picture: Picture) -> None:
    """A button that takes ``picture`` away."""
    st.button(
        "Remove",
        icon=":material/close:",
        type="tertiary",
        key="remove",
        on_click=session().album.remove,
        args=(picture.id,),
    )


def _clear_or_bring_back(album: Album) -> None:
    if album.pictures:
        st.button(
            "Clear all",
            icon=":material/delete_sweep:",
            type="tertiary",
            key="clear",
            on_click=album.clear,
        )
    elif album.cleared:
        count = len(album.cleared)
        cleared = f"{count} pictures" if count > 1 else "the picture"
        st.button(
            f"Bring back {cleared}",
            icon=":material/undo:",
            type="tertiary",
            key="undo",
            on_click=album.bring_back,
        )


def _take_uploads(key: str) -> None:
    """Follow the uploader: hash what is new and forget what was removed. A picture that comes alone is
    opened."""
    album = session().album
    refused.forget()
    uploads, new = {}, []
    for file in st.session_state[key]:
        if file.file_id in album.taken_away:
            continue
        known = album.uploads.get(file.file_id)
        if known is None:
            content = file.getvalue()
            if is_case(content):
                album.taken_away.add(file.file_id)
                opened_case.open_case(content)
                continue
            if scored_archive.is_table(content):
                album.taken_away.add(file.file_id)
                scored_archive.open_table(file.name, content)
                continue
            known = Picture.of(file.name, content)
            new.append(known)
        uploads[file.file_id] = known
    album.uploads = uploads
    album.taken += len(new)
    if new:
        album.latest = new[-1].id
    if len(new) == 1:
        album.wanted = new[0].id
    if new and (len(new) == 1 or not album.pictures):  # the one that will be shown
        shown_picture.prepare(new[0])


def _add_sample(sample: KnownSample) -> None:
    refused.forget()
    session().album.add(known_samples.picture(sample))


def _about(sample: KnownSample) -> str:
    """What a sample is, and what the model that ships makes of it."""
    says = f"The model that ships says: {sample.shipped_says.in_sentence}."
    wrong = " That is wrong." if sample.is_called_wrongly else ""
    return f"**{sample.truth.title}.** {sample.about} {says}{wrong}"


def _add_photo(key: str) -> None:
    photo = st.session_state[key]
    if photo is not None:  # None: the user cleared the camera to take the next one
        refused.forget()
        session().album.add_photo(photo.getvalue())
