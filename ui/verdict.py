"""A verdict in words, and as a picture of where the score lies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from detector.evaluation import score_evidence
from detector.perturbation_test import (
    PerturbedVerdict,
    contradicting_copies,
    final_verdict,
    verdicts_on_ordinary_copies,
)
from detector.records import percent
from detector.verdicts import Side, Verdict
from ui import practice_notice
from ui.about_model import metrics
from ui.text import plain, shortened

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from detector.classifier import Analysis, FileResult

COLOURS = {Verdict.AI: "#d55e00", Verdict.REAL: "#009e73", Verdict.UNSURE: "#8a8a8a"}
"""Okabe & Ito's vermilion, bluish green and a grey: told apart by colour-blind readers, legible on light and
dark."""

SURENESS = (
    (0.99, "nearly certain"),
    (0.9, "confident"),
    (0.75, "fairly confident"),
    (0.0, "leaning this way, no more"),
)
"""Words for a share of pictures from unseen sources: the first whose bound is reached by the low end of its
interval applies."""


def in_words(analysis: Analysis, bundle: Bundle, weakened: bool = False) -> str:
    """How sure the score makes us, in one or two sentences. weakened: copies of the picture do not all share
    the verdict."""
    verdict, evidence = analysis.verdict, score_evidence.from_card(bundle.card)
    if verdict.side is None:
        leaning = Side.AI if analysis.y_score >= analysis.threshold else Side.REAL
        return (
            f"The score is too close to the threshold to call. It leans towards {leaning.in_sentence}, but"
            " pictures like this go either way."
        )
    if evidence is None:
        return (
            "How often such a score is right on sources the model has never seen was not measured, so it says"
            " no more than that this picture resembles those it learnt from."
        )
    alike = evidence.like(analysis.y_score)
    share = alike.share(verdict.side)
    sureness = next(sureness for bound, sureness in SURENESS if share.low >= bound)
    source = "By its score alone the model would be" if weakened else "The model is"
    return (
        f"{source} {sureness}. That share is of {alike.n} pictures, 95% interval {share.low:.0%} to"
        f" {share.high:.0%}; {evidence.n_ai / evidence.n:.0%} of all that were tested so are AI-generated."
    )


def lead(analysis: Analysis, bundle: Bundle) -> str | None:
    """The figure that stands below the verdict, from sources the model had never seen: for this score, else
    for all; None where nothing was measured."""
    if bundle.practice:
        return None
    evidence = score_evidence.from_card(bundle.card)
    if evidence is None:
        return caution(bundle)
    side = analysis.verdict.side or Side.AI
    share = evidence.like(analysis.y_score).share(side).value
    return f"{share:.0%} of pictures from unknown sources scored like this were {side.in_sentence}"


def caution(bundle: Bundle) -> str | None:
    """What the card measured on sources the model had never seen, as a sentence; None if it measured
    nothing."""
    figures = metrics(bundle).get("unseen, paired", {})
    count, right = figures.get("n"), figures.get("balanced_accuracy")
    if not count or right is None:
        return None
    return (
        f"On {count:.0f} pictures from sources it had never seen, where real and AI-generated show the same"
        f" subjects, this model was right {right:.0%} of the time; 50% is guessing."
    )


def after_perturbations(
    analysis: Analysis, bundle: Bundle, perturbed: Sequence[PerturbedVerdict] | None
) -> str:
    """What ordinary perturbations do to the verdict, in one or two sentences; ``perturbed`` is None until
    copies were judged."""
    if perturbed is None:
        return ":material/hourglass_empty: Checking whether ordinary damage changes this…"
    verdict = analysis.verdict
    contradicting = contradicting_copies(bundle, verdict, perturbed)
    if contradicting and verdict.side:
        titles = dict.fromkeys(copy.perturbation.title for copy in contradicting)
        return (
            f":material/warning: **For this file the model says {verdict.in_sentence}, but after ordinary"
            f" damage ({' or '.join(titles)}) it says {verdict.side.opposite.in_sentence}.** A verdict that"
            " does not stand what happens to nearly every picture is none."
        )
    judged = verdicts_on_ordinary_copies(bundle, perturbed)
    shared = judged.count(verdict)
    if shared == len(judged):
        return (
            f":material/check: Stable, which is not the same as right: {shared} of {len(judged)} copies with"
            " ordinary damage get the same verdict."
        )
    return (
        f":material/info: **Only {shared} of {len(judged)} copies with ordinary damage share this verdict**"
        f" ({tally(judged)})."
    )


def tally(verdicts: Iterable[str]) -> str:
    """For instance "2 AI-generated, 1 unsure"."""
    counts = Counter(verdicts)
    given = [verdict for verdict in Verdict if counts[verdict]]
    return ", ".join(f"{counts[verdict]} {verdict.in_sentence}" for verdict in given)


def show(
    name: str,
    result: FileResult,
    bundle: Bundle,
    perturbed: Sequence[PerturbedVerdict] | None = None,
    perturbation_test: bool = False,
    contradictions: Sequence[str] = (),
) -> None:
    """The verdict on the picture called ``name``, what it is worth, the scale it was judged on, the words,
    and what to know about the file.

    result: of a file that could be read; else ValueError is raised. perturbed: what the model says of
    perturbed copies, if they were judged already; they may turn the verdict into "unsure".
    perturbation_test: whether copies are, or will be, judged. contradictions: sentences on what speaks
    against it.
    """
    analysis = result.analysis
    if analysis is None:
        raise ValueError("there is no verdict on a file that could not be read")
    verdict = final_verdict(bundle, analysis.verdict, perturbed or ())
    st.html(_headline(name, verdict, analysis, bundle))
    practice_notice.badge(bundle)
    for sentence in contradictions:
        st.warning(plain(sentence, limit=300), icon=":material/compare_arrows:")
    st.html(_scale(analysis, bundle))
    judged = verdicts_on_ordinary_copies(bundle, perturbed or ())
    weakened = judged.count(analysis.verdict) < len(judged)
    sentences = [practice_notice.SCORE if bundle.practice else in_words(analysis, bundle, weakened)]
    if perturbation_test and (verdict != analysis.verdict or not bundle.practice):
        # What overrules or weakens the model's own words comes before them.
        sentences.insert(0 if weakened else 1, after_perturbations(analysis, bundle, perturbed))
    for sentence in sentences:
        st.markdown(sentence)
    if (unseen := caution(bundle)) and unseen != lead(analysis, bundle):
        st.markdown(f":small[{plain(unseen, limit=400)}]")
    for note in result.notes:
        st.info(plain(note, limit=300), icon=":material/info:")


def _headline(name: str, verdict: Verdict, analysis: Analysis, bundle: Bundle) -> str:
    """Name, verdict, what it is worth, and the model's own score, as HTML."""
    worth = lead(analysis, bundle)
    shown = f'<div style="font-weight:600" data-testid="lead">{escape(worth)}</div>' if worth else ""
    return f"""
<div role="status" style="border-left:6px solid {COLOURS[verdict]};padding:.1rem 0 .1rem .9rem">
  <div style="overflow-wrap:anywhere" data-testid="name"><bdi>{escape(shortened(name, limit=80))}</bdi></div>
  <h2 style="font-size:2rem;font-weight:700;line-height:1.25;padding:0;margin:0"
    data-testid="verdict">{verdict.title}</h2>
  {shown}
  <div style="font-size:.875rem">The model's own score:
    <span data-testid="probability">P(AI-generated) {_relation(analysis.y_score)}</span></div>
</div>"""


def _relation(y_score: float) -> str:
    """For instance "= 42.0%" or "&lt; 0.1%", as HTML."""
    shown = percent(y_score)
    sign, beyond = shown[0], shown[1:]
    return escape(f"{sign} {beyond}" if sign in "<>" else f"= {shown}")


def _scale(analysis: Analysis, bundle: Bundle) -> str:
    """A bar from real to AI-generated with the unsure band, the threshold and this picture's score.
    Numbers only go in: nothing to escape."""
    low, high = bundle.unsure
    threshold = f"threshold {analysis.threshold:.2f}"
    if f"{low:.2f}" != f"{high:.2f}":
        threshold += f" · unsure {low:.2f}–{high:.2f}"
    return f"""
<div role="img" aria-label="{_scale_in_words(analysis, bundle)}" style="margin:.4rem 0 .2rem">
  <div style="position:relative;height:14px;border-radius:7px;background:{_bands(low, high)}">
    <div style="position:absolute;left:{analysis.threshold:.2%};top:0;width:2px;height:14px;
      background:#fff"></div>
    <div style="position:absolute;left:clamp(4px,{analysis.y_score:.2%},calc(100% - 4px));top:-5px;
      width:8px;height:24px;margin-left:-4px;border-radius:4px;background:#fff;border:2px solid #111"></div>
  </div>
  <div style="display:flex;justify-content:space-between;font-size:.875rem;margin-top:.35rem">
    <span>0 real</span><span>{threshold}</span><span>1 AI</span>
  </div>
</div>"""


def _bands(low: float, high: float) -> str:
    """The bar's three colours, as a value of CSS."""
    real = f"{COLOURS[Verdict.REAL]} 0 {low:.2%}"
    unsure = f"{COLOURS[Verdict.UNSURE]} {low:.2%} {high:.2%}"
    ai = f"{COLOURS[Verdict.AI]} {high:.2%} 100%"
    return f"linear-gradient(90deg,{real},{unsure},{ai})"


def _scale_in_words(analysis: Analysis, bundle: Bundle) -> str:
    """The same for those who do not see the bar."""
    low, high = bundle.unsure
    sentence = (
        f"Score {analysis.y_score:.3f} on a scale from 0, real, to 1, AI-generated; threshold"
        f" {analysis.threshold:.3f}"
    )
    if f"{low:.3f}" != f"{high:.3f}":
        sentence += f"; unsure between {low:.3f} and {high:.3f}"
    return f"{sentence}."
