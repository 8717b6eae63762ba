"""RGB uint8 photo -> model input. Training, evaluation and the app all run this code, so they see the same
pixels.

A photo is first brought to one *canonical form*: its middle part (aspect ratio at most ``MAX_ASPECT``), short
side resized with Lanczos, and one JPEG round trip. After that neither file format, nor JPEG quality, nor
aspect ratio says anything about where the picture came from; all three give the class away in most public
collections. The model then sees the central square of the canonical form; training cuts its random crops from
the same form.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image

from detector import tiles as native
from detector.perturbations import AS_SENT, jpeg_round_trip

MOST_TILES = 24
"""Of a photo: each costs as much as the whole."""
MAX_ASPECT = 288 / 256
"""Long side over short side of the canonical form; what lies beyond is cut off symmetrically."""


@dataclass(frozen=True)
class Region:
    """The part of a photo the model saw, as fractions of its width and height in [0, 1]."""

    left: float
    top: float
    right: float
    bottom: float

    def within(self, across: float, down: float) -> Region:
        """The same region in fractions of the photo's middle part, which has the shares ``across`` and
        ``down`` of its width and height."""
        return Region(
            left=(self.left - 0.5) / across + 0.5,
            top=(self.top - 0.5) / down + 0.5,
            right=(self.right - 0.5) / across + 0.5,
            bottom=(self.bottom - 0.5) / down + 0.5,
        )


WHOLE_SHORT_SIDE = 384
"""Pixels along the short side that are enough to show a whole photo: one and a half times what the models
work on. A picture of a megapixel then decodes at half scale; the rest is resampling."""

WHOLE = Region(0.0, 0.0, 1.0, 1.0)
"""All of a photo."""


@dataclass(frozen=True)
class Preprocessing:
    """How a photo becomes a model input; stored in every bundle's card.

    size: side of the square model input, pixels.
    short_side: short side of the canonical form, pixels; at least ``size``.
    jpeg_quality: quality of the JPEG round trip (4:2:0), or None for none.
    tiles: how many tiles of the photo at its own scale are looked at beside the whole (`detector.tiles`).
    """

    size: int = 224
    short_side: int = 256
    jpeg_quality: int | None = 75
    tiles: int = 0

    def __post_init__(self):
        numbers = (self.size, self.short_side, self.jpeg_quality or 0, self.tiles)
        if not all(type(number) is int for number in numbers):
            raise ValueError("preprocessing size, short_side, jpeg_quality and tiles must be whole numbers")
        if not 8 <= self.size <= self.short_side <= 4096:
            raise ValueError(
                f"preprocessing needs 8 <= size <= short_side <= 4096, not {self.size} and {self.short_side}"
            )
        if self.jpeg_quality is not None and not 1 <= self.jpeg_quality <= 100:
            raise ValueError(f"preprocessing jpeg_quality must be 1..100 or none, not {self.jpeg_quality}")
        if not 0 <= self.tiles <= MOST_TILES:
            raise ValueError(f"preprocessing tiles must be 0..{MOST_TILES}, not {self.tiles}")

    @property
    def decoded_short_side(self) -> int:
        """Pixels along the short side that a photo has to be decoded with, see ``read_image``: for tiles its
        own, unless they are very many."""
        return AS_SENT if self.tiles else WHOLE_SHORT_SIDE

    def views(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) of any size -> uint8 (1 + tiles, size, size, 3): what ``__call__`` gives, then the
        tiles, each after a JPEG round trip of its own."""
        views = [self(pixels)]
        if self.tiles:
            views += native.cut(pixels, self.size, self.tiles, self.jpeg_quality)
        return np.stack(views)

    def canonical(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) of any size -> uint8 (h, w, 3) with min(h, w) == short_side and long side at
        most MAX_ASPECT times that."""
        height, width = pixels.shape[:2]
        left, top, right, bottom = _centred_box(width, height, MAX_ASPECT)
        scale = self.short_side / min(width, height)
        # Whole pixels leave the box of a tiny photo a little longer than the aspect allows.
        longest = round(self.short_side * MAX_ASPECT)
        across = min(round((right - left) * scale), longest)
        down = min(round((bottom - top) * scale), longest)
        picture = Image.fromarray(pixels)
        if (across, down) != picture.size:
            picture = picture.resize(
                (across, down),
                Image.Resampling.LANCZOS,
                box=(left, top, right, bottom),  # alone, so a 20000 x 10 strip never becomes a giant
                reducing_gap=3.0,
            )
        if self.jpeg_quality is not None:
            picture = jpeg_round_trip(picture, self.jpeg_quality)
        return np.asarray(picture)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) of any size -> uint8 (size, size, 3): the central square of the canonical form."""
        canonical = self.canonical(pixels)
        height, width = canonical.shape[:2]
        top = (height - self.size) // 2
        left = (width - self.size) // 2
        rows = slice(top, top + self.size)
        columns = slice(left, left + self.size)
        return np.ascontiguousarray(canonical[rows, columns])

    def region(self, height: int, width: int) -> Region:
        """The part of an H x W photo that ``__call__`` keeps."""
        side = min(height, width) * self.size / self.short_side
        across, down = side / width, side / height
        return Region((1 - across) / 2, (1 - down) / 2, (1 + across) / 2, (1 + down) / 2)

    def tile_regions(self, height: int, width: int) -> list[Region]:
        """The parts of an H x W photo that its tiles show."""
        high, wide = native.room_for_a_tile(height, width, self.size)
        boxes = native.tiles(high, wide, self.size, self.tiles) if self.tiles else []
        return [
            Region(
                box.left / wide,
                box.top / high,
                (box.left + box.side) / wide,
                (box.top + box.side) / high,
            )
            for box in boxes
        ]

    def to_card(self) -> dict:
        return asdict(self)


def _centred_box(width: int, height: int, max_aspect: float) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of the middle part whose aspect ratio is at most ``max_aspect``; whole
    where it already is."""
    across = min(width, max(round(height * max_aspect), 1))
    down = min(height, max(round(width * max_aspect), 1))
    left, top = (width - across) / 2, (height - down) / 2
    return left, top, left + across, top + down
