"""What the colours of a heatmap mean: a bar and the words at its ends."""

from __future__ import annotations

import cv2
import numpy as np

from detector.explain.heatmap import Heatmap
from detector.overlay import COLORMAPS, signed_shades


def bar(heatmap: Heatmap, width: int, height: int, colormap: str = "inferno") -> np.ndarray:
    """uint8 (height, width, 3) RGB: the colours of the scale, from its lowest value to its highest, on white
    paper: those of a signed map are the more transparent the closer to zero. colormap: as for
    ``detector.overlay.overlay``."""
    levels = np.linspace(0, 255, width).round().astype(np.uint8)
    if heatmap.signed:
        opaque = np.abs(levels / 127.5 - 1)[:, None]
        shades = np.rint(255 + opaque * (signed_shades()[levels].astype(np.float64) - 255)).astype(np.uint8)
    else:
        shades = cv2.cvtColor(cv2.applyColorMap(levels[None], COLORMAPS[colormap]), cv2.COLOR_BGR2RGB)[0]
    return np.broadcast_to(shades, (height, width, 3)).copy()


def ends(heatmap: Heatmap) -> tuple[str, str]:
    """What the lowest and the highest colour stand for, as short texts in ASCII."""
    if heatmap.signed:
        ceiling = f"{heatmap.ceiling:.2f}"
        return f"-{ceiling} towards real", f"+{ceiling} towards AI-generated"
    multiple = heatmap.ceiling / heatmap.reference if heatmap.reference else heatmap.ceiling
    return "0", f"{multiple:.1f}x an even share"


def in_words(heatmap: Heatmap) -> str:
    """The scale as a sentence."""
    low, high = ends(heatmap)
    unit = "logits" if heatmap.signed else "multiples of what an even map would hold everywhere"
    sentence = f"Colours from {low} to {high}, in {unit}."
    if heatmap.diffuse and not heatmap.signed:
        sentence += " This map is diffuse: it singles nothing out."
    return sentence
