"""A picture band by band, so that no second full-size copy of it ever exists."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

BAND_PIXELS = 2_000_000  # converted at once: large enough that numpy and Pillow, not Python, do the work


def bands(image: Image.Image, factor: int) -> Iterator[Image.Image]:
    """The picture in bands of a number of rows that ``factor`` divides, from top to bottom."""
    rows = max(1, BAND_PIXELS // (image.width * factor)) * factor
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        yield image if rows >= image.height else image.crop((0, top, image.width, bottom))
