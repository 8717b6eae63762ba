"""Pictures that were brought in: decoded once for each size that is needed, encoded once for each use.

Whoever needs pixels asks ``decoded``. What it keeps is bounded and shared by all sessions, so a picture that
was not looked at for long is decoded again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING

from PIL import Image

from detector import perturbation_test
from detector.images import Photo, TooMuchDetail, read_image
from detector.perturbations import AS_SENT
from detector.preprocessing import WHOLE_SHORT_SIDE
from ui import encoding
from ui.bounded_cache import BoundedCache

if TYPE_CHECKING:
    from detector.bundle import Bundle


@dataclass(frozen=True)
class Picture:
    """name: as the user knows it. content: the file's bytes. id: SHA-256 of both."""

    id: str
    name: str
    content: bytes

    @classmethod
    def of(cls, name: str, content: bytes) -> Picture:
        named_content = name.encode("utf-8", "replace") + b"\0" + content
        return cls(hashlib.sha256(named_content).hexdigest(), name, content)


class Resolution(IntEnum):
    """What a picture is decoded for, and how many pixels along the short side that takes at least: see
    ``detector.images.read_image``.

    MODEL: what a verdict or a map is made of by a model that looks at the whole alone; see ``for_model``.
    PERTURBED: the copies of the stress strip. SHOWN: on the page. PROJECTED: alone on a projector. FORENSIC:
    its own pixels, unless it has twice as many; what tiles are cut from.
    """

    MODEL = WHOLE_SHORT_SIDE
    PERTURBED = perturbation_test.SHORT_SIDE
    SHOWN = 900
    PROJECTED = 1000
    FORENSIC = AS_SENT


THUMBNAIL_SIDE = 192
"""Pixels, at most, along the long side of a picture in a list: sharp on displays with fine pixels, too."""

_photos: BoundedCache[Photo] = BoundedCache(
    max_entries=32, max_bytes=256 * 2**20, size=lambda photo: photo.pixels.nbytes
)
_encoded: BoundedCache[bytes] = BoundedCache(max_entries=1000, max_bytes=64 * 2**20, size=len)


def decoded(picture: Picture, resolution: Resolution = Resolution.MODEL) -> Photo:
    """The picture's pixels, with at least ``resolution`` of them along the short side if it has as many. They
    are shared, hence read-only. Safe to call from several threads.

    A picture that is not reduced at one resolution is the same at every higher one, and at every lower one of
    which it has not twice the pixels; it is decoded once for all of these. Any other is decoded once for each
    resolution, because the models and the stress strip must see exactly the pixels that the command line
    gives them. Raises ImageReadError.
    """
    for other in Resolution:
        photo = _photos.peek((picture.id, other)) if other != resolution else None
        if photo is not None and _is_whole(photo) and _serves(photo, other, resolution):
            return photo
    return _photos.get((picture.id, resolution), partial(_decode, picture, resolution))


def to_look_at(picture: Picture) -> Photo:
    """The picture as a page shows it; with less detail where all of it would take too much memory. Raises
    ImageReadError."""
    return _decoded_if_not_too_large(picture, Resolution.SHOWN, Resolution.MODEL)


def to_project(picture: Picture) -> Photo:
    """The same for a page that shows nothing else. Raises ImageReadError."""
    return _decoded_if_not_too_large(picture, Resolution.PROJECTED, Resolution.MODEL)


def for_model(picture: Picture, bundle: Bundle) -> Photo:
    """The picture as that model wants it for a verdict or a map, the same pixels as on the command line.
    Raises ImageReadError."""
    return decoded(picture, Resolution(bundle.preprocessing.decoded_short_side))


def for_copies(picture: Picture, bundle: Bundle) -> Photo:
    """The picture as its copies for that model's stress strip are made of it. Raises ImageReadError."""
    wanted, least = perturbation_test.short_side(bundle), bundle.preprocessing.decoded_short_side
    return _decoded_if_not_too_large(picture, Resolution(wanted), Resolution(least))


def encoded(picture: Picture, use: str, encode: Callable[[], bytes]) -> bytes:
    """A copy of the picture as a file, made by ``encode`` the first time. use: what for, one name for each
    way of encoding. Raises what ``encode`` raises."""
    return _encoded.get((picture.id, use), encode)


def thumbnail(picture: Picture) -> bytes:
    """The picture as a small JPEG for a list. Raises ImageReadError."""
    return encoded(picture, "thumbnail", partial(_encode_thumbnail, picture))


def _decoded_if_not_too_large(picture: Picture, wanted: Resolution, least: Resolution) -> Photo:
    try:
        return decoded(picture, wanted)
    except TooMuchDetail:
        return decoded(picture, least)


def _decode(picture: Picture, resolution: Resolution) -> Photo:
    photo = read_image(picture.content, int(resolution), picture.name)
    photo.pixels.flags.writeable = False
    return photo


def _is_whole(photo: Photo) -> bool:
    """Whether it has all the pixels that are in the file."""
    return photo.pixels.shape[:2] == (photo.height, photo.width)


def _serves(photo: Photo, made_for: Resolution, resolution: Resolution) -> bool:
    """Whether a photo that was not reduced for one resolution would not be for another."""
    return made_for < resolution or min(photo.width, photo.height) < 2 * resolution


def _encode_thumbnail(picture: Picture) -> bytes:
    small = Image.fromarray(decoded(picture).pixels)
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return encoding.jpeg(small, quality=80)
