"""The mean power spectrum of each class, where up-sampling leaves its lattice and compression its cut.

Durall, Keuper & Keuper, "Watch your Up-Convolution", CVPR 2020; Corvi et al., "Intriguing properties of
synthetic images", CVPRW 2023.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from detector.datasets.measuring import WORKERS
from detector.images import MAX_SIDE, ImageReadError, read_image

SIDES = (256, 128, 64, 32)
"""Pixels along the patch that is transformed: the largest that most pictures have."""
MOST = 0.8
LEAST_PICTURES = 3
DECIBEL = 10.0


@dataclass(frozen=True, eq=False)
class MeanSpectrum:
    """power: float32 (side, side), dB, frequency zero in the middle. radial: float32 (side // 2,), its mean
    over rings of equal frequency, from 0 to 0.5 cycles a pixel. pictures: how many it is the mean of."""

    power: np.ndarray
    radial: np.ndarray
    pictures: int

    @property
    def frequencies(self) -> np.ndarray:
        """Of ``radial``, in cycles a pixel."""
        return (np.arange(len(self.radial)) + 0.5) / (2 * len(self.radial))


def patch_side(short_sides: np.ndarray) -> int | None:
    """The patch for pictures with these short sides; None if most are too small for any."""
    return next((side for side in SIDES if np.mean(short_sides >= side) >= MOST), None)


def mean_spectrum(
    paths: Sequence[Path], side: int, cancelled: Callable[[], bool] = lambda: False
) -> MeanSpectrum | None:
    """Over the middle patches of the pictures at these paths, at their native scale: nothing is resampled.
    Pictures that are too small or cannot be read are passed over; None if too few are left."""

    def one(path: Path) -> np.ndarray | None:
        return None if cancelled() else _power(path, side)

    total, pictures = np.zeros((side, side)), 0
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="spectrum") as pool:
        for power in pool.map(one, paths):
            if power is not None:
                total += power
                pictures += 1
    if pictures < LEAST_PICTURES:
        return None
    mean = total / pictures
    return MeanSpectrum(_decibel(mean), _decibel(_rings(mean)), pictures)


def _decibel(power: np.ndarray) -> np.ndarray:
    return (DECIBEL * np.log10(power + 1e-9)).astype(np.float32)


def _power(path: Path, side: int) -> np.ndarray | None:
    try:
        pixels = read_image(path, short_side=MAX_SIDE).pixels  # never reduced
    except (ImageReadError, OSError):
        return None
    top, left = ((length - side) // 2 for length in pixels.shape[:2])
    if min(top, left) < 0:
        return None
    patch = Image.fromarray(pixels[top : top + side, left : left + side]).convert("L")
    values = np.asarray(patch, np.float64) / 255
    window = np.hanning(side)
    weighted = (values - values.mean()) * window[:, None] * window[None, :]
    return np.abs(np.fft.fftshift(np.fft.fft2(weighted))) ** 2


def _rings(power: np.ndarray) -> np.ndarray:
    half = len(power) // 2
    y, x = np.indices(power.shape) - half
    ring = np.hypot(x, y).astype(int)
    inside = ring < half
    sums = np.bincount(ring[inside], power[inside], half)
    return sums / np.bincount(ring[inside], minlength=half)
