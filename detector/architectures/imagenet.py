"""How ImageNet's pictures were scaled for the backbones that were trained on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""Of RGB / 255, by channel."""


def standardised(pixels: keras.KerasTensor) -> keras.KerasTensor:
    """float32 RGB in [0, 255] -> mean 0 and deviation 1 in each channel over ImageNet."""
    from keras import layers

    scale = [1 / (255 * deviation) for deviation in DEVIATION]
    offset = [-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)]
    return layers.Rescaling(scale, offset, name="standardised")(pixels)
