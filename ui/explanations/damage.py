"""The stress strip: what the model says of the picture after ordinary damage, and after worse."""

from __future__ import annotations

from base64 import b64encode
from concurrent.futures import Future
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from PIL import Image

from detector.preprocessing import Region
from detector.records import percent
from detector.stress import ORDINARY, SHORT_SIDE, Stressed, flips, stress
from ui import models, verdict
from ui.explanations import found, working
from ui.explanations.found import Strip

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from detector.classifier import Classifier
    from ui.results import Checked

WHOLE = Region(0, 0, 1, 1)


def show(entry: Checked, bundle: Bundle, loading: Future[Classifier], redraw: bool = True) -> None:
    """The strip of one picture. What was not known when the verdict above was drawn is found out now and, with ``redraw``, the page drawn again."""
    known = found.about(entry.picture, bundle)
    st.subheader("How much damage does the verdict stand?", anchor=False)
    place = st.empty()
    if known.strip is None:
        place.html(_frame([_tile_html("", "", "", "")] * 11))  # as high as what will stand here
        analysis, content = entry.result.analysis, entry.picture.content
        classifier = models.started(loading)
        known.strip = working.done(lambda progress, cancelled: _strip(classifier, content, analysis), [st.empty()], "Damaging copies")
        if redraw:
            st.rerun()
    heated = bool(known.strip.heated) and st.session_state.get("damage_heated", False)
    place.html(_html(entry, known.strip, heated, bundle))
    if known.strip.heated:
        st.toggle("Show where the attention went", key="damage_heated", persist_state="session")
    st.caption(
        "Thick frames: **ordinary** damage, which nearly every picture on the web has been through. If one of these turns the verdict into its "
        "opposite, the verdict is called unsure; the others overrule nothing.",
        help="Each copy is damaged, then judged like a file of its own. A screenshot is 85% of the size and JPEG 80; a slight blur is one pixel. "
        "*Attention moved* is the share of the attention that went to other patches (total variation distance); a diffuse map cannot move far. Large "
        f"pictures are damaged at a reduced size, with {SHORT_SIDE} to {2 * SHORT_SIDE - 1} pixels along the short side.",
    )


def _strip(classifier: Classifier, content: bytes, analysis) -> Strip:
    from detector.images import read_image

    copies, seen = stress(classifier, content, analysis)
    pictures = [classifier.bundle.preprocessing(read_image(content).pixels), *seen]
    maps = [analysis.heatmap, *(copy.heatmap for copy in copies)]
    heated = [] if analysis.heatmap is None else [_url(_under(heatmap, picture)) for heatmap, picture in zip(maps, pictures, strict=True)]
    return Strip(copies, [_url(picture) for picture in pictures], heated)


def _under(heatmap, picture: np.ndarray) -> np.ndarray:
    from detector.overlay import overlay

    return overlay(picture, heatmap, WHOLE, opacity=0.6, mark_unseen=False)


def _url(picture: np.ndarray) -> str:
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{b64encode(buffer.getvalue()).decode()}"


def _html(entry: Checked, strip: Strip, heated: bool, bundle: Bundle) -> str:
    analysis = entry.result.analysis
    turned = flips(bundle, analysis.verdict, strip.copies)
    pictures = strip.heated if heated else strip.plain
    tiles = [_tile_html(pictures[0], "As it is", _words(analysis.verdict, analysis.y_score, False), "")]
    for copy, picture in zip(strip.copies, pictures[1:], strict=True):
        tiles.append(_tile(copy, picture, bundle, copy in turned))
    return _frame(tiles)


def _frame(tiles: list[str]) -> str:
    return (
        '<div role="list" tabindex="0" aria-label="The picture as it is, and damaged copies of it" data-testid="damage" '
        f'style="display:flex;gap:6px;overflow-x:auto;padding:3px 3px 10px;scroll-snap-type:x proximity">{"".join(tiles)}</div>'
    )


def _tile(copy: Stressed, picture: str, bundle: Bundle, turns: bool) -> str:
    moved = "" if copy.drift is None else f"attention moved {copy.drift:.0%}"
    ordinary = copy.damage.name in ORDINARY
    return _tile_html(picture, copy.damage.title, _words(bundle.verdict(copy.y_score), copy.y_score, turns), moved, ordinary)


def _words(judged: str, y_score: float, turns: bool) -> str:
    return (
        f'<div style="border-left:4px solid {verdict.COLOURS[judged]};padding-left:5px;font-weight:{700 if turns else 400}">'
        f"{verdict.TITLES[judged]}{' ⚠' if turns else ''}<br>{escape(percent(y_score))}</div>"
    )


def _tile_html(picture: str, title: str, words: str, moved: str, ordinary: bool = False) -> str:
    """One tile; all texts are ours. An empty one holds the place."""
    shown = f'<img src="{picture}" alt="" style="width:100%;height:100%;display:block;border-radius:4px">' if picture else ""
    frame = "3px solid currentColor" if ordinary else "1px solid rgba(138,138,138,.6)"
    return (
        '<div role="listitem" style="flex:1 0 5.9rem;min-width:0;max-width:9rem;font-size:.8125rem;line-height:1.35;scroll-snap-align:start">'
        f'<div style="aspect-ratio:1;border-radius:6px;outline:{frame};outline-offset:-1px">{shown}</div>'
        f'<div style="margin-top:.35rem;min-height:1.35em">{escape(title)}</div><div style="min-height:2.7em">{words}</div>'
        f'<div style="min-height:2.7em;opacity:.8">{escape(moved)}</div></div>'
    )
