"""What is left of a picture when its content is taken away: brightness minus its 3 x 3 median.

Sensor noise is looked for in such residuals (Lukas, Fridrich & Goljan, IEEE TIFS 2006, with a wavelet filter
in place of the median).
"""

from __future__ import annotations

import cv2
import numpy as np

from detector.forensics.forensic_view import ForensicView, brightness, grey

GAIN = 8
"""Grey levels on the view per grey level in the picture."""


def noise_residual(pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) -> int16 (H, W): brightness minus the median of the 3 x 3 pixels around; edges are
    repeated."""
    light = brightness(pixels)
    return light.astype(np.int16) - cv2.medianBlur(light, 3)


VIEW = ForensicView(
    name="noise residual",
    title="Noise residual",
    sentence=(
        "It can show regions whose noise differs from the rest, as after pasting or retouching. It cannot"
        " tell a smooth surface, a denoised phone photo or strong compression from an AI-generated picture."
    ),
    draw=lambda pixels: grey(128 + GAIN * noise_residual(pixels).astype(np.float32)),
)
