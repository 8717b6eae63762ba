"""The practice round: patches of two photos, and the same patches as a simulated generator would have left them."""

from __future__ import annotations

import io
from functools import cache

import cv2
import numpy as np
from PIL import Image

from detector.images import read_image
from ui.gallery import samples
from ui.guess.game import AI, REAL, Candidate

SIDE = 256
"""Pixels along a patch."""
PER_PHOTO = 4


@cache
def candidates() -> list[Candidate]:
    """Real patches, and each a second time after ``upsampled``: that is what "AI-generated" means in this round."""
    found = []
    for name, path in samples().items():
        pixels = read_image(path, short_side=2 * SIDE).pixels
        height, width = pixels.shape[:2]
        for number in range(PER_PHOTO):
            left, top = number * (width - SIDE) // (PER_PHOTO - 1), number % 2 * (height - SIDE)
            patch = pixels[top : top + SIDE, left : left + SIDE]
            found.append(Candidate(f"{name} {number + 1}, as photographed", _png(patch), REAL))
            found.append(Candidate(f"{name} {number + 1}, up-sampled", _png(upsampled(patch)), AI))
    return found


def upsampled(patch: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3), even sides -> the same after a generator's last layer: half the size, then doubled by a transposed convolution.

    Every pixel of the half-sized patch is put on every second place of an empty one, and a 3 x 3 kernel fills the places between
    from their neighbours. The kernel is a little uneven, as learned ones are, which leaves their checkerboard (Odena et al., Distill 2016).
    """
    height, width = patch.shape[:2]
    half = cv2.resize(patch, (width // 2, height // 2), interpolation=cv2.INTER_AREA).astype(np.float32)
    sparse = np.zeros((height, width, 3), np.float32)
    sparse[::2, ::2] = half
    kernel = np.array([[0.25, 0.49, 0.25], [0.49, 1.02, 0.49], [0.25, 0.49, 0.25]], np.float32)
    return np.clip(np.rint(cv2.filter2D(sparse, -1, kernel, borderType=cv2.BORDER_REFLECT_101)), 0, 255).astype(np.uint8)


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
