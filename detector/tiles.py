"""Tiles: square parts of a picture at its own scale, spread over it.

The whole picture, brought to a network's size, keeps half a per cent of a 12-megapixel photo's pixels; what a
generator's last layers leave is in the others. Where a tile lies follows from the picture's size alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from detector.perturbations import jpeg_round_trip


@dataclass(frozen=True)
class Tile:
    """Where a tile lies: its left upper corner and its side, in pixels of a picture of the size asked for."""

    left: int
    top: int
    side: int


def tiles(height: int, width: int, side: int, count: int) -> list[Tile]:
    """``count`` tiles of ``side`` pixels in the middle of as many equal cells, row by row; moved inwards
    where they would stick out, so in a small picture they overlap.

    Of all ways to cut a picture into ``count`` cells the one with the squarest is taken. Raises ValueError
    for a picture with a side shorter than a tile's, and for less than one tile.
    """
    if count < 1:
        raise ValueError(f"there is at least one tile, not {count}")
    if min(height, width) < side:
        raise ValueError(f"a picture of {width} x {height} holds no tile of {side}")
    rows = min(
        (rows for rows in range(1, count + 1) if count % rows == 0),
        key=lambda rows: abs(np.log((height / rows) / (width / (count // rows)))),
    )
    columns = count // rows
    return [
        Tile(_start(column, columns, width, side), _start(row, rows, height, side), side)
        for row in range(rows)
        for column in range(columns)
    ]


def _start(number: int, cells: int, length: int, side: int) -> int:
    """Where a tile begins that has the middle of a cell as its own."""
    middle = (number + 0.5) * length / cells
    return int(min(max(round(middle - side / 2), 0), length - side))


def room_for_a_tile(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width at which a picture is cut: its own or, of one that holds no tile, enlarged ones."""
    scale = max(1.0, side / min(height, width))
    return max(round(height * scale), side), max(round(width * scale), side)


def cut(pixels: np.ndarray, side: int, count: int, jpeg_quality: int | None) -> list[np.ndarray]:
    """uint8 (H, W, 3), a picture at its own scale -> its tiles, uint8 (side, side, 3) each, after one JPEG
    round trip of their own, as a whole picture has had: what its file was compressed with says nothing.

    A picture that is smaller than a tile is enlarged to one (Lanczos).
    """
    height, width = room_for_a_tile(pixels.shape[0], pixels.shape[1], side)
    if (height, width) != pixels.shape[:2]:
        pixels = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))
    parts = (
        pixels[tile.top : tile.top + side, tile.left : tile.left + side]
        for tile in tiles(height, width, side, count)
    )
    if jpeg_quality is None:
        return list(parts)
    return [np.asarray(jpeg_round_trip(Image.fromarray(part), jpeg_quality)) for part in parts]
