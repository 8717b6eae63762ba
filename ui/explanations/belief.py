"""How far a map can be believed: deletion and insertion on this very picture, and whether it depends on what the model has learnt."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from detector.explain.faithfulness import BETTER, NO_BETTER, WORSE
from detector.images import read_image
from detector.records import percent
from ui import models
from ui.explanations import found, working

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from detector.bundle import Bundle
    from detector.classifier import Classifier
    from detector.explain import Heatmap
    from detector.explain.faithfulness import Faithfulness
    from detector.explain.sanity import Sanity
    from ui.explanations.found import Found
    from ui.results import Checked

BADGES = {BETTER: ("green", ":material/check_circle:"), NO_BETTER: ("gray", ":material/help:"), WORSE: ("orange", ":material/error:")}
SIDES = {"ai": "AI-generated", "real": "real"}


def wanted() -> bool:
    """Ask whether maps are to be tested; they are unless somebody says no."""
    return st.toggle(
        "Test each map on this picture", value=True, key="tested", bind="query-params", persist_state="session",
        help="Takes the map's patches away and brings them back, some 200 times through the network, while you read on.",
    )  # fmt: skip


def show(entry: Checked, places: dict[str, DeltaGenerator], bundle: Bundle, loading: Future[Classifier]) -> None:
    """Test the maps that were not yet, all at once, and fill the place below each. Called when the rest of the page is drawn."""
    known = found.about(entry.picture, bundle)
    new = [name for name in places if name not in known.tests]
    for name in places.keys() - set(new):
        with places[name].container():
            _show_one(entry, name, known, loading)
    if new:
        work = partial(_test, models.started(loading), entry.picture.content, [known.maps[name] for name in new])
        measured = working.done(work, [places[name] for name in new], "Testing how far this map can be believed")
        known.tests |= dict(zip(new, measured, strict=True))
        for name in new:
            with places[name].container():
                _show_one(entry, name, known, loading)


def _test(classifier: Classifier, content: bytes, maps: list[Heatmap], progress, cancelled) -> list[Faithfulness]:
    return classifier.faithfulness(read_image(content), maps, progress=progress, cancelled=cancelled)


def _show_one(entry: Checked, name: str, known: Found, loading: Future[Classifier]) -> None:
    """The badge, and behind it the curves, the drops and the sanity check."""
    from ui import figures  # Plotly, which a page without a tested map does not wait for
    from ui.explanations import curves

    test = known.tests[name]
    colour, icon = BADGES[test.badge]
    st.badge(test.badge.capitalize(), color=colour, icon=icon, help=_badge_help(test))
    with st.expander("Curves and checks", icon=":material/stacked_line_chart:"):
        st.plotly_chart(
            curves.figure(test), key=f"curves-{name}", config=figures.config(f"faithfulness-{name.replace(' ', '-')}", "svg"),
            alt=f"Confidence as patches are removed and restored. Deletion area {test.deletion_auc:.3f}, insertion area "
            f"{test.insertion_auc:.3f}, random orders {test.random.auc.value:.3f} on average.",
        )  # fmt: skip
        st.markdown(_drops(test))
        heatmap = known.maps[name]
        if heatmap.constant is not None:
            total, constant = float(heatmap.values.sum()), heatmap.constant
            st.markdown(f"The shares sum to {total:+.2f}; with the constant {constant:+.2f} that is the logit, {total + constant:+.2f}.")
        _sanity(entry, name, known, loading)


def _badge_help(test: Faithfulness) -> str:
    gains = test.random.gains
    return (
        f"Taking patches away in this map's order should make the model lose its confidence in “{SIDES[test.side]}” sooner than in random order, "
        "and bringing them back should restore it sooner. "
        f"Gain {test.gain:+.3f}; {len(gains)} random orders gain {gains.min():+.3f} to {gains.max():+.3f}."
    )


def _drops(test: Faithfulness) -> str:
    rows = [
        f"| {drop.share:.0%} ({drop.patches}) | {percent(drop.confidence)} | {percent(drop.random.value)} |" for drop in test.drops
    ]
    return "\n".join([
        f"Confidence in “{SIDES[test.side]}”, {percent(test.confidence)} on the whole picture:", "",
        "| Patches blurred away | this map's strongest | random ones |", "|---|---:|---:|", *rows,
    ])  # fmt: skip


def _sanity(entry: Checked, name: str, known: Found, loading: Future[Classifier]) -> None:
    """Whether the map changes when the head's weights are shuffled, on request: the second network that takes costs seconds."""
    place = st.empty()
    if name not in known.sanity and place.button(
        "Shuffle the head's weights", key=f"shuffle-{name}", icon=":material/shuffle:",
        help="Sanity check of Adebayo et al. (2018), in a second copy of the network: a map that looks the same when the head has "
        "forgotten all it learnt does not show what the model decides by.",
    ):  # fmt: skip
        work = partial(_shuffle, models.started(loading), entry.picture.content, known.maps[name])
        known.sanity[name] = working.done(work, [place], "Shuffling a copy of the head, three times")
    if name in known.sanity:
        place.markdown(_sanity_words(known.sanity[name]))


def _shuffle(classifier: Classifier, content: bytes, heatmap: Heatmap, progress, cancelled) -> Sanity:
    return classifier.sanity(read_image(content), heatmap, progress=progress, cancelled=cancelled)


def _sanity_words(sanity: Sanity) -> str:
    correlation = f"rank correlation {sanity.correlation:.2f} over {len(sanity.correlations)} shuffles"
    if sanity.changed:
        return f":material/check: **The map depends on what the head learnt.** With its weights shuffled it becomes another one ({correlation})."
    return (
        f":material/warning: **The map hardly changes when the head's weights are shuffled** ({correlation}). It shows the picture, or what lies "
        "below the head, more than what this model decides by."
    )
