"""ConvNeXt V2 Tiny (Woo et al., CVPR 2023): 28 million weights."""

from __future__ import annotations

from detector.architectures.architecture import Architecture
from detector.architectures.convnextv2 import (
    FEATURE_LAYER,
    GRID,
    HEAD_LAYERS,
    PREPROCESSING,
    convnextv2,
    published,
)

NAME = "convnextv2-tiny"
PUBLISHED = published("convnextv2_tiny.fcmae_ft_in22k_in1k", megabytes=115)


def build(backbone_weights=None, *, width=96, depth=9, dropout=0.0):
    """See :class:`Architecture`."""
    return convnextv2(backbone_weights, NAME, PUBLISHED, width=width, depth=depth, dropout=dropout)


ARCHITECTURE = Architecture(
    name=NAME,
    build=build,
    preprocessing=PREPROCESSING,
    head=HEAD_LAYERS,
    feature_layer=FEATURE_LAYER,
    grid=GRID,
    published=PUBLISHED,
)
