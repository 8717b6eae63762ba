"""Heatmap over photo -> picture, as the app's viewer draws it. OpenCV supplies the colours."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from detector.explain.heatmap import Heatmap
from detector.preprocessing import Region

COLORMAPS = {
    "inferno": cv2.COLORMAP_INFERNO,
    "viridis": cv2.COLORMAP_VIRIDIS,
    "cividis": cv2.COLORMAP_CIVIDIS,
    "turbo": cv2.COLORMAP_TURBO,
}
"""For unsigned heatmaps. Name -> OpenCV's number, the default first."""

SIGNED_COLOURS = ("#9bd0ff", "#2f86d6", "#123f78", "#101014", "#7a2010", "#dd5a2c", "#ffb091")
"""For signed heatmaps: equally spaced colours from "towards real" over nothing to "towards AI-generated".
Blue and red, which colour-blind readers tell apart, about as light on either side. The middle is never seen:
what says nothing is transparent."""

DIM = 0.62
"""Weight of ``DIM_COLOUR`` over what the model did not see."""
DIM_COLOUR = (24, 24, 28)


def overlay(
    pixels: np.ndarray,
    heatmap: Heatmap,
    region: Region,
    opacity: float,
    colormap: str = "inferno",
    smooth: bool = True,
    mark_unseen: bool = True,
) -> np.ndarray:
    """Lay a heatmap over the part of a photo that the model saw.

    pixels: uint8 (H, W, 3) RGB. region: the part of it that ``heatmap`` covers. Returns a new uint8 (H, W, 3)
    RGB. opacity: the heatmap's weight inside the region, in [0, 1]: 0 shows the photo alone, 1 the heatmap
    alone. colormap: one of ``COLORMAPS``, from ``Heatmap.display`` 0 to 1. A signed heatmap has
    ``SIGNED_COLOURS`` instead, from -1 to 1, each as opaque as its value is far from zero: where the map says
    nothing, the photo stays the photo. smooth: values are interpolated between the centres of the cells;
    otherwise each cell is one flat rectangle. mark_unseen: dim what lies outside the region and outline the
    region from outside; no pixel inside is touched. Raises ValueError for another opacity or colormap.
    """
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity must be from 0 to 1, not {opacity}")
    if colormap not in COLORMAPS:
        raise ValueError(f"colormap must be one of {', '.join(COLORMAPS)}, not {colormap!r}")
    rectangle = _rectangle(region, *pixels.shape[:2])
    left, top, right, bottom = rectangle
    seen = pixels[top:bottom, left:right]
    picture = _marked(pixels, rectangle) if mark_unseen else pixels.copy()
    picture[top:bottom, left:right] = _blended(seen, heatmap, opacity, colormap, smooth)
    return picture


def _blended(seen: np.ndarray, heatmap: Heatmap, opacity: float, colormap: str, smooth: bool) -> np.ndarray:
    """uint8 (H, W, 3): the part that the model saw under its map."""
    height, width = seen.shape[:2]
    colours = colour(heatmap, height, width, colormap, smooth)
    if not heatmap.signed:
        return cv2.addWeighted(seen, 1 - opacity, colours, opacity, 0)
    weights = opacity * np.abs(_stretched(heatmap, height, width, smooth))[..., None]
    return np.rint(seen + weights * (colours.astype(np.float32) - seen)).astype(np.uint8)


def colour(
    heatmap: Heatmap, height: int, width: int, colormap: str = "inferno", smooth: bool = True
) -> np.ndarray:
    """The heatmap alone, stretched to uint8 (height, width, 3) RGB."""
    values = _stretched(heatmap, height, width, smooth)
    if heatmap.signed:
        return signed_shades()[np.rint(127.5 + 127.5 * values).astype(np.uint8)]
    levels = np.rint(255 * values).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(levels, COLORMAPS[colormap]), cv2.COLOR_BGR2RGB)


def _stretched(heatmap: Heatmap, height: int, width: int, smooth: bool) -> np.ndarray:
    """float32 (height, width): ``Heatmap.display``. Values, not colours, are interpolated."""
    how = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST_EXACT
    return cv2.resize(heatmap.display(), (width, height), interpolation=how)


@cache
def signed_shades() -> np.ndarray:
    """uint8 (256, 3) RGB: ``SIGNED_COLOURS`` and what lies between them. Level 0 is -1, level 255 is 1."""
    return shades_between(SIGNED_COLOURS)


def shades_between(colours: tuple[str, ...]) -> np.ndarray:
    """uint8 (256, 3) RGB: equally spaced colours, each "#rrggbb", and what lies between them, linear in
    RGB."""
    hexadecimal = [colour.removeprefix("#") for colour in colours]
    anchors = np.array([list(bytes.fromhex(digits)) for digits in hexadecimal])
    places = np.arange(len(anchors))
    levels = np.linspace(0, len(anchors) - 1, 256)
    channels = [np.interp(levels, places, channel) for channel in anchors.T]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)


def _rectangle(region: Region, height: int, width: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) in whole pixels, at least one pixel each way."""
    left = min(int(region.left * width + 0.5), width - 1)
    top = min(int(region.top * height + 0.5), height - 1)
    right = max(int(region.right * width + 0.5), left + 1)
    bottom = max(int(region.bottom * height + 0.5), top + 1)
    return left, top, right, bottom


def _marked(pixels: np.ndarray, rectangle: tuple[int, int, int, int]) -> np.ndarray:
    """The photo dimmed, with a white line within a black one around the rectangle, which the caller fills;
    untouched if that is all of it."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = rectangle
    picture = cv2.addWeighted(pixels, 1 - DIM, np.full_like(pixels, DIM_COLOUR), DIM, 0)
    line = max(1, round(min(height, width) / 400))
    for weight, shade in ((2 * line, 0), (line, 255)):
        rows = slice(max(top - weight, 0), bottom + weight)
        columns = slice(max(left - weight, 0), right + weight)
        picture[rows, columns] = shade
    return picture
