"""EfficientNetV2B0 (Tan & Le, ICML 2021), pretrained on ImageNet: the backbone that two architectures
stand on, and what it eats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

NAME = "efficientnetv2b0"
STAGES = ("block1a_project_activation", "block2b_add", "block3b_add", "block5e_add")
"""Where the maps are 112, 56, 28 and 14 cells wide, before the last ones of 7."""
PREPROCESSING = Preprocessing(size=224, short_side=256, jpeg_quality=75)


def backbone(weights: str | None, size: int = PREPROCESSING.size) -> keras.Model:
    """float32 (B, 224, 224, 3) in [0, 255] -> (B, 7, 7, 1280); it scales the pixels itself. weights: as
    for ``Architecture.build``."""
    import keras

    network = keras.applications.EfficientNetV2B0(
        include_top=False, weights="imagenet" if weights == "imagenet" else None, input_shape=(size, size, 3)
    )
    if weights not in (None, "imagenet"):
        network.load_weights(weights)
    return network
