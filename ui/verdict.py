"""A verdict in words, and as a picture of where the score lies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from detector.records import percent
from detector.stress import ORDINARY, flips, settled
from ui import practice
from ui.card import metrics
from ui.text import plain, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.bundle import Bundle
    from detector.classifier import Analysis, FileResult
    from detector.stress import Stressed

TITLES = {"ai": "AI-generated", "real": "Real", "unsure": "Unsure"}
WORDS = {"ai": "AI-generated", "real": "real", "unsure": "unsure"}
"""The same in the middle of a sentence."""

# Okabe & Ito's vermilion, bluish green and a grey: told apart by colour-blind readers, legible on light and dark.
COLOURS = {"ai": "#d55e00", "real": "#009e73", "unsure": "#8a8a8a"}

SURENESS = ((0.99, "nearly certain"), (0.9, "confident"), (0.75, "fairly confident"), (0.0, "leaning this way, no more"))
"""Words for the calibrated probability of the verdict given; the first whose bound is reached applies."""


def in_words(analysis: Analysis) -> str:
    """How sure the score makes us, in one or two sentences."""
    if analysis.verdict == "unsure":
        leaning = "AI-generated" if analysis.y_score >= analysis.threshold else "real"
        return f"The score is too close to the threshold to call. It leans towards {leaning}, but pictures like this go either way."
    sure = analysis.y_score if analysis.verdict == "ai" else 1 - analysis.y_score
    words = next(words for bound, words in SURENESS if sure >= bound)
    share = "more than 99%" if sure > 0.99 else f"about {sure:.0%}"
    return f"The model is {words}: of validation pictures scored like this, {share} were {WORDS[analysis.verdict]}."


def caution(bundle: Bundle) -> str | None:
    """What the card measured on sources the model had never seen, as a sentence; None if it measured nothing."""
    figures = metrics(bundle).get("unseen, paired", {})
    count, right = figures.get("n"), figures.get("balanced_accuracy")
    if not count or right is None:
        return None
    return (
        f"On {count:.0f} pictures from sources it had never seen, where real and AI-generated show the same subjects, "
        f"this model was right {right:.0%} of the time; 50% is guessing."
    )


def after_damage(analysis: Analysis, bundle: Bundle, stressed: Sequence[Stressed] | None) -> str:
    """What ordinary damage does to the verdict, in one or two sentences; ``stressed`` is None until it was tried."""
    if stressed is None:
        return ":material/hourglass_empty: Checking whether ordinary damage changes this…"
    if turned := flips(bundle, analysis.verdict, stressed):
        other = "real" if analysis.verdict == "ai" else "AI-generated"
        copies = " or ".join(dict.fromkeys(copy.damage.title for copy in turned))
        return (
            f":material/warning: **For this file the model says {WORDS[analysis.verdict]}, but after ordinary damage ({copies}) it says {other}.** "
            "A verdict that does not stand what happens to nearly every picture is none."
        )
    judged = [bundle.verdict(copy.y_score) for copy in stressed if copy.damage.name in ORDINARY]
    if judged.count(analysis.verdict) == len(judged):
        return f":material/check: Ordinary damage does not change this: {len(judged)} of {len(judged)} damaged copies get the same verdict."
    return f":material/info: After ordinary damage: {tally(judged)}."


def tally(verdicts: Iterable[str]) -> str:
    """For instance "2 AI-generated, 1 unsure"."""
    counts = Counter(verdicts)
    return ", ".join(f"{counts[verdict]} {words}" for verdict, words in WORDS.items() if counts[verdict])


def show(name: str, result: FileResult, bundle: Bundle, stressed: Sequence[Stressed] | None = None, damage: bool = False) -> None:
    """The verdict on the picture called ``name``, its probability, the scale it was judged on, the words, and what to know about the file.

    stressed: damaged copies of it, if they were judged already; they may turn the verdict into "unsure". damage: whether they are, or will be.
    """
    analysis = result.analysis
    given = settled(bundle, analysis.verdict, stressed or ())
    st.html(
        f'<div role="status" style="border-left:6px solid {COLOURS[given]};padding:.1rem 0 .1rem .9rem">'
        f'<div style="overflow-wrap:anywhere" data-testid="name"><bdi>{escape(shortened(name, limit=80))}</bdi></div>'
        f'<h2 style="font-size:2rem;font-weight:700;line-height:1.25;padding:0;margin:0" data-testid="verdict">{TITLES[given]}</h2>'
        f'<div style="font-size:1.1rem" data-testid="probability">P(AI-generated) {_relation(analysis.y_score)}</div></div>'
    )
    practice.badge(bundle)
    st.html(_scale(analysis, bundle))
    sentences = [practice.SCORE if bundle.practice else in_words(analysis)]
    if damage and not (bundle.practice and given == analysis.verdict):  # what overrules the model's own words comes before them
        sentences.insert(0 if given != analysis.verdict else 1, after_damage(analysis, bundle, stressed))
    for sentence in sentences:
        st.markdown(sentence)
    if sentence := caution(bundle):
        st.markdown(f":small[{plain(sentence, limit=400)}]")
    for note in result.notes:
        st.info(plain(note, limit=300), icon=":material/info:")


def _relation(y_score: float) -> str:
    """For instance "= 42.0%" or "&lt; 0.1%", as HTML."""
    shown = percent(y_score)
    return escape(f"{shown[0]} {shown[1:]}" if shown[0] in "<>" else f"= {shown}")


def _scale(analysis: Analysis, bundle: Bundle) -> str:
    """A bar from real to AI-generated with the unsure band, the threshold and this picture's score. Numbers only go in: nothing to escape."""
    low, high = bundle.unsure
    label = (
        f"Score {analysis.y_score:.3f} on a scale from 0, real, to 1, AI-generated; threshold {analysis.threshold:.3f}"
        + (f"; unsure between {low:.3f} and {high:.3f}." if f"{low:.3f}" != f"{high:.3f}" else ".")
    )
    band = f" · unsure {low:.2f}–{high:.2f}" if f"{low:.2f}" != f"{high:.2f}" else ""
    return (
        f'<div role="img" aria-label="{label}" style="margin:.4rem 0 .2rem">'
        f'<div style="position:relative;height:14px;border-radius:7px;background:linear-gradient(90deg,{COLOURS["real"]} 0 {low:.2%},'
        f'{COLOURS["unsure"]} {low:.2%} {high:.2%},{COLOURS["ai"]} {high:.2%} 100%)">'
        f'<div style="position:absolute;left:{analysis.threshold:.2%};top:0;width:2px;height:14px;background:#fff"></div>'
        f'<div style="position:absolute;left:clamp(4px,{analysis.y_score:.2%},calc(100% - 4px));top:-5px;width:8px;height:24px;margin-left:-4px;'
        f'border-radius:4px;background:#fff;border:2px solid #111"></div></div>'
        f'<div style="display:flex;justify-content:space-between;font-size:.875rem;margin-top:.35rem">'
        f"<span>0 real</span><span>threshold {analysis.threshold:.2f}{band}</span><span>1 AI</span></div></div>"
    )
