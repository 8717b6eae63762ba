"""The picture of a picture's tiles: where they lie, and each at its own scale."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from detector.explain.picture_walk import PictureWalk
from detector.preprocessing import Region
from pages.how_it_works.figure_parts import of_patches
from pages.how_it_works.panels import photo, picture

LONGEST = 960
"""Pixels along the photo's longer side as it is shown."""
SHOWN = 8
"""Tiles, at most, that are shown one by one."""


def tiles(walk: PictureWalk, number: int) -> dict:
    height, width = walk.pixels.shape[:2]
    where = photo(
        f"Where the tiles lie: {_word(walk.of_tiles)}, the mean",
        "photo",
        height,
        width,
        within=walk.region,
        span=6,
        alt=f"The picture, with {len(walk.tiles)} numbered squares where its tiles lie.",
    )
    shown, images = [where | {"down": 2}], {"photo": picture(_outlined(walk), LONGEST)}
    for place, tile in enumerate(walk.tiles[:SHOWN], start=1):
        images[f"tile {place}"] = picture(tile.image)
        side = len(tile.image)
        title, alt = (
            f"Tile {place}: {_word(tile.logit)}",
            f"{side} by {side} pixels of the picture at its own scale.",
        )
        shown.append(photo(title, f"tile {place}", side, side, within=None, span=3, alt=alt))
    return of_patches(walk, _words(walk), shown, lines=2, images=images)


def _word(logit: float) -> str:
    return f"{logit:+.2f} towards {'AI' if logit > 0 else 'real'}"


def _outlined(walk: PictureWalk) -> np.ndarray:
    """The photo, uint8 (h, w, 3), no larger than it is shown, with a numbered frame for each tile."""
    shown = Image.fromarray(walk.pixels)
    shown.thumbnail((LONGEST, LONGEST))
    draw = ImageDraw.Draw(shown)
    thick = max(2, max(shown.size) // 240)
    for place, tile in enumerate(walk.tiles, start=1):
        box = _box(tile.region, *shown.size)
        draw.rectangle(box, outline="black", width=2 * thick)
        draw.rectangle(box, outline="white", width=thick)
        draw.text(
            (box[0] + 3 * thick, box[1] + 2 * thick),
            str(place),
            font_size=12 * thick,
            fill="white",
            stroke_width=thick,
            stroke_fill="black",
        )
    return np.asarray(shown)


def _box(region: Region, width: int, height: int) -> tuple[int, int, int, int]:
    left, right = round(region.left * width), round(region.right * width) - 1
    top, bottom = round(region.top * height), round(region.bottom * height) - 1
    return left, top, max(left, right), max(top, bottom)


def _words(walk: PictureWalk) -> list[str]:
    """For each patch of the whole, which tiles show its middle at full scale."""
    rows, columns = walk.patch_grid
    words = []
    for row, column in np.ndindex(rows, columns):
        across = walk.region.left + (walk.region.right - walk.region.left) * (column + 0.5) / columns
        down = walk.region.top + (walk.region.bottom - walk.region.top) * (row + 0.5) / rows
        showing = [
            str(place)
            for place, tile in enumerate(walk.tiles, start=1)
            if tile.region.left <= across <= tile.region.right
            and tile.region.top <= down <= tile.region.bottom
        ]
        if not showing:
            words.append("is shown by no tile: only the whole shows it, at reduced size.")
        else:
            names = " and ".join(showing)
            words.append(f"is shown at its own scale by tile{'s' if len(showing) > 1 else ''} {names}, too.")
    return words
