"""The walkthrough of a picture: made once per picture and model, shared by all sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from detector.bundle import SMALL_BUNDLE, Bundle, list_bundles
from detector.compiled_network import precision_of
from detector.encoder_precision import Precision
from detector.explain.picture_walk import PictureWalk
from detector.explain.stage_maps import StageMaps, stage_maps
from detector.explain.walkthrough import Walkthrough, WalkthroughError, can_walk_through, walk_through
from detector.images import ImageReadError
from ui import pictures, session
from ui.pictures import Picture
from ui.text import plain

if TYPE_CHECKING:
    from detector.classifier import Classifier
    from ui.models import Model


def insist_on_steps(bundle: Bundle) -> None:
    """End the page with a sentence if the bundle's network is not made of the steps shown here."""
    if can_walk_through(bundle):
        return
    st.info(
        f"The model {plain(bundle.name)} has no attention head over the patches of a picture and no"
        " transformer's blocks, so the steps of this page do not describe it. Choose another model.",
        icon=":material/info:",
    )
    if SMALL_BUNDLE in list_bundles():
        st.button(
            f"Walk through {SMALL_BUNDLE}",
            icon=":material/directions_walk:",
            type="primary",
            on_click=_choose_small,
        )
    st.stop()


def _choose_small() -> None:
    st.session_state[session.MODEL] = SMALL_BUNDLE


def of(picture: Picture, model: Model) -> PictureWalk:
    """The walkthrough of ``picture``, with progress meanwhile; where there can be none, the page ends with
    a sentence."""
    place = st.empty()  # also where there is nothing to say: what follows keeps its place on the page
    with place.container():
        classifier = model.classifier()
        try:
            with st.spinner(
                "Walking through the network. The first time takes a few seconds.", show_time=True
            ):
                return _walk(picture.id, model.version, picture, classifier)
        except ImageReadError as error:
            st.warning(
                f"**{plain(picture.name, limit=60)}** — {plain(str(error), limit=300)}",
                icon=":material/broken_image:",
            )
        except WalkthroughError as error:
            st.error(plain(str(error), limit=300), icon=":material/error:")
        st.stop()


def stages(walk: PictureWalk, model: Model) -> list[StageMaps]:
    """What the stages of the model's backbone make of the picture, with progress meanwhile."""
    classifier = model.classifier()
    with st.spinner("Opening the backbone. The first time takes a few seconds.", show_time=True):
        return _stages(walk.image.tobytes(), model.version, walk, classifier)


def show_agreement(walked: Sequence[PictureWalk]) -> None:
    """Where the numbers come from."""
    first = walked[0]
    agreement = ""
    if isinstance(first, Walkthrough):
        difference = max(walk.difference for walk in walked)
        agreement = (
            " Attention and logit, recomputed step by step, differ from what the network itself answers by at"
            f" most {difference:.0e}: rounding."
        )
    if (used := precision_of(first.bundle)) != Precision.FLOAT32:
        agreement += (
            f" Verdicts are computed in {used} on this processor, with fewer digits: the probability on"
            " Classify may differ from the one here by a few hundredths."
        )
    with st.container(key="walk-agreement"):
        name = plain(first.bundle.name)
        st.caption(f"Every number on this page comes from the weights of {name}.{agreement}")


@st.cache_resource(max_entries=8, show_spinner=False)
def _walk(picture_id: str, version: str, _picture: Picture, _classifier: Classifier) -> PictureWalk:
    return walk_through(_classifier, pictures.for_model(_picture, _classifier.bundle))


@st.cache_resource(max_entries=4, show_spinner=False)
def _stages(image: bytes, version: str, _walk: PictureWalk, _classifier: Classifier) -> list[StageMaps]:
    return stage_maps(_classifier, _walk.image)
