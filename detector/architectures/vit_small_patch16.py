"""ViT-S/16: 22 million weights. (Dosovitskiy et al., ICLR 2021; Touvron et al., ICML 2021.)"""

from __future__ import annotations

from detector.architectures.architecture import Architecture
from detector.architectures.vision_transformer import (
    GRID,
    HEAD_LAYERS,
    OPENED,
    PREPROCESSING,
    published,
    vision_transformer,
)

NAME = "vit-small-patch16"
BY = "Google Research on ImageNet-21k, then on ImageNet-1k"
PUBLISHED = published("vit_small_patch16_224.augreg_in21k_ft_in1k", BY, megabytes=88)


def build(backbone_weights=None, *, width=384, heads=6, dropout=0.0):
    """See :class:`Architecture`."""
    return vision_transformer(backbone_weights, NAME, PUBLISHED, width=width, heads=heads, dropout=dropout)


ARCHITECTURE = Architecture(
    name=NAME,
    build=build,
    preprocessing=PREPROCESSING,
    head=HEAD_LAYERS,
    feature_layer="",
    grid=GRID,
    class_token=True,
    blocks=OPENED,
    published=PUBLISHED,
)
