"""Brightness beyond 8 bits: `Levels` tells the rule."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, TiffImagePlugin

from detector.images.bands import bands
from detector.images.refusals import NO_VALUES, ImageReadError

_STRETCHED = (
    "Brightness has no fixed scale in this file: it is stretched from the darkest to the brightest value."
)
_OUTLIERS = (
    "Brightness has no fixed scale in this file: it is stretched over the values of nearly all pixels, and a"
    " few that lie far from these are cut off."
)
_CLIPPED = "Brightness goes beyond its usual scale in this file: what lies beyond is cut off."
_NOT_FINITE = "Some pixels have no value (infinite or not a number): they are shown black or white."

SCALES = {1.0: 1 / 64, 255.0: 1 / 8, 65535.0: 1 / 8}
"""White on each scale that programs write -> the share of it that a picture has to reach to be on it."""

OVERSHOOT = 0.1
"""Share of a scale by which values may go beyond it."""

STRAY = 0.1
"""Percentage of pixels, at either end, that may be stray."""


@dataclass(frozen=True)
class Levels:
    """How the values of a picture of more than 8 bits become brightness: those at ``black`` and below are
    black, those at ``white`` and above white.

    16-bit (and 12-bit) files without signs have a fixed scale. Where values are signed, of 32 bits or
    floating, the file does not say, and the picture's finite values decide:

    1. They lie on one of the scales that programs write, 0 to 1, 255 or 65535, and are not all too small for
       it: that scale.
    2. They go beyond such a scale by at most a tenth of it, as resampling makes them, or a few stray pixels
       go further: that scale; what lies beyond is cut off, and a note says so.
    3. Anything else is stretched from the darkest to the brightest value, but for stray pixels so far off
       that the others would become one shade; a note says so.

    Values that are infinite or not a number count for nothing in this; a note says so, too.

    stored: as what Pillow's bytes are to be understood, where Pillow takes them for something else.
    clear: the value of transparent pixels.
    """

    black: float
    white: float
    stored: type[np.generic] | None = None
    clear: int | None = None

    def values(self, band: Image.Image) -> np.ndarray:
        """The numbers in a band, (H, W)."""
        values = np.asarray(band)
        return values if self.stored is None else values.view(self.stored)

    def grey(self, band: Image.Image) -> tuple[Image.Image, int]:
        """(a band as 8-bit "L", how many of its pixels are opaque)."""
        values = self.values(band)
        with np.errstate(over="ignore", invalid="ignore"):
            levels = (values.astype(np.float32) - self.black) * (255 / (self.white - self.black))
        levels = np.clip(np.nan_to_num(levels), 0, 255) + 0.5
        opaque = values.size
        if self.clear is not None:
            holes = values == self.clear
            levels[holes] = 255
            opaque -= int(np.count_nonzero(holes))
        return Image.fromarray(levels.astype(np.uint8)), opaque


def levels_of(image: Image.Image) -> tuple[Levels | None, list[str]]:
    """(how values become brightness, None where they are of 8 bits as usual, notes on it)."""
    stored, white_is_zero = _stored_values(image)
    if image.mode.startswith("I;16"):
        tags = getattr(image, "tag_v2", {})
        twelve_bits = tags.get(TiffImagePlugin.BITSPERSAMPLE) == (12,)
        levels = Levels(0.0, 4095.0 if twelve_bits else 65535.0)
        notes: list[str] = []
        if image.format == "PNG":
            levels = replace(levels, clear=image.info.get("transparency"))
    elif image.mode in ("I", "F") or stored is not None:
        levels, notes = _guessed_levels(image, Levels(0.0, 1.0, stored))
    else:
        return None, []
    if white_is_zero:
        levels = replace(levels, black=levels.white, white=levels.black)
    return levels, notes


def _stored_values(image: Image.Image) -> tuple[type[np.generic] | None, bool]:
    """(what Pillow takes for another type, whether 0 is white in a way that Pillow does not heed)."""
    if image.format != "TIFF":
        return None, False
    tags = image.tag_v2  # type: ignore[attr-defined]
    sample_format = tags.get(TiffImagePlugin.SAMPLEFORMAT, (1,))[0]
    white_is_zero = tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0
    if image.mode == "I" and sample_format == 1:
        return np.uint32, white_is_zero
    if image.mode == "L" and sample_format == 2:
        return np.int8, False
    return None, white_is_zero and image.mode not in ("L", "1")


def _guessed_levels(image: Image.Image, levels: Levels) -> tuple[Levels, list[str]]:
    """The rule of `Levels` for values on no fixed scale."""
    low, high, all_finite = _finite_extremes(image, levels)
    notes = [] if all_finite else [_NOT_FINITE]
    if white := _scale(low, high, 0.0):
        return replace(levels, white=white), notes
    if white := _scale(low, high, OVERSHOOT):
        return replace(levels, white=white), [_CLIPPED, *notes]
    most_low, most_high = _range_of_most(image, levels)
    if white := _scale(most_low, most_high, 0.0):
        return replace(levels, white=white), [_CLIPPED, *notes]
    if (most_high - most_low) * 8 < high - low and most_low < most_high:
        return replace(levels, black=most_low, white=most_high), [_OUTLIERS, *notes]
    return replace(levels, black=low, white=max(high, low + abs(low) * 1e-6 + 1e-30)), [_STRETCHED, *notes]


def _scale(low: float, high: float, overshoot: float) -> float | None:
    """White on the scale that values from ``low`` to ``high`` are on, None if they are on none."""
    for white, share in SCALES.items():
        within = low >= -overshoot * white and high <= (1 + overshoot) * white
        if within and (high >= share * white or low == high):
            return white
    return None


def _finite_extremes(image: Image.Image, levels: Levels) -> tuple[float, float, bool]:
    """(smallest, largest finite value, whether all are finite)."""
    low, high, all_finite = np.inf, -np.inf, True
    for band in bands(image, 1):
        values = levels.values(band)
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            all_finite = all_finite and bool(finite.all())
            values = values[finite]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    if low > high:
        raise ImageReadError(NO_VALUES)
    return low, high, all_finite


def _range_of_most(image: Image.Image, levels: Levels) -> tuple[float, float]:
    """(smallest, largest value) of a sample of pixels, without ``STRAY`` per cent at either end."""
    side = 1000
    size = min(image.width, side), min(image.height, side)
    sample = levels.values(image.resize(size, Image.Resampling.NEAREST)).astype(np.float64)
    low, high = np.percentile(sample[np.isfinite(sample)], (STRAY, 100 - STRAY), method="nearest")
    return float(low), float(high)
