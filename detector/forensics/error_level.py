"""Error level analysis: what one more JPEG compression changes (Krawetz, Black Hat 2007)."""

from __future__ import annotations

import numpy as np
from PIL import Image

from detector.forensics.forensic_view import ForensicView
from detector.preprocessing import jpeg_round_trip

QUALITY, GAIN = 90, 20
"""Of the compression; and levels on the view per level of change."""


def error_level(pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) -> uint8 (H, W, 3): how far each value moves, without its sign."""
    again = np.asarray(jpeg_round_trip(Image.fromarray(pixels), QUALITY), dtype=np.int16)
    return np.abs(again - pixels).astype(np.uint8)


def _draw(pixels: np.ndarray) -> np.ndarray:
    return np.clip(error_level(pixels).astype(np.uint16) * GAIN, 0, 255).astype(np.uint8)


VIEW = ForensicView(
    name="error level",
    title="Error level",
    sentence=(
        "It can show parts of a JPEG that were compressed another number of times, as after pasting. It"
        " cannot tell whether a picture is AI-generated: edges and texture are bright in every picture, and"
        " saving the whole once more hides everything."
    ),
    draw=_draw,
)
