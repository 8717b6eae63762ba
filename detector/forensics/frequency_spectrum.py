"""The Fourier spectrum of a picture, in which upsampling leaves a regular pattern (Zhang, Karaman & Chang,
"Detecting and Simulating Artifacts in GAN Fake Images", WIFS 2019)."""

from __future__ import annotations

import numpy as np

from detector.forensics.forensic_view import ForensicView, brightness, grey


def frequency_spectrum(pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) -> float (H, W): log(1 + |F|) of the brightness minus its mean, frequency zero in the
    middle, at (H // 2, W // 2)."""
    light = brightness(pixels).astype(np.float64)
    return np.log1p(np.abs(np.fft.fftshift(np.fft.fft2(light - light.mean()))))


def _draw(pixels: np.ndarray) -> np.ndarray:
    spectrum = frequency_spectrum(pixels)
    return grey(255 * spectrum / max(float(spectrum.max()), 1e-9))


VIEW = ForensicView(
    name="frequency spectrum",
    title="Frequency spectrum",
    sentence=(
        "It can show a regular grid of bright dots, which some generators and every resizing leave; the cross"
        " in the middle is in all pictures. It cannot tell those two apart, and many generators leave none."
    ),
    draw=_draw,
)
