"""The walkthrough of a picture: made once per picture and model, shared by all sessions."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

import streamlit as st

from detector.bundle import Bundle
from detector.explain.walkthrough import Walkthrough, WalkthroughError, can_walk_through, walk_through
from detector.images import ImageReadError, read_image
from ui import models
from ui.gallery import Picture
from ui.text import plain

if TYPE_CHECKING:
    from detector.classifier import Classifier


def insist_on_steps(bundle: Bundle) -> None:
    """End the page with a sentence if the bundle's network is not made of the steps shown here."""
    if not can_walk_through(bundle):
        st.info(
            f"The model {plain(bundle.name)} has no attention head, so the steps of this page do not describe it. Choose another model.",
            icon=":material/info:",
        )
        st.stop()


def of(picture: Picture, loading: Future[Classifier]) -> Walkthrough:
    """The walkthrough of ``picture``, with progress meanwhile; where there can be none, the page ends with a sentence."""
    place = st.empty()  # also where there is nothing to say: what follows keeps its place on the page
    with place.container():
        classifier = models.started(loading)
        try:
            with st.spinner("Walking through the network. The first time takes a few seconds.", show_time=True):
                return _walk(picture.id, models.version(classifier.bundle), picture.content, classifier)
        except ImageReadError as error:
            st.warning(f"**{plain(picture.name, limit=60)}** — {plain(str(error), limit=300)}", icon=":material/broken_image:")
        except WalkthroughError as error:
            st.error(plain(str(error), limit=300), icon=":material/error:")
        st.stop()


def show_agreement(walk: Walkthrough) -> None:
    """Where the numbers come from."""
    st.caption(
        f"Every number on this page comes from the weights of {plain(walk.bundle.name)}. Attention and logit, recomputed step by step, differ from "
        f"what the network itself answers by at most {walk.difference:.0e}: rounding."
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _walk(id: str, version: str, _content: bytes, _classifier: Classifier) -> Walkthrough:
    return walk_through(_classifier, read_image(_content))
