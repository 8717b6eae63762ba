"""FLUX.2's tiny autoencoder (TAEF2, https://github.com/madebyollin/taesd, MIT), from its two files: what it
makes of a photo has passed last layers such as a real generator's.

Its encoder makes a picture eight times smaller, with 32 channels, its decoder brings it back by repeating
pixels and convolving. Both are chains of blocks: three convolutions beside the way round them; at the
smallest size each block first adds what a wide layer, normalised in four groups over the whole picture, says
of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from train import torch_file

if TYPE_CHECKING:
    import keras

NAME = "taef2"
FILES = ("taef2_encoder.pth", "taef2_decoder.pth")
GROUPS, EPSILON = 4, 1e-5
LARGEST = 3.0
"""What the decoder bends the smallest picture's values towards, in absolute value."""
BLOCKS = 3
"""At each size but the largest."""
Arrays = Mapping[str, np.ndarray]


def load(folder: Path) -> keras.Model:
    """float32 (B, H, W, 3) in [0, 1] -> the same shape, about the same pixels; H and W multiples of 8.

    folder: of both ``FILES``. Raises OSError, and ValueError for files that are not these.
    """
    return build(*(torch_file.read(folder / name) for name in FILES))


def build(encoder: Arrays, decoder: Arrays) -> keras.Model:
    """The same from the arrays of the two files. Raises ValueError for arrays of other names or shapes."""
    import keras
    from keras import layers, ops

    pixels = layers.Input((None, None, 3))
    take = _Taken(encoder)
    x = take.block(1, take.convolution(0, pixels))
    for first in (2, 6, 10):
        x = take.convolution(first, x, stride=2)
        for place in range(first + 1, first + 1 + BLOCKS):
            x = take.block(place, x)
    latent = take.convolution(14, x)
    take.end()

    take = _Taken(decoder)
    x = LARGEST * ops.tanh(latent / LARGEST)
    x = ops.relu(take.convolution(1, x))
    for first in (3, 8, 13):
        for place in range(first, first + BLOCKS):
            x = take.block(place, x)
        x = take.convolution(first + BLOCKS + 1, layers.UpSampling2D(2)(x))
    picture = take.convolution(19, take.block(18, x))
    take.end()
    return keras.Model(pixels, picture, name=NAME)


class _Taken:
    """Layers whose weights are arrays of a file, by their place in its chain; each is taken once."""

    def __init__(self, arrays: Arrays):
        self._arrays = dict(arrays)

    def convolution(self, place: int | str, x: keras.KerasTensor, stride: int = 1) -> keras.KerasTensor:
        """Odd kernels, over pictures with zeros around them."""
        from keras import layers

        kernel = self._take(f"{place}.weight", 4).transpose(2, 3, 1, 0)
        bias = self._arrays.pop(f"{place}.bias", None)
        side, inwards = kernel.shape[0], kernel.shape[2]
        if x.shape[-1] != inwards:
            raise ValueError(f"its layer {place} takes {inwards} channels, not {x.shape[-1]}")
        if margin := side // 2:
            x = layers.ZeroPadding2D(margin)(x)
        layer = layers.Conv2D(kernel.shape[3], side, strides=stride, use_bias=bias is not None)
        x = layer(x)
        layer.set_weights([kernel] if bias is None else [kernel, bias])
        return x

    def block(self, place: int, x: keras.KerasTensor) -> keras.KerasTensor:
        from keras import layers, ops

        if f"{place}.pool.0.weight" in self._arrays:
            wide = self.convolution(f"{place}.pool.0", x)
            norm = layers.GroupNormalization(GROUPS, epsilon=EPSILON)
            wide = ops.relu(norm(wide))
            norm.set_weights([self._take(f"{place}.pool.1.{name}", 1) for name in ("weight", "bias")])
            x = x + self.convolution(f"{place}.pool.3", wide)
        y = ops.relu(self.convolution(f"{place}.conv.0", x))
        y = ops.relu(self.convolution(f"{place}.conv.2", y))
        return ops.relu(x + self.convolution(f"{place}.conv.4", y))

    def end(self) -> None:
        """Raises ValueError where something is left."""
        if self._arrays:
            raise ValueError(f"it has a layer that is not known: {min(self._arrays)}")

    def _take(self, name: str, dimensions: int) -> np.ndarray:
        array = self._arrays.pop(name, None)
        if array is None or array.ndim != dimensions:
            raise ValueError(f"it has no {name} of {dimensions} dimensions")
        return array.astype(np.float32)
