"""The picture that is walked through: one of the session's album, which Classify shares, or one brought in here."""

from __future__ import annotations

import streamlit as st

from detector.images import MAX_FILE_BYTES
from ui import gallery
from ui.gallery import Picture
from ui.text import printable, shortened

WHAT_FOLLOWS = (
    "Your own picture, walked through the network in eight steps: resize, feature map, queries, keys and values, scores, softmax, rollout, pooling, "
    "probability. Each step is a picture with its formula, and every number comes from the model that is loaded. A patch you choose stays chosen "
    "from step to step."
)

STAND_IN = "A stand-in: a real photograph that comes with scikit-learn. Bring your own for a better lesson."


def choose() -> Picture | None:
    """The picture chosen; None, after an invitation, where there is none yet."""
    album = gallery.album()
    here = album.pictures | album.others  # a picture added on this page is not in ``pictures`` until Classify is drawn again
    if not here:
        st.info("Which picture shall be walked through? Upload one, or take a sample.", icon=":material/add_photo_alternate:")
        _ways_in()
        return None
    labels = _labels(here)
    if st.session_state.get("walked") not in here:  # none chosen yet, or it was removed on Classify
        st.session_state.walked = next((id for id in (album.wanted, st.session_state.get("opened")) if id in here), next(iter(here)))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Picture", list(here), key="walked", format_func=labels.get, persist_state="session", label_visibility="collapsed", width=420)
        with st.popover("Another picture", icon=":material/add_photo_alternate:"):
            _ways_in()
    picture = here[st.session_state.walked]
    if picture.id in (sample.id for sample in _samples().values()):
        st.caption(STAND_IN)
    return picture


def _ways_in() -> None:
    key = f"walk-upload-{len(gallery.album().others)}"  # an empty uploader after each upload
    st.file_uploader(
        "Your picture", type=gallery.SUFFIXES, key=key, on_change=_take_upload, args=(key,), max_upload_size=MAX_FILE_BYTES // 2**20,
        help="It joins the pictures on Classify and leaves this machine no more than those do: not at all.",
    )  # fmt: skip
    with st.container(horizontal=True):
        for name, picture in _samples().items():
            st.button(f"Try the {name}", key=f"walk-sample-{name}", icon=":material/image:", on_click=_take, args=(picture,))


def _take_upload(key: str) -> None:
    file = st.session_state[key]
    if file is not None:
        _take(Picture.of(file.name, file.getvalue()))


def _take(picture: Picture) -> None:
    gallery.add(picture)
    st.session_state.walked = picture.id


@st.cache_data(show_spinner=False)
def _samples() -> dict[str, Picture]:
    return {name: Picture.of(f"{name}.jpg", path.read_bytes()) for name, path in gallery.samples().items()}


def _labels(pictures: dict[str, Picture]) -> dict[str, str]:
    """Names as they can be shown, the second of a kind marked as such: a list of equal names could not be chosen from."""
    labels: dict[str, str] = {}
    for id, picture in pictures.items():
        name = shortened(printable(picture.name), 60) or "picture"
        number = sum(label == name or label.startswith(f"{name} (") for label in labels.values())
        labels[id] = f"{name} ({number + 1})" if number else name
    return labels
