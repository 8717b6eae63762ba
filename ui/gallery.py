"""The pictures of a session: uploaded, photographed, or samples."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import streamlit as st

from detector.images import MAX_FILE_BYTES

SUFFIXES = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "mpo"]


@dataclass(frozen=True)
class Picture:
    """name: as the user knows it. content: the file's bytes. id: SHA-256 of both."""

    id: str
    name: str
    content: bytes

    @classmethod
    def of(cls, name: str, content: bytes) -> Picture:
        return cls(hashlib.sha256(name.encode("utf-8", "replace") + b"\0" + content).hexdigest(), name, content)


@dataclass
class Album:
    """What a session remembers of its pictures, also while its user is on another page.

    uploads: what is in the uploader, by Streamlit's file id, so that each file is hashed once. others: samples, photos and
    what else has no place in the uploader. pictures: all of these, each once, in the order they came; with ``others`` by picture id.
    wanted: id of the picture to open next. cleared: what "Clear all" took away and can bring back. photos: how many were taken.
    round: how often everything was cleared; a part of the keys of the widgets that have to be empty then.
    """

    uploads: dict[str, Picture] = field(default_factory=dict)
    others: dict[str, Picture] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)
    wanted: str | None = None
    cleared: dict[str, Picture] = field(default_factory=dict)
    photos: int = 0
    round: int = 0


def album() -> Album:
    """The album of this session."""
    return st.session_state.setdefault("album", Album())


def add(picture: Picture) -> None:
    """Put ``picture`` into the album of this session, as the one to open next; for callbacks."""
    album().others[picture.id] = picture
    album().wanted = picture.id


def choose() -> list[Picture]:
    """Show the ways to bring in pictures and return those brought in, each once, in the order they came."""
    mine = album()
    uploader = f"uploader-{mine.round}"
    files = st.file_uploader(
        "Pictures to check", type=SUFFIXES, accept_multiple_files=True, key=uploader, on_change=_take_uploads, args=(uploader,),
        max_upload_size=MAX_FILE_BYTES // 2**20,
        help="JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF. Drag and drop works, many at once too.",
    )  # fmt: skip
    if not files:  # and nobody removed them: Streamlit empties the uploader when its user comes back from another page
        mine.others |= {picture.id: picture for picture in mine.uploads.values()}
        mine.uploads = {}
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, path in samples().items():
            st.button(f"Try the {name}", key=f"sample-{name}", icon=":material/image:", on_click=_add_sample, args=(name, path))
        camera = st.toggle("Camera", key=f"camera-{mine.round}")
        clear = st.empty()
    with st.container():
        if camera:
            key = f"photo-{mine.round}"
            st.camera_input("Take a photo", width=480, key=key, on_change=_add_photo, args=(key,))
    now = {picture.id: picture for picture in mine.uploads.values()} | mine.others
    mine.pictures = {id: picture for id, picture in mine.pictures.items() if id in now} | now
    if mine.pictures:
        mine.cleared = {}
        clear.button("Clear all", icon=":material/delete_sweep:", type="tertiary", key="clear", on_click=_clear)
    elif mine.cleared:
        what = f"{len(mine.cleared)} pictures" if len(mine.cleared) > 1 else "the picture"
        clear.button(f"Bring back {what}", icon=":material/undo:", type="tertiary", key="undo", on_click=_bring_back)
    return list(mine.pictures.values())


def invite() -> None:
    """What an empty page says."""
    st.info(
        "Upload a picture, take one, or try a sample. The first verdict takes a few seconds longer while the model starts in the background.",
        icon=":material/add_photo_alternate:",
    )


def remove_button(picture: Picture) -> None:
    """A button that takes ``picture`` away, unless it is an upload: those have theirs in the uploader."""
    if all(upload.id != picture.id for upload in album().uploads.values()):
        st.button("Remove", icon=":material/close:", type="tertiary", key="remove", on_click=_remove, args=(picture.id,))


@cache
def samples() -> dict[str, Path]:
    """Real photos that every installation has: the two that scikit-learn ships."""
    # Found without importing scikit-learn, which would cost the page a second.
    folder = Path(find_spec("sklearn").origin).parent / "datasets" / "images"
    return {"temple": folder / "china.jpg", "flower": folder / "flower.jpg"}


def _take_uploads(key: str) -> None:
    """Follow the uploader: hash what is new and forget what was removed. A picture that comes alone is opened."""
    mine, files = album(), st.session_state[key]
    new = [file.file_id for file in files if file.file_id not in mine.uploads]
    mine.uploads = {file.file_id: mine.uploads.get(file.file_id) or Picture.of(file.name, file.getvalue()) for file in files}
    if len(new) == 1:
        mine.wanted = mine.uploads[new[0]].id


def _add_sample(name: str, path: Path) -> None:
    add(Picture.of(f"{name}.jpg", path.read_bytes()))


def _add_photo(key: str) -> None:
    photo = st.session_state[key]
    if photo is not None:  # None: the user cleared the camera to take the next one
        album().photos += 1
        add(Picture.of(f"photo {album().photos}.jpg", photo.getvalue()))


def _remove(id: str) -> None:
    del album().others[id]


def _clear() -> None:
    mine = album()
    mine.cleared, mine.uploads, mine.others = mine.pictures, {}, {}
    mine.round += 1


def _bring_back() -> None:
    album().others = album().cleared
