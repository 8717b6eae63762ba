"""What there is to say of a picture."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from detector import card_figures, legend
from detector.bundle import PRACTICE_IS_NOT
from detector.evaluation import localisation_scores, score_evidence
from detector.explain import METHODS, Heatmap, Unavailable, region_map
from detector.explain.preferred_method import default
from detector.images import Photo
from detector.overlay import overlay
from detector.perturbation_test import (
    PerturbedVerdict,
    contradicting_copies,
    final_verdict,
    judge_perturbed_copies,
    read_for_copies,
    verdicts_on_ordinary_copies,
)
from detector.preprocessing import WHOLE
from detector.provenance import FileFacts, contradiction, file_facts
from detector.records import percent
from detector.reports.report_sections import Figure, PictureReport, Section
from detector.verdicts import Side, Verdict

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from detector.classifier import Analysis, Classifier, FileResult

COLOURS = {Verdict.AI: "#b34700", Verdict.REAL: "#00734f", Verdict.UNSURE: "#5f5f5f"}
"""Dark enough to be read on paper."""

FIGURE_SIDE, TILE_SIDE = 640, 224
"""Pixels, at most, along the long side of the photo and of a damaged copy."""

APART = (
    "This plays no part in the verdict. Whatever a file says of itself can be forged, copied from another"
    " file, or stripped."
)

LIMITS = (
    "A verdict is what a statistical model makes of pixels. It is evidence, not proof, and it can be wrong"
    " however sure it looks.",
    "The map shows what this model's score hangs on. It does not show which parts of a picture were changed.",
)


@dataclass(frozen=True)
class Examined:
    """What is known of one picture.

    name: of its file. content: the file's bytes, None where they are not there. result: what the model
    says. photo: its pixels, for looking at; None where the file could not be read. heatmap: the map to show,
    None where there is none. copies, inputs: what the model says of damaged copies, and the copies as it got
    them, uint8 (size, size, 3); empty where none were judged. parts: the region map; None where it was not
    asked for.
    """

    name: str
    content: bytes | None
    result: FileResult
    photo: Photo | None = None
    heatmap: Heatmap | None = None
    copies: Sequence[PerturbedVerdict] = ()
    inputs: Sequence[np.ndarray] = ()
    parts: Heatmap | None = None


def examine(
    classifier: Classifier,
    name: str,
    content: bytes | None,
    result: FileResult,
    method: str | None = None,
    heatmap: Heatmap | None = None,
    parts: Heatmap | None = None,
) -> Examined:
    """Find out what a report says beyond the result: the map by ``method``, by default the model's preferred
    one, unless ``heatmap`` is that already, and the verdicts on damaged copies. parts: the region map, if it
    was made. Raises ImageReadError."""
    if result.analysis is None or content is None:
        return Examined(name, content, result)
    photo = read_for_copies(content, classifier.bundle)
    if heatmap is None:
        try:
            heatmap = classifier.explain(classifier.read(content), method or default(classifier.bundle))
        except Unavailable:
            heatmap = result.analysis.heatmap
    copies, inputs = judge_perturbed_copies(classifier, photo, result.analysis)
    return Examined(name, content, result, photo, heatmap, copies, inputs, parts)


def picture_report(examined: Examined, bundle: Bundle) -> PictureReport:
    """All that is known of a picture, in the order in which a reader wants it."""
    analysis, result = examined.result.analysis, examined.result
    file = _file(examined)
    if analysis is None:
        unread = Section("What was found", (result.error or "This file could not be read.",))
        return PictureReport(examined.name, "Not judged", "", COLOURS[Verdict.UNSURE], (unread, file))
    verdict = final_verdict(bundle, analysis.verdict, examined.copies)
    sections = (
        _finding(examined, analysis, bundle),
        _map(examined, analysis, bundle),
        _parts(examined, bundle),
        _damage(examined, bundle),
        file,
        _model(bundle, analysis.precision),
        Section("Limits", (*LIMITS, *_limitations(bundle))),
    )
    score = f"P(AI-generated) {percent(analysis.y_score)}"
    kept = tuple(section for section in sections if section is not None)
    return PictureReport(examined.name, verdict.title, score, COLOURS[verdict], kept)


def _finding(examined: Examined, analysis: Analysis, bundle: Bundle) -> Section:
    sentences = []
    if bundle.practice:
        sentences.append(f"Judged by a practice model. {PRACTICE_IS_NOT}")
    verdict = final_verdict(bundle, analysis.verdict, examined.copies)
    facts = None if examined.content is None else file_facts(examined.content)
    if facts is not None and (against := contradiction(facts, verdict)):
        sentences.append(against)
    if contradicting := contradicting_copies(bundle, analysis.verdict, examined.copies):
        damage = ", ".join(copy.perturbation.title for copy in contradicting)
        own = analysis.verdict.in_sentence
        sentences.append(f"The model says {own}, but ordinary damage turns that around: {damage}.")
    low, high = bundle.unsure
    rows = (
        ("Probability of AI-generated, calibrated", f"{analysis.y_score:.4f}"),
        *_among_unseen(analysis, bundle),
        ("Threshold", f"{analysis.threshold:.4f}"),
        ("Unsure between", f"{low:.4f} and {high:.4f}"),
        ("Judged on", f"{examined.result.date:%Y-%m-%d %H:%M:%S} UTC"),
    )
    return Section("What was found", (*sentences, *examined.result.notes), rows=rows)


def _among_unseen(analysis: Analysis, bundle: Bundle) -> list[tuple[str, str]]:
    """What scores like this were worth on sources that the model never saw, where that was measured."""
    evidence = score_evidence.from_card(bundle.card)
    if evidence is None:
        return []
    share = evidence.like(analysis.y_score).share(Side.AI).value
    return [("AI-generated among pictures from unseen sources scored like this", f"{share:.0%}")]


def _map(examined: Examined, analysis: Analysis, bundle: Bundle) -> Section | None:
    if examined.photo is None:
        return None
    pixels = examined.photo.pixels
    figures = [_figure(pixels, "The picture", FIGURE_SIDE)]
    heatmap = examined.heatmap
    if heatmap is None:
        return Section(
            "The picture", ("There is no map: this model has no attention to show.",), tuple(figures)
        )
    method = METHODS[heatmap.method]
    drawn = overlay(pixels, heatmap, analysis.region, opacity=0.5)
    caption = f"{method.title}: {method.caption_of(heatmap)}. {legend.in_words(heatmap)}"
    figures.append(_figure(_above_bar(drawn, heatmap), caption, FIGURE_SIDE))
    sentences = (method.sentence, _faithfulness(heatmap.method, bundle))
    return Section("The picture and its map", sentences, tuple(figures))


def _parts(examined: Examined, bundle: Bundle) -> Section | None:
    parts = examined.parts
    if examined.photo is None or parts is None:
        return None
    drawn = overlay(examined.photo.pixels, parts, WHOLE, opacity=0.5)
    caption = f"Each part judged alone. {region_map.ends_in_words(parts)} {legend.in_words(parts)}"
    figure = _figure(_above_bar(drawn, parts), caption, FIGURE_SIDE)
    sentences = (
        "Each part was cut out and judged like a picture of its own; this plays no part in the verdict.",
        localisation_scores.in_words(bundle.regions),
    )
    return Section("Part by part", sentences, (figure,))


def _above_bar(drawn: np.ndarray, heatmap: Heatmap) -> np.ndarray:
    """The picture with the colours of its map below it."""
    height, width = drawn.shape[:2]
    thickness = max(4, round(min(height, width) / 30))
    paper = np.full((thickness // 2, width, 3), 255, np.uint8)
    return np.concatenate([drawn, paper, legend.bar(heatmap, width, thickness)])


def _faithfulness(method: str, bundle: Bundle) -> str:
    """How far maps by this method can be believed, by the model's card."""
    measured = bundle.explanations
    score = measured.methods.get(method) if measured else None
    if measured is None or score is None:
        return "How faithful this method is to this model was not measured."
    share = score.win_rate_over_random.value
    return (
        f"Faithfulness, over {measured.images:,} pictures: taking patches away and bringing them back in this"
        f" method's order beat a random order on {share:.0%} of them (half is chance); mean gain"
        f" {score.gain:+.3f}."
    )


def _damage(examined: Examined, bundle: Bundle) -> Section | None:
    analysis = examined.result.analysis
    if analysis is None or not examined.copies:
        return None
    judged = verdicts_on_ordinary_copies(bundle, examined.copies)
    same = judged.count(analysis.verdict)
    figures = []
    for copy, pixels in zip(examined.copies, examined.inputs, strict=True):
        verdict = bundle.verdict(copy.y_score)
        ordinary = " (ordinary)" if copy.perturbation.ordinary else ""
        caption = f"{copy.perturbation.title}{ordinary}: {verdict.in_sentence}, {percent(copy.y_score)}"
        figures.append(_figure(pixels, caption, TILE_SIDE))
    sentence = (
        f"{same} of {len(judged)} copies with ordinary damage get the verdict"
        f" “{analysis.verdict.in_sentence}”. That says whether it is stable, not whether it is right."
    )
    return Section("Damaged copies", (sentence,), tuple(figures))


def _file(examined: Examined) -> Section:
    if examined.content is None:
        return Section("The file", rows=(("Name", examined.name),))
    facts = file_facts(examined.content)
    rows = [
        ("Name", examined.name),
        ("SHA-256", hashlib.sha256(examined.content).hexdigest()),
        ("Size", f"{len(examined.content):,} bytes"),
        ("Format", _format(facts, examined.result)),
    ]
    for finding in facts.findings:
        rows.append((finding.label, f"{finding.value} ({finding.where})"))
    return Section("The file", (facts.summary, APART, *facts.notes), rows=tuple(rows))


def _format(facts: FileFacts, result: FileResult) -> str:
    pixels = f", {result.width} x {result.height} pixels" if result.width else ""
    return f"{facts.format or 'unknown'}{pixels}"


def _model(bundle: Bundle, precision: str) -> Section:
    """Which model it was and what it is worth."""
    sets = card_figures.on_unseen_sources(bundle)
    heads = list(dict.fromkeys(head for figures in sets.values() for head in figures))
    table = [("Sources it never saw", *heads)] if sets else []
    for name, figures in sets.items():
        table.append((name, *(figures.get(head, "") for head in heads)))
    sentence = (
        "Measured on sources that it was never trained or tuned on; in “paired” sets real and AI-generated"
        " pictures show the same subjects."
        if sets
        else "What it is worth on sources it never saw was not measured."
    )
    rows = (
        ("Model", str(bundle.card.get("title", bundle.name))[:200]),
        ("Bundle", bundle.name),
        ("SHA-256 of its weights", bundle.weights_sha256),
        ("Computed in", precision),
    )
    return Section("The model", (sentence,), rows=rows, table=tuple(table))


def _limitations(bundle: Bundle) -> list[str]:
    """What the card says; anything may stand in it."""
    limitations = bundle.card.get("limitations", [])
    if not isinstance(limitations, list):
        limitations = [limitations]
    return [str(sentence)[:600] for sentence in limitations[:20]]


def _figure(pixels: np.ndarray, caption: str, side: int) -> Figure:
    picture = Image.fromarray(pixels)
    picture.thumbnail((side, side))
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return Figure(buffer.getvalue(), *picture.size, caption)
