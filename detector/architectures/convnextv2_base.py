"""ConvNeXt V2 Base (Woo et al., CVPR 2023): 88 million weights."""

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

NAME = "convnextv2-base"
PUBLISHED = published("convnextv2_base.fcmae_ft_in22k_in1k", megabytes=355)


def build(backbone_weights=None, *, width=128, depth=27, dropout=0.0):
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
