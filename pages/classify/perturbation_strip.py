"""The stress strip: what the model says of the picture after ordinary perturbations, and after harder
ones."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from detector.perturbation_test import (
    SHORT_SIDE,
    PerturbedVerdict,
    contradicting_copies,
    judge_perturbed_copies,
)
from detector.perturbations import STRIP
from detector.preprocessing import WHOLE
from detector.records import percent
from detector.verdicts import Verdict
from pages.classify import background_task
from pages.classify.classify_state import Strip, state
from ui import encoding, pictures
from ui.pictures import Picture
from ui.verdict import COLOURS

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from detector.bundle import Bundle
    from detector.classifier import Analysis, Classifier
    from detector.explain import Heatmap
    from pages.classify.background_task import Cancelled, News, Progress
    from pages.classify.classify_state import PictureResult
    from ui.models import Model

HEATED = "damage_heated"
"""Key of the widget that shows the copies' heatmaps, which stands below them."""

STRIP_STYLE = "display:flex;gap:6px;overflow-x:auto;padding:3px 3px 10px;scroll-snap-type:x proximity"
TILE_STYLE = (
    "flex:1 0 5.9rem;min-width:0;max-width:9rem;font-size:.8125rem;line-height:1.35;scroll-snap-align:start"
)
IMAGE_STYLE = "width:100%;height:100%;display:block;border-radius:4px"


def show(picture: Picture, result: PictureResult | None, model: Model) -> None:
    """The strip of one picture, or the place where it will stand."""
    st.subheader("How much damage does the verdict stand?", anchor=False)
    strip = _known(picture, model)
    if strip is None or result is None:
        st.html(_frame([_tile()] * (1 + len(STRIP))))  # as high as what will stand here
        return
    place = st.empty()
    heated = False
    if strip.heated:
        heated = st.toggle("Show where the attention went", key=HEATED, persist_state="session")
    place.html(_strip(result.analysis, strip, heated, model.bundle))
    st.caption(
        "Thick frames: **ordinary** damage, which nearly every picture on the web has been through. If one of"
        " these turns the verdict into its opposite, the verdict is called unsure; the others overrule"
        " nothing.",
        help=(
            "Each copy is damaged, then judged like a file of its own. A screenshot is 85% of the size and"
            " JPEG 80; a slight blur is one pixel. *Attention moved* is the share of the attention that went"
            " to other patches (total variation distance); a diffuse map cannot move far. Large pictures are"
            f" damaged at a reduced size, with {SHORT_SIDE} to {2 * SHORT_SIDE - 1} pixels along the short"
            " side."
        ),
    )


def show_small(result: PictureResult, model: Model) -> None:
    """The same at a glance, beside the verdict: a little picture for each copy, over the colour of what the
    model says of it."""
    strip, bundle = _known(result.picture, model), model.bundle
    if strip is None:
        st.html(_small_frame("Damaged copies of it are being judged", [_small_tile()] * (1 + len(STRIP))))
        return
    verdict = result.analysis.verdict
    contradicting = contradicting_copies(bundle, verdict, strip.copies)
    tiles = [_small_tile(strip.plain[0], "As it is", verdict)]
    for copy, image in zip(strip.copies, strip.plain[1:], strict=True):
        perturbation = copy.perturbation
        said, turned = bundle.verdict(copy.y_score), copy in contradicting
        tiles.append(_small_tile(image, perturbation.title, said, perturbation.ordinary, turned))
    st.html(_small_frame("The picture as it is and damaged copies of it, with their verdicts", tiles))


def find_out(result: PictureResult, model: Model, place: DeltaGenerator, news: News) -> bool:
    """Make the copies and let the model judge them, if that was not done, ``place`` showing how far that is.
    Returns whether there was anything to do. news: what the page is drawn again for meanwhile."""
    if _known(result.picture, model):
        return False
    work = partial(_judge, model.classifier(), result.picture, result.analysis)
    name = ("strip", result.picture.id, model.version)
    strip = background_task.wait_for(work, [place], "Damaging copies", name, news)
    state().explanations_of(result.picture, model.version).strip = strip
    return True


def _known(picture: Picture, model: Model) -> Strip | None:
    return state().explanations_of(picture, model.version).strip


def _judge(
    classifier: Classifier, picture: Picture, analysis: Analysis, progress: Progress, cancelled: Cancelled
) -> Strip:
    """Called in a thread. Two passes: there is nothing to be cancelled and no progress to be shown."""
    photo = pictures.for_copies(picture, classifier.bundle)
    copies, inputs_of_copies = judge_perturbed_copies(classifier, photo, analysis)
    own = pictures.for_model(picture, classifier.bundle)
    inputs = [classifier.bundle.preprocessing(own.pixels), *inputs_of_copies]
    heatmaps = [analysis.heatmap, *(copy.heatmap for copy in copies)]
    heated = []
    for pixels, heatmap in zip(inputs, heatmaps, strict=True):
        if heatmap is not None:
            heated.append(_data_url(_heated(pixels, heatmap)))
    return Strip(copies, [_data_url(pixels) for pixels in inputs], heated)


def _heated(pixels: np.ndarray, heatmap: Heatmap) -> np.ndarray:
    from detector.overlay import overlay

    return overlay(pixels, heatmap, WHOLE, opacity=0.6, mark_unseen=False)


def _data_url(pixels: np.ndarray) -> str:
    return encoding.data_url(encoding.jpeg(pixels, quality=90))


def _strip(analysis: Analysis, strip: Strip, heated: bool, bundle: Bundle) -> str:
    """The picture as it is and its copies, as HTML."""
    verdict = analysis.verdict
    contradicting = contradicting_copies(bundle, verdict, strip.copies)
    images = strip.heated if heated else strip.plain
    tiles = [_tile(images[0], "As it is", _verdict(verdict, analysis.y_score, False))]
    for copy, image in zip(strip.copies, images[1:], strict=True):
        tiles.append(_tile_of_copy(copy, image, bundle, copy in contradicting))
    return _frame(tiles)


def _small_frame(label: str, tiles: list[str]) -> str:
    return f"""
<div role="list" aria-label="{label}" data-testid="damage-small"
  style="display:grid;grid-template-columns:repeat({len(tiles)},minmax(0,1fr));gap:4px">{"".join(tiles)}</div>"""


def _small_tile(
    image: str = "",
    title: str = "",
    verdict: Verdict | None = None,
    ordinary: bool = False,
    turned: bool = False,
) -> str:
    """One little tile, as HTML; all texts are ours. turned: whether it turns the picture's own verdict
    around."""
    shown = f'<img src="{image}" alt="" style="{IMAGE_STYLE}">' if image else ""
    colour = COLOURS[verdict] if verdict else "transparent"
    said = (
        f"{title}: {verdict.in_sentence}{', which turns the verdict around' if turned else ''}"
        if verdict
        else ""
    )
    outline = "2px solid currentColor" if ordinary else "1px solid rgba(138,138,138,.6)"
    return f"""
<div role="listitem" title="{escape(said)}" aria-label="{escape(said)}">
  <div style="aspect-ratio:1;border-radius:4px;overflow:hidden;outline:{outline};outline-offset:-1px">
    {shown}</div>
  <div style="height:6px;margin-top:3px;border-radius:3px;background:{colour}"></div>
  <div style="font-size:.75rem;line-height:1;text-align:center;height:.75rem">{"⚠" if turned else ""}</div>
</div>"""


def _frame(tiles: list[str]) -> str:
    return f"""
<div role="list" tabindex="0" aria-label="The picture as it is, and damaged copies of it" data-testid="damage"
  style="{STRIP_STYLE}">{"".join(tiles)}</div>"""


def _tile_of_copy(copy: PerturbedVerdict, image: str, bundle: Bundle, contradicts: bool) -> str:
    judged = _verdict(bundle.verdict(copy.y_score), copy.y_score, contradicts)
    moved = "" if copy.drift is None else f"attention moved {copy.drift:.0%}"
    return _tile(image, copy.perturbation.title, judged, moved, copy.perturbation.ordinary)


def _verdict(verdict: Verdict, y_score: float, contradicts: bool) -> str:
    """What stands below a copy, as HTML. contradicts: whether it turns the picture's own verdict around."""
    weight, warning = (700, " ⚠") if contradicts else (400, "")
    return f"""
<div style="border-left:4px solid {COLOURS[verdict]};padding-left:5px;font-weight:{weight}">
  {verdict.title}{warning}<br>{escape(percent(y_score))}
</div>"""


def _tile(image: str = "", title: str = "", judged: str = "", moved: str = "", ordinary: bool = False) -> str:
    """One tile, as HTML; all texts are ours. An empty one holds the place."""
    shown = f'<img src="{image}" alt="" style="{IMAGE_STYLE}">' if image else ""
    outline = "3px solid currentColor" if ordinary else "1px solid rgba(138,138,138,.6)"
    return f"""
<div role="listitem" style="{TILE_STYLE}">
  <div style="aspect-ratio:1;border-radius:6px;outline:{outline};outline-offset:-1px">{shown}</div>
  <div style="margin-top:.35rem;min-height:1.35em">{escape(title)}</div>
  <div style="min-height:2.7em">{judged}</div>
  <div style="min-height:2.7em;opacity:.8">{escape(moved)}</div>
</div>"""
