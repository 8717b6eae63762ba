"""One or several maps of the open picture, in linked viewers."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from detector.explain import METHODS, Heatmap, Unavailable, attention_rollout, grad_cam, occlusion, token_contributions
from detector.images import read_image
from ui import models, results
from ui.defaults import put, unless_set
from ui.explanations import found, working
from ui.heatmap_viewer import heatmap_viewer

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from detector.bundle import Bundle
    from detector.classifier import Classifier
    from ui.results import Checked

STATUS = {
    attention_rollout.NAME: "Overall attention: what each patch receives",
    token_contributions.NAME: "What each patch adds to the logit",
    grad_cam.NAME: "Where features speak for {side}",
    occlusion.NAME: "How far the logit falls without each patch",
}
"""What each map shows, in a few words."""
NO_ATTENTION = "This model has no attention to show."


def default(bundle: Bundle) -> str:
    """The method that proved the most faithful to this model, if that was measured, else attention rollout."""
    measured = bundle.explanations
    return measured.default if measured and measured.default in METHODS else attention_rollout.NAME


def quick(bundle: Bundle) -> str | None:
    """The method that proved the most faithful to this model among those that take no longer than a glance; None if nothing was measured."""
    measured = bundle.explanations
    ranked = [default(bundle), *(name for name, _ in measured.ranked)] if measured else []
    fits = (name for name in ranked if name in METHODS and name != occlusion.NAME and not METHODS[name].available(bundle.architecture))
    return next(fits, None)


def several() -> bool:
    """Whether more than one map will be asked for, known before ``choose`` has been drawn."""
    return len(st.session_state.get("maps") or st.query_params.get_all("maps")) > 1


def choose(bundle: Bundle) -> list[str]:
    """Ask for the methods; at least one, in the order of ``METHODS``. The choice is in the URL and stays while pictures come and go."""
    asked = st.pills(
        "Maps", list(METHODS), selection_mode="multi", default=unless_set("maps", [default(bundle)]), key="maps", bind="query-params",
        persist_state="session", format_func=lambda name: METHODS[name].title, help=_help(bundle), wrap=True,
        on_change=_at_least_one, args=(default(bundle),),
    )  # fmt: skip
    return [name for name in METHODS if name in asked] or [default(bundle)]


def show(entry: Checked, methods: list[str], bundle: Bundle, loading: Future[Classifier]) -> dict[str, DeltaGenerator]:
    """A viewer for each method, side by side; returns an empty place below each map that there is."""
    if results.shown_part(entry) != (1.0, 1.0):
        st.caption("This picture is a long strip. Only its middle is shown.")
    below = {}
    across = 2 if len(methods) == 4 else len(methods)
    for start in range(0, len(methods), across):
        for name, column in zip(methods[start : start + across], st.columns(across, gap="medium") if across > 1 else [st.container()], strict=False):
            with column:
                place = _show_one(entry, name, bundle, loading, len(methods) > 1)
                if place is not None:
                    below[name] = place
    return below


def _show_one(entry: Checked, name: str, bundle: Bundle, loading: Future[Classifier], titled: bool) -> DeltaGenerator | None:
    """One map; None where there is none. titled: whether its name stands above it."""
    method = METHODS[name]
    if titled:
        st.markdown(f"**{method.title}**", help=method.sentence)
    heatmap = _map(entry, name, bundle, loading)
    picture, region = results.as_shown(entry)
    if isinstance(heatmap, str):
        st.image(picture)
        st.markdown(heatmap)
        return None
    side = {"ai": "AI-generated", "real": "real"}.get(heatmap.towards or "", "")
    attention = entry.result.analysis.attention if name == attention_rollout.NAME else None
    heatmap_viewer(
        picture, "image/jpeg", region, attention, heatmap,
        alt=f"{entry.picture.name}, {entry.result.width} by {entry.result.height} pixels" + f", {method.title}" * titled,
        filename=entry.picture.name, key=f"viewer-{name}", status=STATUS.get(name, method.title).format(side=side), group=entry.picture.id,
    )  # fmt: skip
    return st.empty()


def _map(entry: Checked, name: str, bundle: Bundle, loading: Future[Classifier]) -> Heatmap | str:
    """The map, computed if it was not yet, or the sentence why there is none."""
    known = found.about(entry.picture, bundle).maps
    if name not in known:
        if name == attention_rollout.NAME:  # it came with the verdict
            known[name] = entry.result.analysis.heatmap or NO_ATTENTION
        elif reason := METHODS[name].available(bundle.architecture):
            known[name] = reason
        else:
            place = st.empty()
            work = partial(_explain, models.started(loading), entry.picture.content, name)
            known[name] = working.done(work, [place], f"{METHODS[name].title}: the first one takes some seconds longer")
            place.empty()
    return known[name]


def _explain(classifier: Classifier, content: bytes, name: str, progress, cancelled) -> Heatmap | str:
    try:
        return classifier.explain(read_image(content), name, progress=progress, cancelled=cancelled)
    except Unavailable as reason:
        return str(reason)


def _at_least_one(name: str) -> None:
    if not st.session_state.maps:
        put("maps", [name])


def _help(bundle: Bundle) -> str:
    told = [f"**{method.title}:** {method.sentence}" for method in METHODS.values()]
    measured = bundle.explanations
    if measured:
        won = METHODS[default(bundle)].title
        told.append(f"{won} comes first because it was the most faithful to this model, over {measured.images:,} pictures.")
    return "\n\n".join(told)
