"""The stress strip: does a verdict survive what ordinarily happens to a picture on its way?

Each perturbation of ``detector.perturbations.STRIP`` makes a copy of the same picture, each copy goes through
``Preprocessing`` like a file that was really sent, and they pass the network a few at a time. Copies are
made of the upright pixels as they are decoded for this purpose, with a short side under twice ``short_side``:
a larger original is reduced first, so that a photo of fifty megapixels takes no longer than one of one
megapixel.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detector.explain import Heatmap
from detector.images import Photo, read_image
from detector.perturbations import STRIP, Perturbation
from detector.preprocessing import Region
from detector.verdicts import Verdict

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from detector.classifier import Analysis, Classifier

SHORT_SIDE = 512
"""Pixels along the short side, at least, at which a larger original is perturbed."""

COPIES_AT_ONCE = 5
"""In a pass of the network. All of them in one would take the app to its limit of memory with the larger
model, for hardly less time."""


def short_side(bundle: Bundle) -> int:
    """The same for a model: ``SHORT_SIDE``, or as many as it needs for its tiles."""
    return max(SHORT_SIDE, bundle.preprocessing.decoded_short_side)


def read_for_copies(source: bytes | str | os.PathLike, bundle: Bundle) -> Photo:
    """A picture to make the copies of: decoded with ``short_side`` or, where that would take too much memory,
    as the model's own verdict is made of it. Raises ImageReadError."""
    return read_image(source, short_side(bundle), least=bundle.preprocessing.decoded_short_side)


@dataclass(frozen=True)
class PerturbedVerdict:
    """What the model says of one copy.

    perturbation: what was done to it. y_score, logit: as in ``Analysis``. heatmap: attention received by each
    patch, None for a network without attention. drift: how far that moved, see ``drift``; None without
    attention.
    """

    perturbation: Perturbation
    y_score: float
    logit: float
    heatmap: Heatmap | None
    drift: float | None


def judge_perturbed_copies(
    classifier: Classifier, source: bytes | str | os.PathLike | Photo, analysis: Analysis
) -> tuple[list[PerturbedVerdict], list[np.ndarray]]:
    """Every copy of ``STRIP``, judged; ``analysis`` is that of the picture as it is. source: if it is a
    Photo, one of ``read_for_copies``.

    Returns the copies and, in the same order, uint8 (size, size, 3) each, the whole as the network got it.
    Raises ImageReadError.
    """
    photo = source if isinstance(source, Photo) else read_for_copies(source, classifier.bundle)
    perturbations = list(STRIP)
    workers = min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="perturb") as pool:
        copies = list(pool.map(lambda perturbation: perturbation(photo.pixels), perturbations))
        views = list(pool.map(classifier.bundle.preprocessing.views, copies))
    shapes = [(copy.shape[0], copy.shape[1]) for copy in copies]
    analyses = classifier.analyse_views(views, shapes, COPIES_AT_ONCE)
    perturbed = [
        _perturbed_verdict(perturbation, analysis, of_copy)
        for perturbation, of_copy in zip(perturbations, analyses, strict=True)
    ]
    return perturbed, [of_copy[0] for of_copy in views]


def _perturbed_verdict(perturbation: Perturbation, analysis: Analysis, of_copy: Analysis) -> PerturbedVerdict:
    moved = None
    if analysis.heatmap is not None and of_copy.heatmap is not None:
        # Both regions in fractions of the picture as it was.
        region = of_copy.region.within(1 / perturbation.kept, 1 / perturbation.kept)
        moved = drift(analysis.heatmap, analysis.region, of_copy.heatmap, region)
    return PerturbedVerdict(perturbation, of_copy.y_score, of_copy.logit, of_copy.heatmap, moved)


def verdicts_on_ordinary_copies(bundle: Bundle, perturbed: Iterable[PerturbedVerdict]) -> list[Verdict]:
    """What ``bundle`` says of each copy with an ordinary perturbation."""
    return [bundle.verdict(copy.y_score) for copy in perturbed if copy.perturbation.ordinary]


def contradicting_copies(
    bundle: Bundle, verdict: Verdict, perturbed: Iterable[PerturbedVerdict]
) -> list[PerturbedVerdict]:
    """The copies with an ordinary perturbation of which ``bundle`` says the opposite of ``verdict``;
    "unsure" has none."""
    side = Verdict(verdict).side
    if side is None:
        return []
    return [
        copy
        for copy in perturbed
        if copy.perturbation.ordinary and bundle.verdict(copy.y_score) == side.opposite
    ]


def final_verdict(bundle: Bundle, verdict: Verdict, perturbed: Iterable[PerturbedVerdict]) -> Verdict:
    """The verdict to give: ``verdict``, or unsure if an ordinary perturbation turns it into its
    opposite."""
    return Verdict.UNSURE if contradicting_copies(bundle, verdict, perturbed) else Verdict(verdict)


def drift(before: Heatmap, region: Region, after: Heatmap, region_after: Region) -> float:
    """The share of the attention that went elsewhere, in [0, 1]: the total variation distance, half the sum
    of |p - q| over the patches.

    Both regions are fractions of the same unperturbed picture. Where they differ, as after a crop, ``before``
    is first cut to the patches of ``after``; each map is then scaled to sum to 1. A map that is nearly
    uniform cannot drift far, whatever the model does. Raises ValueError if a map has negative values or
    nothing at all in the part compared.
    """
    rows = _overlap(
        (region.top, region.bottom, before.grid[0]),
        (region_after.top, region_after.bottom, after.grid[0]),
    )
    columns = _overlap(
        (region.left, region.right, before.grid[1]),
        (region_after.left, region_after.right, after.grid[1]),
    )
    p = rows @ before.values.astype(np.float64) @ columns.T
    q = after.values.astype(np.float64)
    for part in (p, q):
        if part.min() < 0 or part.sum() <= 0:
            raise ValueError("drift is defined for unsigned maps that are not empty")
    p /= p.sum()
    q /= q.sum()
    return float(np.abs(p - q).sum() / 2)


def _overlap(source: tuple[float, float, int], target: tuple[float, float, int]) -> np.ndarray:
    """float64 (target cells, source cells): the share of each source cell's length that lies in each target
    cell, along one axis.

    Each axis is given as (start, end, cells).
    """
    old, new = _edges(source), _edges(target)
    starts = np.maximum(old[None, :-1], new[:-1, None])
    ends = np.minimum(old[None, 1:], new[1:, None])
    return np.clip(ends - starts, 0, None) / np.diff(old)


def _edges(axis: tuple[float, float, int]) -> np.ndarray:
    start, end, cells = axis
    return np.linspace(start, end, cells + 1)
