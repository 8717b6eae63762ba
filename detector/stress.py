"""The delivery stress strip: does a verdict survive what ordinarily happens to a picture on its way?

The same picture is damaged in ten ways, each copy goes through ``Preprocessing`` like a file that was really sent, and all copies
pass the network in one batch. Damage is done to the upright pixels as they are decoded for this purpose, with a short side under
twice ``SHORT_SIDE``: a larger original is reduced first, so that a photo of fifty megapixels takes no longer than one of one megapixel.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detector.delivery import Delivery, blurred, cropped, jpeg, scaled
from detector.explain import Heatmap
from detector.images import Photo, read_image
from detector.preprocessing import Region

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from detector.classifier import Analysis, Classifier

SHORT_SIDE = 512
"""Pixels along the short side, at least, at which a larger original is damaged."""


@dataclass(frozen=True)
class Damage(Delivery):
    """A delivery of the strip. kept: share of each side that is left, around the middle; less than 1 only for a crop."""

    kept: float = 1.0


DAMAGES = (
    *(Damage(f"jpeg-{quality}", f"JPEG {quality}", (jpeg(quality),)) for quality in (90, 70, 50, 30)),
    *(Damage(f"size-{percent}", f"{percent}% size", (scaled(percent / 100),)) for percent in (75, 50, 25)),
    Damage("screenshot", "Screenshot", (scaled(0.85), jpeg(80))),
    Damage("blur", "Slight blur", (blurred(1.0),)),
    Damage("crop", "Middle 80%", (cropped(0.8),), kept=0.8),
)
"""The strip, in the order it is shown."""

ORDINARY = ("jpeg-90", "jpeg-70", "size-75", "size-50", "screenshot")
"""Names of the damage nearly every picture on the web has been through, unseen by its reader. A verdict that only holds without it is none.

The rest is harder than that, or changes what is in the picture: it is shown, but overrules nothing.
"""


@dataclass(frozen=True)
class Stressed:
    """What the model says of one damaged copy.

    y_score, logit: as in ``Analysis``. heatmap: attention received by each patch, None for a network without attention.
    drift: how far that moved, see ``drift``; None without attention.
    """

    damage: Damage
    y_score: float
    logit: float
    heatmap: Heatmap | None
    drift: float | None


def stress(classifier: Classifier, source: bytes | str | os.PathLike | Photo, analysis: Analysis) -> tuple[list[Stressed], list[np.ndarray]]:
    """Every copy of ``DAMAGES``, judged in one batched pass; ``analysis`` is that of the undamaged picture.

    Returns the copies and, in the same order, uint8 (size, size, 3) each as the network got it. Raises ImageReadError.
    """
    photo = source if isinstance(source, Photo) else read_image(source, short_side=SHORT_SIDE)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1), thread_name_prefix="damage") as pool:
        copies = list(pool.map(lambda damage: damage(photo.pixels), DAMAGES))
        seen = list(pool.map(classifier.bundle.preprocessing, copies))
    stressed = []
    for damage, copy in zip(DAMAGES, classifier.analyse_inputs(seen, [copy.shape[:2] for copy in copies]), strict=True):
        moved = None
        if analysis.heatmap is not None:
            region = copy.region.within(1 / damage.kept, 1 / damage.kept)  # in fractions of the undamaged picture
            moved = drift(analysis.heatmap, analysis.region, copy.heatmap, region)
        stressed.append(Stressed(damage, copy.y_score, copy.logit, copy.heatmap, moved))
    return stressed, seen


def flips(bundle: Bundle, verdict: str, stressed: Iterable[Stressed]) -> list[Stressed]:
    """The copies with ordinary damage of which ``bundle`` says the opposite of ``verdict``; "unsure" has none."""
    opposite = {"ai": "real", "real": "ai"}.get(verdict)
    return [copy for copy in stressed if copy.damage.name in ORDINARY and bundle.verdict(copy.y_score) == opposite]


def settled(bundle: Bundle, verdict: str, stressed: Sequence[Stressed]) -> str:
    """The verdict to give: ``verdict``, or "unsure" if ordinary damage turns it into its opposite."""
    return "unsure" if flips(bundle, verdict, stressed) else verdict


def drift(before: Heatmap, region: Region, after: Heatmap, region_after: Region) -> float:
    """The share of the attention that went elsewhere, in [0, 1]: the total variation distance, half the sum of |p - q| over the patches.

    Both regions are fractions of the same undamaged picture. Where they differ, as after a crop, ``before`` is first cut to the patches
    of ``after``; each map is then scaled to sum to 1. A map that is nearly uniform cannot drift far, whatever the model does.
    Raises ValueError if a map has negative values or nothing at all in the part compared.
    """
    rows = _overlap((region.top, region.bottom, before.grid[0]), (region_after.top, region_after.bottom, after.grid[0]))
    columns = _overlap((region.left, region.right, before.grid[1]), (region_after.left, region_after.right, after.grid[1]))
    p, q = rows @ before.values.astype(np.float64) @ columns.T, after.values.astype(np.float64)
    if min(p.min(), q.min()) < 0 or min(p.sum(), q.sum()) <= 0:
        raise ValueError("drift is defined for unsigned maps that are not empty")
    return float(np.abs(p / p.sum() - q / q.sum()).sum() / 2)


def _overlap(source: tuple[float, float, int], target: tuple[float, float, int]) -> np.ndarray:
    """float64 (target cells, source cells): the share of each source cell's length that lies in each target cell, along one axis.

    Each axis is given as (start, end, cells).
    """
    old, new = (np.linspace(start, end, cells + 1) for start, end, cells in (source, target))
    shared = np.minimum(old[None, 1:], new[1:, None]) - np.maximum(old[None, :-1], new[:-1, None])
    return np.clip(shared, 0, None) / np.diff(old)
