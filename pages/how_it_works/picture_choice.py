"""The picture that is walked through, and the one beside it: of the session's album, which Classify shares,
or brought in here."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from detector.images import MAX_FILE_BYTES
from pages.how_it_works import picture_address
from pages.how_it_works.step import Step
from pages.how_it_works.walk_state import state
from ui import known_samples
from ui.album import SUFFIXES
from ui.known_samples import KnownSample
from ui.pictures import Picture
from ui.session import session
from ui.text import printable, shortened

STAND_IN = "A stand-in: a real photograph that comes with scikit-learn. Bring your own for a better lesson."
NOT_IN_LINK = "The page's address holds step, temperature and patch, but not your own picture."

PICTURE, BESIDE = "walked", "walked-beside"
"""Keys of the widgets that choose among the pictures brought in; they follow the page's state."""

NONE = ""
"""Of the second picture's widget: a list without a choice would ask for one."""


def what_follows(steps: Sequence[Step]) -> str:
    """For who has no picture yet."""
    titles = ", ".join(step.title for step in steps)
    return (
        f"Your own picture, walked through the network in {len(steps)} steps: {titles}. Each step is a"
        " picture with its formula, and every number comes from the model that is loaded. A patch you choose"
        " stays chosen from step to step."
    )


def choose() -> list[Picture]:
    """The picture chosen, and a second one if it shall stand beside it; none, after an invitation, where
    there is none yet."""
    shared = session()
    picture_address.follow()
    brought_in = shared.album.brought_in
    if not brought_in:
        st.info(
            "Which picture shall be walked through? Upload one, or take a sample.",
            icon=":material/add_photo_alternate:",
        )
        _ways_in()
        return []
    picture = brought_in[state().choose(brought_in, (shared.album.wanted, shared.opened))]
    beside_id = state().beside(brought_in)
    beside = brought_in[beside_id] if beside_id else None
    st.session_state[PICTURE] = picture.id
    labels = _labels(brought_in)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Picture",
            list(brought_in),
            key=PICTURE,
            format_func=lambda picture_id: labels[picture_id],
            on_change=_take_chosen,
            label_visibility="collapsed",
            width=300,
        )
        if len(brought_in) > 1:
            _choose_beside(picture, beside, labels)
        with st.popover("Another picture", icon=":material/add_photo_alternate:"):
            _ways_in()
    picture_address.hold(picture, beside)
    if not state().linkable:
        st.caption(NOT_IN_LINK)
    elif beside is None:
        st.caption(STAND_IN)
    return [picture, beside] if beside else [picture]


def _choose_beside(picture: Picture, beside: Picture | None, labels: dict[str, str]) -> None:
    """A real picture and an AI-generated one tell more side by side than either alone."""
    st.session_state[BESIDE] = beside.id if beside else NONE
    st.selectbox(
        "Beside it",
        [NONE, *(picture_id for picture_id in labels if picture_id != picture.id)],
        key=BESIDE,
        format_func=lambda picture_id: _beside_label(picture_id, labels),
        on_change=_take_beside,
        label_visibility="collapsed",
        width=300,
    )


def _beside_label(picture_id: str, labels: dict[str, str]) -> str:
    return "Nothing beside it" if picture_id == NONE else f"Beside it: {labels[picture_id]}"


def _ways_in() -> None:
    key = f"walk-upload-{len(session().album.others)}"  # an empty uploader after each upload
    st.file_uploader(
        "Your picture",
        type=SUFFIXES,
        key=key,
        on_change=_take_upload,
        args=(key,),
        max_upload_size=MAX_FILE_BYTES // 2**20,
        help="It joins the pictures on Classify. Nothing leaves the machine that Telltale runs on.",
    )
    with st.container(horizontal=True):
        for sample in known_samples.SAMPLES:
            st.button(
                f"Try the {sample.name}",
                key=f"walk-sample-{sample.name}",
                icon=":material/image:",
                on_click=_take_sample,
                args=(sample,),
                help=f"**{sample.truth.title}.** {sample.about}",
            )


def _take_chosen() -> None:
    state().picture_id = st.session_state[PICTURE]


def _take_beside() -> None:
    state().beside_id = st.session_state[BESIDE] or None


def _take_upload(key: str) -> None:
    file = st.session_state[key]
    if file is not None:
        _take(Picture.of(file.name, file.getvalue()))


def _take_sample(sample: KnownSample) -> None:
    _take(known_samples.picture(sample))


def _take(picture: Picture) -> None:
    session().album.add(picture)
    state().picture_id = picture.id


def _labels(pictures: dict[str, Picture]) -> dict[str, str]:
    """Names as they can be shown, the second of a kind marked as such: a list of equal names could not be
    chosen from."""
    labels: dict[str, str] = {}
    for picture_id, picture in pictures.items():
        name = shortened(printable(picture.name), 60) or "picture"
        namesakes = sum(_is_named(label, name) for label in labels.values())
        labels[picture_id] = f"{name} ({namesakes + 1})" if namesakes else name
    return labels


def _is_named(label: str, name: str) -> bool:
    return label == name or label.startswith(f"{name} (")
