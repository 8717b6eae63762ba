"""Each step's pictures, and what it means for each patch in words: from a walk to the values a
``step_figure`` shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pages.how_it_works import backbone_figures, block_figures, evidence_figures, head_figures, tile_figures

FIGURES: dict[str, Callable[[Any, int], dict]] = {
    "resize": backbone_figures.resize,
    "features": backbone_figures.features,
    "patches": block_figures.patches,
    "blocks": block_figures.blocks,
    "growth": block_figures.growth,
    "class_tokens": block_figures.class_tokens,
    "qkv": head_figures.projections,
    "scores": head_figures.scores,
    "softmax": head_figures.softmax,
    "rollout": head_figures.rollout,
    "pooling": evidence_figures.pooling,
    "tiles": tile_figures.tiles,
    "probability": evidence_figures.probability,
    "logit": block_figures.logit,
}
"""By the name of the step: a walk, and which of its heads or blocks to show where it shows one -> figure.
The backbone's figure (``backbone_figures.backbone``) is made of maps that are not a part of the walk."""
