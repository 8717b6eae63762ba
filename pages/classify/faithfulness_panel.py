"""How far a map can be believed: deletion and insertion on this very picture, and whether it depends on
what the model has learnt."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import streamlit as st

from detector.explain.faithfulness import BETTER, NO_BETTER, WORSE
from detector.records import percent
from pages.classify import background_task
from pages.classify.classify_state import state
from ui import pictures

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from detector.classifier import Classifier
    from detector.explain import Heatmap
    from detector.explain.faithfulness import Faithfulness
    from detector.explain.sanity import Sanity
    from pages.classify.background_task import Cancelled, Progress
    from pages.classify.classify_state import PictureExplanations
    from pages.classify.maps import MapPlaces
    from ui.models import Model
    from ui.pictures import Picture

BADGES: dict[str, tuple[Literal["green", "gray", "orange"], str]] = {
    BETTER: ("green", ":material/check_circle:"),
    NO_BETTER: ("gray", ":material/help:"),
    WORSE: ("orange", ":material/error:"),
}


def wanted() -> bool:
    """Ask whether maps are to be tested; they are unless somebody says no."""
    return st.toggle(
        "Test maps",
        value=True,
        key="tested",
        bind="query-params",
        persist_state="session",
        help=(
            "Tests each map on this very picture: takes its patches away and brings them back, some 200"
            " times through the network, while you read on."
        ),
    )


def show(picture: Picture, places: dict[str, MapPlaces], model: Model) -> None:
    """What is known of how far each map can be believed, in its places."""
    known = state().explanations_of(picture, model.version)
    for name, place in places.items():
        if name in known.faithfulness:
            _show_badge(known.faithfulness[name], place.badge)
            with place.details.container():
                _show_details(picture, name, known, model)


def find_out(picture: Picture, places: dict[str, MapPlaces], model: Model) -> bool:
    """Test the maps that were not yet, all at once, while the place of each badge shows how far that is.
    Returns whether there were any."""
    known = state().explanations_of(picture, model.version)
    untested = [name for name in places if name in known.heatmaps and name not in known.faithfulness]
    if not untested:
        return False
    heatmaps = [known.heatmaps[name] for name in untested]
    tests = background_task.wait_for(
        partial(_test, model.classifier(), picture, heatmaps),
        [places[name].badge for name in untested],
        "Testing this map",
    )
    known.faithfulness |= dict(zip(untested, tests, strict=True))
    return True


def _test(
    classifier: Classifier,
    picture: Picture,
    heatmaps: list[Heatmap],
    progress: Progress,
    cancelled: Cancelled,
) -> list[Faithfulness]:
    """Called in a thread."""
    photo = pictures.for_model(picture, classifier.bundle)
    return classifier.faithfulness(photo, heatmaps, progress=progress, cancelled=cancelled)


def _show_badge(test: Faithfulness, place: DeltaGenerator) -> None:
    colour, icon = BADGES[test.badge]
    place.badge(test.badge.capitalize(), color=colour, icon=icon, help=_badge_help(test))


def _show_details(picture: Picture, name: str, known: PictureExplanations, model: Model) -> None:
    """The curves, the drops and the sanity check."""
    from pages.classify import faithfulness_curves
    from ui import figures  # Plotly, which a page without a tested map does not wait for

    test = known.faithfulness[name]
    if name not in known.curves:  # drawing it takes longer than all the rest of a run
        known.curves[name] = faithfulness_curves.figure(test)
    with st.expander("Curves and checks", icon=":material/stacked_line_chart:"):
        st.plotly_chart(
            known.curves[name],
            key=f"curves-{name}",
            config=figures.config(f"faithfulness-{name.replace(' ', '-')}", "svg"),
            alt=(
                f"Confidence as patches are removed and restored. Deletion area {test.deletion_auc:.3f},"
                f" insertion area {test.insertion_auc:.3f}, random orders {test.random.auc.value:.3f} on"
                " average."
            ),
        )
        st.markdown(_drops(test))
        heatmap = known.heatmaps[name]
        if heatmap.constant is not None:
            total = float(heatmap.values.sum())
            st.markdown(
                f"The shares sum to {total:+.2f}; with the constant {heatmap.constant:+.2f} that is the"
                f" logit, {total + heatmap.constant:+.2f}."
            )
        _sanity(picture, name, known, model)


def _badge_help(test: Faithfulness) -> str:
    gains = test.random.gains
    return (
        "Taking patches away in this map's order should make the model lose its confidence in"
        f" “{test.side.in_sentence}” sooner than in random order, and bringing them back should restore"
        f" it sooner. Gain {test.gain:+.3f}; {len(gains)} random orders gain {gains.min():+.3f} to"
        f" {gains.max():+.3f}."
    )


def _drops(test: Faithfulness) -> str:
    """A table, as Markdown."""
    side = test.side.in_sentence
    lines = [
        f"Confidence in “{side}”, {percent(test.confidence)} on the whole picture:",
        "",
        "| Patches blurred away | this map's strongest | random ones |",
        "|---|---:|---:|",
    ]
    for drop in test.drops:
        blurred = f"{drop.share:.0%} ({drop.patches})"
        strongest, random = percent(drop.confidence), percent(drop.random.value)
        lines.append(f"| {blurred} | {strongest} | {random} |")
    return "\n".join(lines)


def _sanity(picture: Picture, name: str, known: PictureExplanations, model: Model) -> None:
    """Whether the map changes when the head's weights are shuffled, on request: the second network that
    takes costs seconds."""
    place = st.empty()
    if name not in known.sanity and place.button(
        "Shuffle the head's weights",
        key=f"shuffle-{name}",
        icon=":material/shuffle:",
        help=(
            "Sanity check of Adebayo et al. (2018), in a second copy of the network: a map that looks the"
            " same when the head has forgotten all it learnt does not show what the model decides by."
        ),
    ):
        work = partial(_shuffle, model.classifier(), picture, known.heatmaps[name])
        text = "Shuffling a copy of the head, three times"
        known.sanity[name] = background_task.wait_for(work, [place], text)
    if name in known.sanity:
        place.markdown(_sanity_in_words(known.sanity[name]))


def _shuffle(
    classifier: Classifier, picture: Picture, heatmap: Heatmap, progress: Progress, cancelled: Cancelled
) -> Sanity:
    """Called in a thread."""
    photo = pictures.for_model(picture, classifier.bundle)
    return classifier.sanity_check(photo, heatmap, progress=progress, cancelled=cancelled)


def _sanity_in_words(sanity: Sanity) -> str:
    correlation = f"rank correlation {sanity.correlation:.2f} over {len(sanity.correlations)} shuffles"
    if sanity.changed:
        return (
            ":material/check: **The map depends on what the head learnt.** With its weights shuffled it"
            f" becomes another one ({correlation})."
        )
    return (
        f":material/warning: **The map hardly changes when the head's weights are shuffled** ({correlation})."
        " It shows the picture, or what lies below the head, more than what this model decides by."
    )
