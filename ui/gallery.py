"""The pictures of a session: uploaded, photographed, or samples."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
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


def choose() -> list[Picture]:
    """Show the ways to bring in pictures and return those brought in, each once, in the order they came."""
    state = st.session_state
    state.setdefault("extra", {})
    state.setdefault("uploader", 0)
    uploads = st.file_uploader(
        "Pictures to check", type=SUFFIXES, accept_multiple_files=True, key=f"uploads-{state.uploader}",
        max_upload_size=MAX_FILE_BYTES // 10**6,
        help="JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF. Drag and drop works, many at once too.",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, path in samples().items():
            if st.button(f"Try the {label}", key=f"sample-{label}", icon=":material/image:"):
                _add(path.name, path.read_bytes())
        camera = st.toggle("Camera", key=f"camera-{state.uploader}")
        clear = st.empty()
    if camera:
        photo = st.camera_input("Take a photo", key=f"photo-{state.uploader}")
        if photo is not None:
            _add("camera.jpg", photo.getvalue())
    pictures = {picture.id: picture for picture in map(_uploaded, uploads)} | state.extra
    if pictures:
        clear.button("Clear all", icon=":material/delete_sweep:", on_click=_clear, type="tertiary")
    return list(pictures.values())


def invite() -> None:
    """What an empty page says."""
    st.info(
        "Upload a picture, take one, or try a sample. The first verdict takes a few seconds longer while the model starts in the background.",
        icon=":material/add_photo_alternate:",
    )


@cache
def samples() -> dict[str, Path]:
    """Real photos that every installation has: the two that scikit-learn ships."""
    # Found without importing scikit-learn, which would cost the page a second.
    folder = Path(find_spec("sklearn").origin).parent / "datasets" / "images"
    return {"temple": folder / "china.jpg", "flower": folder / "flower.jpg"}


def _uploaded(upload) -> Picture:
    """Hash an upload once, not on every rerun."""
    known = st.session_state.setdefault("uploaded", {})
    if upload.file_id not in known:
        known[upload.file_id] = Picture.of(upload.name, upload.getvalue())
    return known[upload.file_id]


def _add(name: str, content: bytes) -> None:
    picture = Picture.of(name, content)
    st.session_state.extra[picture.id] = picture
    st.session_state.open = picture.id


def _clear() -> None:
    st.session_state.extra = {}
    st.session_state.uploaded = {}
    st.session_state.uploader += 1  # a new key makes new, empty widgets
