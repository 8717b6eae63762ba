"""Make the AI-generated samples that ship: ``python -m experiments.sample_pictures PHOTO OUT``.

A small diffusion model (Ho, Jain & Abbeel 2020) that has seen one photo and nothing else, in a cascade from
coarse to fine (Ho et al. 2022; for a single picture: Kulikov et al., "SinDDM", 2023). It is convolutional and
sees little at a time, so what it makes is that photo's texture in a new arrangement. It takes some twenty
minutes on two cores. What ships in ``ui/samples/`` are pictures 1 and 2 of scikit-learn's china.jpg.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

SHORT_SIDES = (24, 44, 80, 136, 224)
"""Pixels along the short side, from the coarsest picture of the cascade to the finest."""
STEPS = 50
"""Noise levels that sampling visits at each scale."""
CHANNELS, DILATIONS = 48, (1, 1, 2, 2, 1, 1)
CROP, BATCH = 56, 8


class Denoiser(keras.Model):
    """(noisy, coarse, time, scale) -> the velocity of Salimans & Ho (2022), float32 (N, H, W, 3).

    noisy, coarse: float32 (N, H, W, 3) in [-1, 1], coarse the enlarged picture one scale below, zeros at the
    first. time: float32 (N,) in [0, 1]. scale: int32 (N,).
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = keras.layers.Conv2D(CHANNELS, 3, padding="same")
        self.embed = keras.layers.Dense(64, activation="silu")
        self.blocks = []
        for dilation in DILATIONS:
            conv = keras.layers.Conv2D(CHANNELS, 3, padding="same", dilation_rate=dilation)
            self.blocks.append((conv, keras.layers.Dense(2 * CHANNELS), keras.layers.Conv2D(CHANNELS, 1)))
        self.last = keras.layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros")

    def call(self, noisy, coarse, time, scale):
        frequencies = 2.0 ** tf.range(6, dtype=tf.float32) * np.pi / 2
        angles = time[:, None] * frequencies
        known = [tf.sin(angles), tf.cos(angles), tf.one_hot(scale, len(SHORT_SIDES))]
        condition = self.embed(tf.concat(known, axis=1))
        x = self.first(tf.concat([noisy, coarse], axis=3))
        for conv, modulate, project in self.blocks:
            gain, shift = tf.split(modulate(condition)[:, None, None, :], 2, axis=3)
            x = x + project(tf.nn.silu(conv(x) * (1 + gain) + shift))
        return self.last(x)


def pyramid(photo: Image.Image) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each scale the photo and what the scale below makes of it, enlarged; float32 (H, W, 3) in
    [-1, 1]."""
    levels: list[tuple[np.ndarray, np.ndarray]] = []
    for side in SHORT_SIDES:
        size = _size(photo.size, side)
        sharp = _floats(photo.resize(size, Image.Resampling.LANCZOS))
        coarse = _enlarged(levels[-1][0], size) if levels else np.zeros_like(sharp)
        levels.append((sharp, coarse))
    return levels


def train(levels: list[tuple[np.ndarray, np.ndarray]], steps: int, seed: int) -> Denoiser:
    """A denoiser that has seen random crops of the levels."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    network = Denoiser()
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps, alpha=0.02)
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=1.0, use_ema=True, ema_momentum=0.99)

    @tf.function
    def step(sharp, coarse, scale):
        time = tf.random.uniform([BATCH])
        noise = tf.random.normal(tf.shape(sharp))
        signal, spread = _mix(time[:, None, None, None])
        with tf.GradientTape() as tape:
            velocity = network(signal * sharp + spread * noise, coarse, time, scale)
            loss = tf.reduce_mean((velocity - (signal * noise - spread * sharp)) ** 2)
        variables = network.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    for number in range(steps):
        scale = int(rng.integers(len(levels)))
        loss = step(*_crops(levels[scale], rng), np.full(BATCH, scale, np.int32))
        if number % 100 == 0:
            print(number, f"{float(loss):.4f}", flush=True)
    optimizer.finalize_variable_values(network.trainable_variables)
    return network


def sample(network: Denoiser, size: tuple[int, int], seed: int) -> Image.Image:
    """A new picture in the shape of ``size``, by DDIM (Song, Meng & Ermon 2021) through all scales."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((0, 0, 3), np.float32)
    for scale, side in enumerate(SHORT_SIDES):
        width, height = _size(size, side)
        coarse = np.zeros((height, width, 3)) if not picture.size else _enlarged(picture, (width, height))
        noisy = rng.standard_normal((height, width, 3))
        times = np.linspace(1, 0, STEPS + 1)
        for now, after in zip(times[:-1], times[1:], strict=True):
            inputs = [np.asarray(value, np.float32)[None] for value in (noisy, coarse, now)]
            velocity = _denoise(network, *inputs, np.array([scale], np.int32))[0].numpy()
            signal, spread = (float(part) for part in _mix(now))
            clean = np.clip(signal * noisy - spread * velocity, -1, 1)
            noise = spread * noisy + signal * velocity
            signal, spread = (float(part) for part in _mix(after))
            noisy = signal * clean + spread * noise
        picture = np.clip(noisy, -1, 1).astype(np.float32)
    return Image.fromarray(_bytes(picture))


@tf.function
def _denoise(network, noisy, coarse, time, scale):
    return network(noisy, coarse, time, scale)


def _mix(time):
    """Weights of picture and noise: the cosine schedule of Nichol & Dhariwal (2021)."""
    return tf.cos(time * np.pi / 2), tf.sin(time * np.pi / 2)


def _crops(level: tuple[np.ndarray, np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    height, width = level[0].shape[:2]
    rows, columns = min(CROP, height), min(CROP, width)
    sharp, coarse = [], []
    for _ in range(BATCH):
        top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
        part = np.s_[top : top + rows, left : left + columns]
        sharp.append(level[0][part])
        blurred = level[1][part]
        # A sample is not as true as the photo is: what is made from it must put up with that.
        coarse.append(blurred + 0.03 * np.float32(rng.standard_normal(blurred.shape)) * bool(blurred.any()))
    return np.stack(sharp), np.stack(coarse)


def _size(like: tuple[int, int], short_side: int) -> tuple[int, int]:
    scale = short_side / min(like)
    return round(like[0] * scale), round(like[1] * scale)


def _enlarged(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return _floats(Image.fromarray(_bytes(picture)).resize(size, Image.Resampling.BICUBIC))


def _floats(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB"), np.float32) / 127.5 - 1


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip((picture + 1) * 127.5, 0, 255).round().astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.sample_pictures", description=__doc__)
    parser.add_argument("photo", type=Path)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=int, default=4)
    options = parser.parse_args()
    with Image.open(options.photo) as file:
        photo = file.convert("RGB")
    network = train(pyramid(photo), options.steps, options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    for number in range(options.pictures):
        made = sample(network, photo.size, options.seed + number)
        made.save(options.out / f"{options.photo.stem}-{number}.jpg", quality=90)


if __name__ == "__main__":
    main()
