"""The practice round: patches of two photos, and the same patches as a simulated generator would have left
them."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from detector.images import read_image
from detector.verdicts import Side
from pages.guess.game import Candidate
from ui.album import samples
from ui.encoding import png

SIDE = 256
"""Pixels along a patch."""
PER_PHOTO = 4


@cache
def candidates() -> list[Candidate]:
    """Real patches, and each a second time after ``upsampled``: that is what "AI-generated" means in this
    round."""
    candidates = []
    for name, path in samples().items():
        for number, patch in enumerate(_patches(read_image(path, short_side=2 * SIDE).pixels), start=1):
            photographed = f"{name} {number}, as photographed"
            simulated = f"{name} {number}, up-sampled"
            candidates.append(Candidate(photographed, png(patch), Side.REAL))
            candidates.append(Candidate(simulated, png(upsampled(patch)), Side.AI))
    return candidates


def _patches(pixels: np.ndarray) -> list[np.ndarray]:
    """uint8 (SIDE, SIDE, 3) each: from left to right, at the top and at the bottom in turn."""
    height, width = pixels.shape[:2]
    patches = []
    for number in range(PER_PHOTO):
        left = number * (width - SIDE) // (PER_PHOTO - 1)
        top = number % 2 * (height - SIDE)
        bottom, right = top + SIDE, left + SIDE
        patches.append(pixels[top:bottom, left:right])
    return patches


def upsampled(patch: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3), even sides -> the same after a generator's last layer: half the size, then doubled by
    a transposed convolution.

    Every pixel of the half-sized patch is put on every second place of an empty one, and a 3 x 3 kernel fills
    the places between from their neighbours. The kernel is a little uneven, as learned ones are, which leaves
    their checkerboard (Odena et al., Distill 2016).
    """
    height, width = patch.shape[:2]
    half = cv2.resize(patch, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    sparse = np.zeros((height, width, 3), np.float32)
    sparse[::2, ::2] = half
    kernel = np.array([[0.25, 0.49, 0.25], [0.49, 1.02, 0.49], [0.25, 0.49, 0.25]], np.float32)
    filled = cv2.filter2D(sparse, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return np.clip(np.rint(filled), 0, 255).astype(np.uint8)
