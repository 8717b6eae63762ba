"""The open picture part by part: what the model says of each alone, found out while somebody looks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from detector.evaluation import localisation_scores
from detector.explain import Unavailable, region_map
from detector.images import ImageReadError
from detector.preprocessing import WHOLE
from pages.classify import background_task
from pages.classify.classify_state import state
from pages.classify.workbench import PHOTO_HEIGHT
from ui import pictures
from ui.heatmap_viewer import heatmap_viewer
from ui.pictures import Picture, Resolution
from ui.text import plain

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from detector.bundle import Bundle
    from detector.classifier import Classifier
    from detector.explain import Heatmap
    from pages.classify.background_task import Cancelled, News, Progress
    from pages.classify.shown_picture import ShownPicture
    from ui.models import Model

OPEN = "parts"
"""Key of the section: whether it is open, which asks for the parts."""
STATUS = "What the model says of each part alone"


def show(shown: ShownPicture, model: Model) -> DeltaGenerator | None:
    """The section, at first closed; nothing is computed while it is. Returns the place where progress is
    shown, None where nothing is to be found out."""
    section = st.expander(
        "Part by part: what the model says of each part alone",
        icon=":material/grid_view:",
        key=OPEN,
        on_change="rerun",
    )
    if not section.open:
        return None
    with section:
        st.caption(_introduction(model.bundle))
        known = state().explanations_of(shown.picture, model.version).parts
        place = st.empty()
        if shown.is_part:
            st.markdown("This picture is a long strip, which is not shown as a whole.")
        elif known is None:
            return place
        elif isinstance(known, str):
            st.markdown(known)
        else:
            _viewer(shown, known)
            st.markdown(region_map.ends_in_words(known))
    return None


def find_out(picture: Picture, model: Model, place: DeltaGenerator | None, news: News) -> bool:
    """Judge the parts, if the section is open and they are not known yet, ``place`` showing how far that is.
    Returns whether there was anything to do. news: what the page is drawn again for meanwhile."""
    if place is None:
        return False
    known = state().explanations_of(picture, model.version)
    work = partial(_judge, model.classifier(), picture)
    name = ("parts", picture.id, model.version)
    try:
        known.parts = background_task.wait_for(work, [place], "Judging the parts", name, news)
    except (Unavailable, ImageReadError) as reason:
        known.parts = str(reason)
    return True


def _judge(classifier: Classifier, picture: Picture, progress: Progress, cancelled: Cancelled) -> Heatmap:
    """Called in a thread."""
    pixels = pictures.decoded(picture, Resolution.FORENSIC).pixels
    return region_map.region_map(classifier.engine, pixels, progress, cancelled)


def _viewer(shown: ShownPicture, parts: Heatmap) -> None:
    heatmap_viewer(
        shown.jpeg,
        "image/jpeg",
        WHOLE,
        None,
        parts,
        alt=f"{shown.picture.name}, {shown.width} by {shown.height} pixels, part by part",
        filename=shown.picture.name,
        key=f"viewer-parts-{shown.picture.id[:16]}",
        status=STATUS,
        max_height=PHOTO_HEIGHT,
    )


def _introduction(bundle: Bundle) -> str:
    """What it is, and how far it can be believed."""
    return (
        "The verdict comes from the middle of the picture, reduced. Here each part is cut out and judged like"
        " a picture of its own, so that one that was put in may stand out; red speaks for AI-generated, blue"
        f" for real. {plain(localisation_scores.in_words(bundle.regions), limit=600)}"
    )
