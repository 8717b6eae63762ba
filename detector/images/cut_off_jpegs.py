"""JPEGs that end early: refused where part of the picture is missing, read where only the end marker is."""

from __future__ import annotations

import io
import random
import zlib
from dataclasses import replace

from PIL import Image

from detector.image_headers import JpegScans
from detector.images.bands import bands
from detector.images.readable_formats import MAX_SCANS
from detector.images.refusals import BIG_PICTURE, CUT_OFF, ImageReadError

_END_MARKER = b"\xff\xd9"
_ANYTHING = bytes(byte & 0x7F for byte in random.Random(0).randbytes(256))
_MORE_DATA = b"\0" + b"".join(_ANYTHING + bytes([0xFF, restart]) for restart in range(0xD0, 0xD8))
"""Stands in for data that are missing: anything, and every restart marker, one of which may be due. The zero
keeps a fill byte before it from becoming a marker."""


def with_end(data: bytes, scans: JpegScans) -> tuple[bytes, JpegScans]:
    """A JPEG without an end marker, with one: where its last scan ends, without the zeros with which some
    programs fill up what they did not download."""
    if not scans.every_detail:
        raise ImageReadError(CUT_OFF)
    picture = data[: scans.end]
    end = min(len(picture), len(picture.rstrip(b"\0")) + 8)  # a few may belong to the picture
    return picture[:end] + _END_MARKER, replace(scans, end=end)


def load_jpeg(image: Image.Image, data: bytes, short_side: int, scans: JpegScans) -> bool:
    """Decode a JPEG; whether some of its detail was never stored. Raises ImageReadError if it ends early.

    libjpeg fills what is missing with grey, or leaves out detail, and says nothing. But a picture whose data
    end early changes when data are put behind these, and one that is whole does not. So it is decoded twice:
    where the file gives reason to, as one without an end marker does, one in several scans, whose last may be
    cut, and one whose last pixel is grey.
    """
    if scans.arithmetic:  # there the last zeros may be left out
        image.load()
        return not scans.every_detail
    several_scans = scans.count > 1
    longer = data[: scans.end] + _MORE_DATA + _END_MARKER
    with_more = _checksum(longer, short_side) if several_scans else 0
    image.load()
    if several_scans:
        ends_early = with_more != _pixel_checksum(image)
    elif scans.ended and not _ends_grey(image):
        ends_early = False
    else:
        eighth = 1  # the smallest that libjpeg makes
        ends_early = _checksum(longer, eighth) != _checksum(data, eighth)
    if ends_early:
        raise ImageReadError(CUT_OFF)
    return not scans.every_detail


def _ends_grey(image: Image.Image) -> bool:
    """Is the last pixel the grey with which libjpeg fills up?"""
    pixel = image.getpixel((image.width - 1, image.height - 1))
    channels = pixel if isinstance(pixel, tuple) else (pixel,)
    return all(channel in (127, 128) for channel in channels)


def _checksum(data: bytes, short_side: int) -> int:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        image.draft(None, (short_side, short_side))
        return _pixel_checksum(image)


def _pixel_checksum(image: Image.Image) -> int:
    checksum = 0
    for band in bands(image, 1):
        checksum = zlib.crc32(band.tobytes(), checksum)
    return checksum


def jpeg_memory(image: Image.Image, scans: JpegScans | None) -> int:
    """Bytes libjpeg needs to decode.

    A picture stored in several passes (progressive, or one pass per colour) is kept whole as 16-bit
    coefficients, at full size whatever the scale asked for; a one-pass picture needs a few rows.
    """
    layers = image.layers  # type: ignore[attr-defined]
    if scans is None or scans.first_channels == layers and "progressive" not in image.info:
        return 0
    if scans.count > MAX_SCANS:
        raise ImageReadError(BIG_PICTURE)
    return 2 * layers * image.width * image.height
