"""A verdict in words, and as a picture of where the score lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from detector.classifier import Analysis

TITLES = {"ai": "AI-generated", "real": "Real", "unsure": "Unsure"}
ICONS = {"ai": ":material/auto_awesome:", "real": ":material/photo_camera:", "unsure": ":material/question_mark:"}
# Okabe & Ito's vermilion, bluish green and a grey: told apart by colour-blind readers, legible on light and dark.
COLOURS = {"ai": "#d55e00", "real": "#009e73", "unsure": "#8a8a8a"}

SURENESS = ((0.99, "nearly certain"), (0.9, "confident"), (0.75, "fairly confident"), (0.0, "leaning this way, no more"))
"""Words for the calibrated probability of the verdict given; the first whose bound is reached applies."""


def in_words(analysis: Analysis) -> str:
    """How sure the score makes us, in one sentence."""
    if analysis.verdict == "unsure":
        leaning = "AI-generated" if analysis.y_score >= analysis.threshold else "real"
        return f"The score is too close to the threshold to call. It leans towards {leaning}, but pictures like this go either way."
    sure = analysis.y_score if analysis.verdict == "ai" else 1 - analysis.y_score
    words = next(words for bound, words in SURENESS if sure >= bound)
    return f"The model is {words}: of validation pictures scored like this, about {sure:.0%} were {TITLES[analysis.verdict]}."


def caution(bundle: Bundle) -> str | None:
    """What the card measured on sources the model had never seen, as a sentence; None if it measured nothing."""
    figures = bundle.card.get("metrics", {}).get("unseen, paired")
    if not figures or figures.get("balanced_accuracy") is None:
        return None
    return (
        f"On {figures['n']} pictures from sources it had never seen, where real and AI-generated show the same subjects, "
        f"this model was right {figures['balanced_accuracy']:.0%} of the time; 50% is guessing."
    )


def show(analysis: Analysis, bundle: Bundle) -> None:
    """The verdict, the probability, the words, and the scale it was judged on."""
    colour = COLOURS[analysis.verdict]
    st.html(
        f'<div role="status" style="border-left:6px solid {colour};padding:.1rem 0 .1rem .9rem">'
        f'<div style="font-size:.9rem;opacity:.8">Verdict</div>'
        f'<div style="font-size:2rem;font-weight:700;line-height:1.2" data-testid="verdict">{TITLES[analysis.verdict]}</div>'
        f'<div style="font-size:1.1rem" data-testid="probability">P(AI-generated) = {percent(analysis.y_score)}</div></div>'
    )
    st.html(_scale(analysis, bundle))
    st.markdown(in_words(analysis))
    if sentence := caution(bundle):
        st.caption(sentence)


def percent(share: float) -> str:
    """0.0004 -> "<0.1%", 0.42 -> "42.0%", 0.9996 -> ">99.9%": never a certainty the model does not have."""
    if share < 0.001:
        return "<0.1%"
    return ">99.9%" if share > 0.999 else f"{share:.1%}"


def _scale(analysis: Analysis, bundle: Bundle) -> str:
    """A bar from real to AI-generated with the unsure band, the threshold and this picture's score. Numbers only go in: nothing to escape."""
    low, high = bundle.unsure
    label = (
        f"Score {analysis.y_score:.3f} on a scale from 0, real, to 1, AI-generated; threshold {analysis.threshold:.3f}; "
        f"unsure between {low:.3f} and {high:.3f}."
    )
    return (
        f'<div role="img" aria-label="{label}" style="margin:.4rem 0 .2rem">'
        f'<div style="position:relative;height:14px;border-radius:7px;background:linear-gradient(90deg,{COLOURS["real"]} 0 {low:.2%},'
        f'{COLOURS["unsure"]} {low:.2%} {high:.2%},{COLOURS["ai"]} {high:.2%} 100%)">'
        f'<div style="position:absolute;left:{analysis.threshold:.2%};top:0;width:2px;height:14px;background:#fff"></div>'
        f'<div style="position:absolute;left:clamp(4px,{analysis.y_score:.2%},calc(100% - 4px));top:-5px;width:8px;height:24px;margin-left:-4px;'
        f'border-radius:4px;background:#fff;border:2px solid #111"></div></div>'
        f'<div style="display:flex;justify-content:space-between;font-size:.8rem;opacity:.8;margin-top:.35rem">'
        f"<span>0 real</span><span>threshold {analysis.threshold:.2f} · unsure {low:.2f}–{high:.2f}</span><span>1 AI</span></div></div>"
    )
