"""Small convolutional autoencoders, each with another way of making maps larger: what they make of a photo is
the photo, but for the traces that a generator's last layers leave (Odena et al., "Deconvolution and
Checkerboard Artifacts", Distill 2016).

A picture is made four times smaller in two steps, to a third of its numbers, and back, as the first stage of
latent diffusion does (Rombach et al., CVPR 2022; they have it from 1 to 32 times smaller). What is learnt is
what the small picture, enlarged, has lost: within minutes, on crops, with the mean absolute error of pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import keras

LEVELS = 2
STRIDE = 2**LEVELS
MULTIPLE = 8
"""Sides of what `reconstructed` shows an autoencoder are multiples of it, whatever that one needs."""
WIDTH, LATENT = 24, 16
LEARNING_RATE = 2e-3


class Autoencoder(Protocol):
    """float32 (1, H, W, 3) in [0, 1] -> an array of the same shape, about the same pixels; H and W multiples
    of ``MULTIPLE``. A Keras network, or what is called like one."""

    def __call__(self, pixels: np.ndarray, training: bool = False) -> Any: ...


def _nearest(x: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    from keras import layers

    return layers.Conv2D(channels, 3, padding="same")(layers.UpSampling2D(2, interpolation="nearest")(x))


def _bilinear(x: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    from keras import layers

    return layers.Conv2D(channels, 3, padding="same")(layers.UpSampling2D(2, interpolation="bilinear")(x))


def _transposed(x: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    from keras import layers

    return layers.Conv2DTranspose(channels, 3, strides=2, padding="same")(x)


def _shuffled(x: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    """Sub-pixel convolution (Shi et al., CVPR 2016)."""
    from keras import layers, ops

    return ops.depth_to_space(layers.Conv2D(4 * channels, 3, padding="same")(x), 2)


DESIGNS: dict[str, Callable[[keras.KerasTensor, int], keras.KerasTensor]] = {
    "nearest": _nearest,
    "bilinear": _bilinear,
    "transposed": _transposed,
    "shuffled": _shuffled,
}
"""(B, h, w, C) and a number of channels -> (B, 2h, 2w, channels)."""


def build(design: str, width: int = WIDTH) -> keras.Model:
    """float32 (B, H, W, 3) in [0, 1] -> the same shape, about the same pixels; H and W multiples of
    ``STRIDE``. Raises KeyError for a design that is none."""
    import keras
    from keras import layers

    larger = DESIGNS[design]
    pixels = layers.Input((None, None, 3))
    x = pixels
    for level in range(LEVELS):
        x = layers.Conv2D(width * 2**level, 3, strides=2, padding="same", activation="silu")(x)
        x = layers.Conv2D(width * 2**level, 3, padding="same", activation="silu")(x)
    x = layers.Conv2D(LATENT, 1, name="latent")(x)
    x = layers.Conv2D(width * 2 ** (LEVELS - 1), 3, padding="same", activation="silu")(x)
    for level in reversed(range(LEVELS)):
        x = layers.Activation("silu")(larger(x, width * 2**level))
        x = layers.Conv2D(width * 2**level, 3, padding="same", activation="silu")(x)
    detail = layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros", name="detail")(x)
    small = layers.AveragePooling2D(STRIDE, name="small")(pixels)
    plain = layers.UpSampling2D(STRIDE, interpolation="bilinear", name="plain")(small)
    return keras.Model(pixels, layers.Add(name="picture")([plain, detail]), name=design)


def fit(autoencoder: keras.Model, crops: Iterator[np.ndarray], steps: int) -> list[float]:
    """Train it in place. crops: batches, uint8 (B, h, w, 3). Returns the error of every step, in [0, 1] of
    full scale."""
    import keras

    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    autoencoder.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0), loss="mean_absolute_error")
    errors = []
    for batch in islice(crops, steps):
        pixels = batch.astype(np.float32) / 255
        errors.append(float(autoencoder.train_on_batch(pixels, pixels)))
    return errors


def reconstructed(autoencoder: Autoencoder, pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) of any size -> the same shape; what lies beyond the edge is their mirror image."""
    height, width = pixels.shape[:2]
    missing = [(0, -side % MULTIPLE) for side in (height, width)]
    padded = np.pad(pixels, [*missing, (0, 0)], mode="symmetric")[None].astype(np.float32) / 255
    answer = np.asarray(autoencoder(padded, training=False))[0, :height, :width]
    return np.rint(255 * np.clip(answer, 0, 1)).astype(np.uint8)
