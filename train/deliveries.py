"""What happens to a training picture on its way, at its own size and drawn at random: shrunk with any kernel,
cropped off the grid of its JPEG blocks, shown on a screen, saved as JPEG, WebP or AVIF, up to three times.

``detector.perturbations`` has the few fixed ones that verdicts and scoreboards are tested with.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from detector.perturbations import LONGEST_JPEG, at_most, round_trip

Step = Callable[[Image.Image, np.random.Generator], Image.Image]

SHORTEST = 224
"""Pixels: a delivery makes no side shorter than this, or leaves it as it is."""
LONG_SIDES = (2048, 1600, 1280, 1080, 960, 768, 640, 512)
"""Pixels along the long side that sites and messengers allow."""
KERNELS = (
    Image.Resampling.BOX,
    Image.Resampling.BILINEAR,
    Image.Resampling.HAMMING,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)
MOST_STEPS = 3
AVIF_SIDE = 1280
"""Pixels along the long side up to which a picture is saved as AVIF, which is slow."""
WEBP_SIDE = 2560
"""The same for WebP, some of whose tables are too small for what large pictures hold at high quality."""


def deliver(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 (H, W, 3) RGB -> what arrives, uint8 (h, w, 3) RGB, h <= H and w <= W. The same ``rng`` state
    gives the same picture. It goes through one to three steps, the last of which compresses it."""
    picture = at_most(LONGEST_JPEG)(Image.fromarray(pixels))
    for _ in range(rng.integers(MOST_STEPS)):
        picture = STEPS[rng.integers(len(STEPS))](picture, rng)
    return np.asarray(compressed(picture, rng))


def limited(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The long side at most one of ``LONG_SIDES``."""
    return _shrunk(picture, LONG_SIDES[rng.integers(len(LONG_SIDES))] / max(picture.size), rng)


def scaled(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Both sides 40 to 100% of what they were."""
    return _shrunk(picture, rng.uniform(0.4, 1.0), rng)


def cropped(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Up to a tenth of the length off each of the four sides."""
    left, top, right, bottom = rng.uniform(0, 0.1, 4)
    width, height = picture.size
    box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    middle = picture.crop(tuple(round(side) for side in box))
    return middle if min(middle.size) >= SHORTEST else picture


def on_screen(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A screenshot: as large as it fits a window, resampled as browsers do, saved without loss."""
    window = rng.integers(600, 1600)
    return _shrunk(picture, window / max(picture.size), rng, Image.Resampling.BILINEAR)


def compressed(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Saved as JPEG (mostly), WebP or AVIF."""
    kind, quality = rng.random(), int(rng.integers(30, 96))
    if kind < 0.1 and max(picture.size) <= AVIF_SIDE:
        return round_trip(picture, "AVIF", quality=quality, speed=10)
    if kind < 0.3 and max(picture.size) <= WEBP_SIDE:
        return round_trip(picture, "WEBP", quality=quality, method=1)
    subsampling = "4:4:4" if rng.random() < 0.2 else "4:2:0"
    return round_trip(picture, "JPEG", quality=quality, subsampling=subsampling)


STEPS: tuple[Step, ...] = (limited, scaled, cropped, on_screen, compressed)


def _shrunk(
    picture: Image.Image, scale: float, rng: np.random.Generator, kernel: Image.Resampling | None = None
) -> Image.Image:
    """Smaller by ``scale``, but not below SHORTEST; as it is where that would enlarge it."""
    drawn = KERNELS[rng.integers(len(KERNELS))]
    scale = max(scale, SHORTEST / min(picture.size))
    if scale >= 1:
        return picture
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), kernel or drawn)
