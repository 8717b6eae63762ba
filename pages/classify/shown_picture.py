"""The open picture as the page shows it."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

from detector.images import ImageReadError
from ui import encoding, pictures
from ui.pictures import Picture, Resolution

if TYPE_CHECKING:
    from detector.classifier import JudgedTile
    from detector.preprocessing import Preprocessing, Region
    from pages.classify.classify_state import PictureResult

SHORT_SIDE, LONG_SIDE = int(Resolution.SHOWN), 4000
"""Pixels, at most, along the sides of a photo as it is shown; the browser never gets a 50-megapixel
original."""

MAX_ASPECT = 12
"""A longer strip than this is shown in part, around the middle: as a whole it would be a line without
height."""


@dataclass(frozen=True)
class ShownPicture:
    """What a viewer needs to show a photo, with or without a verdict.

    jpeg: the photo as a file, of a long strip only the middle; is_part says so. region: the part of it that
    the model sees. width, height: of the upright photo. attention, tiles: as in ``Analysis``, the tiles'
    regions as parts of what is shown; None and none until they are known.
    """

    picture: Picture
    jpeg: bytes
    is_part: bool
    region: Region
    width: int
    height: int
    attention: np.ndarray | None = None
    tiles: tuple[JudgedTile, ...] = ()


def as_shown(
    picture: Picture, result: PictureResult | None, preprocessing: Preprocessing
) -> ShownPicture | None:
    """The photo for a viewer; None if it cannot be read. result: what the model says of it, if it was asked
    already; then nothing is decoded again."""
    tiles: tuple[JudgedTile, ...] = ()
    try:
        jpeg = _as_jpeg(picture)
        if result is None or not result.is_readable:
            photo = pictures.to_look_at(picture)
            width, height = photo.width, photo.height
            region, attention = preprocessing.region(height, width), None
        else:
            width, height = result.result.width or 1, result.result.height or 1
            analysis = result.analysis
            region, attention, tiles = analysis.region, analysis.attention, analysis.tiles
    except ImageReadError:
        return None
    part = _shown_part(width, height)
    placed = tuple(replace(tile, region=tile.region.within(*part)) for tile in tiles)
    region = region.within(*part)
    return ShownPicture(picture, jpeg, part != (1.0, 1.0), region, width, height, attention, placed)


def prepare(picture: Picture) -> None:
    """Begin to make the photo for the viewer, in a thread: it is there sooner when the page comes to it."""
    threading.Thread(target=_prepare, args=(picture,), daemon=True, name="show").start()


def pixels(picture: Picture) -> np.ndarray:
    """uint8 (H, W, 3): the photo, no larger than it is ever shown. Raises ImageReadError."""
    photo = pictures.to_look_at(picture).pixels
    sides = photo.shape[1], photo.shape[0]
    scale = min(1.0, SHORT_SIDE / min(sides), LONG_SIDE / max(sides))
    if scale == 1:
        return photo
    smaller = [max(1, round(side * scale)) for side in sides]
    return cv2.resize(photo, smaller, interpolation=cv2.INTER_AREA)  # several times as fast as Pillow's


def _prepare(picture: Picture) -> None:
    with suppress(ImageReadError):  # the page says so
        _as_jpeg(picture)


def _as_jpeg(picture: Picture) -> bytes:
    """Made once. Raises ImageReadError."""
    return pictures.encoded(picture, "shown", partial(_jpeg, picture))


def _jpeg(picture: Picture) -> bytes:
    """The photo for the viewer: upright, in sRGB; of a long strip the middle."""
    photo = pixels(picture)
    height, width = photo.shape[:2]
    across, down = _shown_part(width, height)
    left, right = _middle(width, across)
    top, bottom = _middle(height, down)
    return encoding.jpeg(np.ascontiguousarray(photo[top:bottom, left:right]), quality=90)


def _middle(side: int, share: float) -> tuple[int, int]:
    """Where the middle part of a side begins and ends."""
    half = share * side / 2
    return round(side / 2 - half), round(side / 2 + half)


def _shown_part(width: int, height: int) -> tuple[float, float]:
    """Shares of the width and of the height, around the middle, that the viewer shows."""
    across = min(1.0, MAX_ASPECT * height / width)
    down = min(1.0, MAX_ASPECT * width / height)
    return across, down
