"""JPEGs to measure with: as many as wanted, of about one megapixel, that cost what photographs cost to
decode."""

from __future__ import annotations

from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image

SHAPES = ((4, 3), (3, 2), (3, 4), (1, 1), (16, 9), (2, 3))
"""Width to height, in turn: what cameras and phones make."""


def photograph(number: int, megapixels: float = 1.0) -> bytes:
    """The JPEG with that number, always the same: a crop of one of scikit-learn's sample photos, enlarged,
    with a sensor's noise.

    About two bits a pixel, as in photos saved for the web: without the noise an enlarged photo would decode
    too quickly.
    """
    rng = np.random.default_rng(number)
    across, down = SHAPES[number % len(SHAPES)]
    unit = (megapixels * 1e6 / (across * down)) ** 0.5
    width, height = round(across * unit), round(down * unit)
    source = _sources()[number % 2]
    scale = rng.uniform(0.7, 1) * min(source.width / width, source.height / height)
    left, top = rng.uniform(0, source.width - width * scale), rng.uniform(0, source.height - height * scale)
    enlarged = source.resize(
        (width, height), Image.Resampling.BICUBIC, box=(left, top, left + width * scale, top + height * scale)
    )
    noisy = np.asarray(enlarged) + rng.normal(0, 4, (height, width, 1)).astype(np.float32)
    buffer = BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


@cache
def _sources() -> list[Image.Image]:
    from sklearn.datasets import load_sample_images

    return [Image.fromarray(pixels) for pixels in load_sample_images().images]
