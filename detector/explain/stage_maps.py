"""A convolutional backbone opened one level: what the channels of its stages make of a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from detector.classifier import Classifier

SHOWN = 3
"""Channels of a stage."""


@dataclass(frozen=True, eq=False)
class StageMaps:
    """One stage. channels: how many it has. chosen: (k,), numbers of those that vary most over this picture,
    counted from 0, the most varied first. maps: float32 (k, h, w), theirs."""

    channels: int
    chosen: np.ndarray
    maps: np.ndarray = field(repr=False)


def stage_maps(classifier: Classifier, image: np.ndarray, shown: int = SHOWN) -> list[StageMaps]:
    """A model input, uint8 (size, size, 3) -> the stages that its architecture names, from fine to coarse;
    none for an architecture that names none. The first call per classifier compiles for some seconds."""
    stages = classifier.bundle.architecture.stages
    if not stages:
        return []
    outputs = classifier.engine.insides(image[None])
    return [most_varied(outputs[name][0], shown) for name in stages]


def most_varied(feature_map: np.ndarray, shown: int) -> StageMaps:
    """float32 (h, w, C) -> the channels whose values spread most; of equals the first."""
    spread = feature_map.std(axis=(0, 1))
    chosen = np.argsort(-spread, kind="stable")[:shown]
    return StageMaps(len(spread), chosen, np.moveaxis(feature_map[..., chosen], -1, 0))
