"""ViT-B/16: 86 million weights. (Dosovitskiy et al., ICLR 2021.)"""

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

NAME = "vit-base-patch16"
BY = "Google Research on ImageNet-21k, then Ross Wightman on ImageNet-1k"
PUBLISHED = published("vit_base_patch16_224.augreg2_in21k_ft_in1k", BY, megabytes=346)


def build(backbone_weights=None, *, width=768, heads=12, dropout=0.0):
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
