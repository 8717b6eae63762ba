"""What is transparent: a PNG's clear colour, and alpha that hides everything."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from detector.images.bands import bands


def is_16_bit_rgb_with_clear_colour(image: Image.Image, data: bytes) -> bool:
    return image.mode == "RGB" and data[24] == 16 and "transparency" in image.info


def with_clear_colour(image: Image.Image, data: bytes) -> Image.Image:
    """A PNG's transparent colour as Pillow wants it: on the scale of its 8-bit pixels.

    The chunk gives it at the file's own depth, in 16-bit fields of which only the lowest bits count. Pillow
    compares the number with pixels that it has brought to 8 bits.
    """
    colour = image.info.get("transparency")
    if image.format != "PNG" or colour is None or isinstance(colour, bytes):
        return image
    depth = data[24]
    highest = 2**depth - 1
    if image.mode == "L":
        image.info["transparency"] = (colour & highest) * (255 // highest)
    elif image.mode == "RGB" and depth == 8:
        image.info["transparency"] = tuple(channel & highest for channel in colour)
    elif image.mode == "RGB":
        return _with_clear_16_bit_colour(image, data, colour)
    return image


def _with_clear_16_bit_colour(image: Image.Image, data: bytes, colour: tuple[int, ...]) -> Image.Image:
    """RGB -> RGBA, by all 16 bits: Pillow keeps the high bytes, so the low ones are decoded as well."""
    with Image.open(io.BytesIO(data), formats=("PNG",)) as low:
        low.tile = [tile._replace(args="RGB;16L") for tile in low.tile]  # as if the low byte came last
        low.load()
        alpha = Image.new("L", image.size, 255)
        top = 0
        for high_band, low_band in zip(bands(image, 1), bands(low, 1), strict=True):
            holes = np.all(np.asarray(high_band) == [channel >> 8 for channel in colour], axis=2)
            holes &= np.all(np.asarray(low_band) == [channel & 255 for channel in colour], axis=2)
            alpha.paste(Image.fromarray(np.where(holes, 0, 255).astype(np.uint8)), (0, top))
            top += high_band.height
    del image.info["transparency"]
    image.putalpha(alpha)
    return image


def hides_everything(image: Image.Image) -> bool:
    """Has this picture an alpha channel that is zero everywhere?"""
    if image.mode not in ("RGBA", "LA", "PA"):  # in premultiplied ones no colours are left to show
        return False
    _, highest = image.getextrema()[-1]  # type: ignore[misc]
    return highest == 0
