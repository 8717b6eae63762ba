"""What a forensic view is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class ForensicView:
    """name: stable. title: for people. sentence: what it can show, and what it cannot. draw(pixels): uint8
    (H, W, 3) RGB -> uint8 (H, W, 3) RGB."""

    name: str
    title: str
    sentence: str
    draw: Callable[[np.ndarray], np.ndarray]


def brightness(pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) RGB -> uint8 (H, W), as the eye weighs the colours (ITU-R BT.601)."""
    return cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)


def grey(values: np.ndarray) -> np.ndarray:
    """Numbers (H, W), clipped to 0..255 -> uint8 (H, W, 3)."""
    levels = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return np.repeat(levels[..., None], 3, axis=2)
