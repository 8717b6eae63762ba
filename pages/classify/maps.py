"""One or several maps of the open picture, in linked viewers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from detector.explain import METHODS, Heatmap, Unavailable, attention_rollout, title_of
from pages.classify import background_task
from pages.classify.classify_state import state
from pages.classify.workbench import PHOTO_HEIGHT
from ui import default_method, pictures
from ui.defaults import put, unless_set
from ui.heatmap_viewer import heatmap_viewer

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from detector.bundle import Bundle
    from detector.classifier import Classifier
    from detector.evaluation.method_scores import Explanations
    from detector.explain.method import Method
    from pages.classify.background_task import Cancelled, News, Progress
    from pages.classify.classify_state import PictureExplanations
    from pages.classify.shown_picture import ShownPicture
    from ui.models import Model
    from ui.pictures import Picture

MAPS = "maps"
"""Key of the widget that chooses the methods, and its name in the address."""

FOLLOWS = "The map follows"


@dataclass(frozen=True)
class MapPlaces:
    """What belongs to one map beside its viewer: badge, above it, and details, below it."""

    badge: DeltaGenerator
    details: DeltaGenerator


def choose(bundle: Bundle) -> list[str]:
    """Ask for the methods; at least one, in the order of ``METHODS``. The choice is in the URL and stays
    while pictures come and go."""
    default = default_method.default(bundle)
    chosen = st.pills(
        "Maps",
        list(METHODS),
        selection_mode="multi",
        default=unless_set(MAPS, [default]),
        key=MAPS,
        bind="query-params",
        persist_state="session",
        format_func=lambda name: METHODS[name].title,
        help=_help(bundle),
        label_visibility="collapsed",
        wrap=True,
        on_change=_at_least_one,
        args=(default,),
    )
    return [name for name in METHODS if name in chosen] or [default]


def show(shown: ShownPicture, methods: list[str], model: Model) -> dict[str, MapPlaces]:
    """A viewer for each method, side by side, with the map that is known, or the photo until there is one.
    Returns the empty places of each method that can explain the network."""
    _take_what_came_with_the_verdict(shown.picture, model)
    if shown.is_part:
        st.caption("This picture is a long strip. Only its middle is shown.")
    places = {}
    across = 1 if len(methods) == 1 else 2
    for start in range(0, len(methods), across):
        columns = st.columns(across, gap="small") if across > 1 else [st.container(gap="xsmall")]
        for name, column in zip(methods[start : start + across], columns, strict=False):
            with column:
                found = _show_one(shown, METHODS[name], model, several=across > 1)
            if found is not None:
                places[name] = found
    return places


def find_out_next(
    picture: Picture,
    methods: Sequence[str],
    model: Model,
    places: dict[str, MapPlaces],
    news: News,
    quick: bool = False,
) -> bool:
    """Compute the first map that is missing, in the order of the methods. Returns whether there was one.

    news: what the page is drawn again for meanwhile. quick: only those that are there after a glance, among
    them what stands in for slow ones until these are there.
    """
    known = state().explanations_of(picture, model.version)
    for asked in methods:
        name = (_stand_in(METHODS[asked], known, model) or asked) if quick else asked
        is_wanted = _is_quick(METHODS[name], model) or not quick
        if is_wanted and not _is_settled(known, name):
            place = places[asked].badge if asked in places else st.empty()
            _find_out(known, picture, METHODS[name], model, place, news)
            return True
    return False


def heatmap_of(picture: Picture, method: Method, model: Model) -> Heatmap | str:
    """The map, computed if it was not yet, or the sentence why there is none."""
    _take_what_came_with_the_verdict(picture, model)
    known = state().explanations_of(picture, model.version)
    if not _is_settled(known, method.name):
        _find_out(known, picture, method, model, st.empty())
    return known.heatmaps.get(method.name) or known.unavailable[method.name]


def _show_one(shown: ShownPicture, method: Method, model: Model, several: bool) -> MapPlaces | None:
    known = state().explanations_of(shown.picture, model.version)
    reason = known.unavailable.get(method.name) or method.available(model.bundle.architecture)
    heatmap = known.heatmaps.get(method.name)
    if heatmap is None and not reason:
        heatmap = known.heatmaps.get(_stand_in(method, known, model) or "")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{method.title}**", help=method.sentence, width="content")
        badge = st.empty()
        if heatmap is None or heatmap.method != method.name:
            badge.markdown(":small[:gray[is on its way]]" if not reason else "", width="content")
    if reason:
        st.image(shown.jpeg)
        st.markdown(reason)
        return None
    _viewer(shown, heatmap, method, several)
    return MapPlaces(badge, details=st.empty())


def _viewer(shown: ShownPicture, heatmap: Heatmap | None, method: Method, several: bool) -> None:
    alt = f"{shown.picture.name}, {shown.width} by {shown.height} pixels"
    status = FOLLOWS if heatmap is None else METHODS[heatmap.method].caption_of(heatmap)
    if several:
        alt += f", {method.title}"
    if heatmap and heatmap.method != method.name:
        status = f"{METHODS[heatmap.method].title}, until {method.title} is there: {status}"
    heatmap_viewer(
        shown.jpeg,
        "image/jpeg",
        shown.region,
        shown.attention if heatmap and heatmap.method == attention_rollout.NAME else None,
        heatmap,
        alt=alt,
        filename=shown.picture.name,
        tiles=shown.tiles,
        # Another viewer for another picture: the photo of one never stands under the name of the next.
        key=f"viewer-{method.name}-{shown.picture.id[:16]}",
        status=status,
        group=shown.picture.id,
        max_height=PHOTO_HEIGHT,
    )


def _stand_in(method: Method, known: PictureExplanations, model: Model) -> str | None:
    """The quick method whose map is shown until that of a slow one is there; None where that is there, or
    needs none."""
    if _is_settled(known, method.name) or method.available(model.bundle.architecture):
        return None
    if _is_quick(method, model):
        return None
    return default_method.quick(model.bundle) or attention_rollout.NAME


def _is_quick(method: Method, model: Model) -> bool:
    rows, columns = model.bundle.architecture.grid
    return method.quick(rows * columns)


def _is_settled(known: PictureExplanations, name: str) -> bool:
    return name in known.heatmaps or name in known.unavailable


def _take_what_came_with_the_verdict(picture: Picture, model: Model) -> None:
    """Attention rollout is there as soon as the verdict is."""
    result = state().results.get((picture.id, model.version))
    if result is None or not result.is_readable:
        return
    known, name = state().explanations_of(picture, model.version), attention_rollout.NAME
    if result.analysis.heatmap is None:
        known.unavailable[name] = default_method.NO_ATTENTION
    else:
        known.heatmaps[name] = result.analysis.heatmap


def _find_out(
    known: PictureExplanations,
    picture: Picture,
    method: Method,
    model: Model,
    place: DeltaGenerator,
    news: News | None = None,
) -> None:
    """Put the map, or the sentence why there is none, to what is known."""
    if reason := method.available(model.bundle.architecture):
        known.unavailable[method.name] = reason
        return
    work = partial(_explain, model.classifier(), picture, method.name)
    text = f"{method.title}: the first one takes some seconds longer"
    name = ("map", picture.id, model.version, method.name)
    try:
        known.heatmaps[method.name] = background_task.wait_for(work, [place], text, name, news)
    except Unavailable as reason:
        known.unavailable[method.name] = str(reason)


def _explain(
    classifier: Classifier, picture: Picture, name: str, progress: Progress, cancelled: Cancelled
) -> Heatmap:
    """Called in a thread."""
    photo = pictures.for_model(picture, classifier.bundle)
    return classifier.explain(photo, name, progress=progress, cancelled=cancelled)


def _at_least_one(default: str) -> None:
    if not st.session_state[MAPS]:
        put(MAPS, [default])


def _help(bundle: Bundle) -> str:
    paragraphs = [f"**{method.title}:** {method.sentence}" for method in METHODS.values()]
    measured = bundle.explanations
    if measured:
        paragraphs.append(_measured(measured))
    return "\n\n".join(paragraphs)


def _measured(measured: Explanations) -> str:
    """Which method was the most faithful to the model, and which comes first."""
    best, pictures = title_of(measured.most_faithful), f"over {measured.images:,} pictures"
    if measured.most_faithful == measured.default:
        return f"{best} comes first because it was the most faithful to this model, {pictures}."
    slow, first = measured.methods[measured.most_faithful], measured.methods[measured.default]
    times = slow.ms_per_map / max(first.ms_per_map, 1)
    beats = first.win_rate_over_random
    return (
        f"{best} was the most faithful to this model, {pictures}. {title_of(measured.default)} comes first"
        f" because it is there {times:.0f} times as soon; it did better than a random order on"
        f" {beats.value:.0%} of them ({beats.low:.0%} to {beats.high:.0%}, half is chance)."
    )
