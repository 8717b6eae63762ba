"""From a file to a `Photo`: read, checked by its header, decoded, drawn."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, TiffImagePlugin

from detector.image_headers import JpegScans, is_camera_raw, jpeg_scans, jxl_header, refuse_stuffed, sniff
from detector.images.brightness import levels_of
from detector.images.cut_off_jpegs import jpeg_memory, load_jpeg, with_end
from detector.images.drawing import Drawing
from detector.images.orientation import orientation_of
from detector.images.readable_formats import (
    FORMATS,
    MAX_EXTRA_CHANNELS,
    MAX_FILE_BYTES,
    MAX_HEADER_READS,
    MAX_MEMORY,
    MAX_PIXELS,
    MAX_READS,
    MAX_SIDE,
)
from detector.images.refusals import (
    BIG_FILE,
    BIG_PICTURE,
    DAMAGED,
    EMPTY,
    FOLDER,
    FORBIDDEN,
    MISSING,
    RAW,
    UNREADABLE,
    ImageReadError,
    TooMuchDetail,
    explain,
)
from detector.images.transparency import hides_everything, is_16_bit_rgb_with_clear_colour, with_clear_colour

MODEL_SIDE = 224
"""Pixels along the model's input. A picture with a shorter side is enlarged for it, which the user should
know."""

_ANIMATION = "Animation: only the first frame is analysed."
_PAGES = "Several pages: only the first page is analysed."
_PICTURES = "Several pictures: only the main one is analysed."
_DETAIL_MISSING = "The finest detail is missing from this file: it may be cut off."
_SMALL = "Small picture ({} x {} pixels): it is enlarged for the model, so fine detail is missing."


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded picture.

    Attributes:
        pixels: uint8 (H, W, 3), sRGB, C-contiguous, upright. Reduced by a whole factor when the picture is
        much larger
            than was asked for, so H and W can be smaller than `height` and `width`.
        width, height: of the upright picture in the file, before any reduction.
        format: Pillow's name, decided by content: "JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "MPO",
        "AVIF", "HEIF" or "JXL".
        notes: sentences that the user should see next to the result.
    """

    pixels: np.ndarray
    width: int
    height: int
    format: str
    notes: tuple[str, ...] = ()


def read_image(
    source: bytes | str | os.PathLike, short_side: int = 384, name: str = "", least: int | None = None
) -> Photo:
    """Decode one picture from the bytes of a file, or from the file at a path. Safe to call from several
    threads.

    Args:
        source: the file's bytes, or its path.
        short_side: pixels along the shorter side that the caller needs. A picture at least twice that size
            comes back reduced by a whole factor, never below `short_side`; a smaller one comes back as it is.
            The default is one and a half times what the models work on: a picture of a megapixel decodes at
            half scale, the rest is resampling.
        name: what bytes are called, for the sentence on what is no picture: some raw files and videos are
            told by nothing else.
        least: what is enough instead of `short_side` for a picture of which that would take too much memory.

    Returns:
        The picture upright (EXIF orientation applied), in 8-bit sRGB, transparency laid over white.

    Raises:
        TooMuchDetail: it is too large for `short_side`, and perhaps not for less.
        ImageReadError: there is no such file, it is not an image, it is damaged, cut off or too large.
    """
    if isinstance(source, bytes):
        data, suffix = source, Path(name).suffix.lower()
    else:
        path = Path(source)
        data, suffix = _read_file(path), path.suffix.lower()
    if not data:
        raise ImageReadError(EMPTY)
    if len(data) > MAX_FILE_BYTES:
        raise ImageReadError(BIG_FILE)
    try:
        scans = jpeg_scans(data) if sniff(data) == "JPEG" else None
        if scans and not scans.ended:
            data, scans = with_end(data, scans)
        with open_header(data) as image:
            return _decode(image, data, short_side, scans)
    except TooMuchDetail:
        if least is None:
            raise
        return read_image(data, least, f"picture{suffix}")
    except ImageReadError:
        raise
    except (
        Exception
    ) as error:  # a malformed file makes Pillow raise nearly anything, even SyntaxError and MemoryError
        raise ImageReadError(explain(error, data, suffix)) from error


def open_header(data: bytes) -> Image.Image:
    """Pillow's image of a file, not yet decoded, in bounded time and memory. Raises nearly anything."""
    if is_camera_raw(data):  # a TIFF by its form: Pillow would show the thumbnail
        raise ImageReadError(RAW)
    refuse_stuffed(data)
    if sniff(data) == "JXL":
        _refuse_large_jxl(data)  # Pillow's plugin decodes when it opens
    file = _CountedReads(data)
    image = Image.open(file, formats=FORMATS)
    file.limit = MAX_READS
    return image


class _CountedReads(io.BytesIO):
    """A file in memory that does not let itself be read in endless tiny pieces."""

    def __init__(self, data: bytes):
        super().__init__(data)
        self.reads, self.limit = 0, min(MAX_HEADER_READS, MAX_READS)

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        if self.reads > self.limit:
            raise ImageReadError(DAMAGED)
        return super().read(size)


def _refuse_large_jxl(data: bytes) -> None:
    header = jxl_header(data)
    pixels = header.width * header.height
    too_large = pixels > MAX_PIXELS or max(header.width, header.height) > MAX_SIDE
    bytes_a_pixel = (
        24 + 4 * header.extra_channels
    )  # floats of each channel, twice; the frame and Pillow's own
    if too_large or header.extra_channels > MAX_EXTRA_CHANNELS:
        raise ImageReadError(BIG_PICTURE)
    if bytes_a_pixel * pixels + 2 * len(data) > MAX_MEMORY:
        raise ImageReadError(BIG_PICTURE)


def _read_file(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ImageReadError(FOLDER)
        if not path.is_file():  # devices and pipes too: they may never end
            raise ImageReadError(MISSING)
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
                raise ImageReadError(BIG_FILE)
            return file.read()
    except FileNotFoundError as error:
        raise ImageReadError(MISSING) from error
    except PermissionError as error:
        raise ImageReadError(FORBIDDEN) from error
    except OSError as error:
        raise ImageReadError(UNREADABLE) from error


def _decode(image: Image.Image, data: bytes, short_side: int, scans: JpegScans | None) -> Photo:
    """Check an opened but not yet decoded image, decode it and bring its pixels into shape."""
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise ImageReadError(BIG_PICTURE)
    decoder_bytes = _decoder_memory(image, data, scans)  # of the full size: draft() changes it
    draft_size = _drafted(image, short_side)
    factor = max(1, min(draft_size) // short_side)
    decoded = draft_size[0] * draft_size[1]
    # Pillow keeps 4 bytes a pixel, the result has 3; the decoder may copy the file once more.
    if decoder_bytes + decoded * 4 + decoded * 3 // factor**2 + 2 * len(data) > MAX_MEMORY:
        raise TooMuchDetail(BIG_PICTURE)

    several = getattr(image, "is_animated", False) and image.format != "MPO"
    detail_missing = scans is not None and load_jpeg(image, data, short_side, scans)
    orientation = orientation_of(image)
    image.load()
    if image.format == "HEIF":  # libheif turns it upright, and may know its size only now
        width, height = image.size
    unhide = hides_everything(image)
    image = with_clear_colour(image, data)
    levels, brightness_notes = levels_of(image)
    drawing = Drawing(image, factor, orientation, levels, unhide)

    if orientation >= 5:
        width, height = height, width
    several_what = {"TIFF": _PAGES, "HEIF": _PICTURES}.get(image.format or "", _ANIMATION)
    notes = [
        *([several_what] if several else []),
        *([_DETAIL_MISSING] if detail_missing else []),
        *brightness_notes,
        *drawing.notes,
        *([_SMALL.format(width, height)] if min(width, height) < MODEL_SIDE else []),
    ]
    return Photo(drawing.pixels, width, height, image.format or "", tuple(notes))


def _drafted(image: Image.Image, short_side: int) -> tuple[int, int]:
    """Ask for a JPEG at 1/2, 1/4 or 1/8, with both sides >= ``short_side``; the size that comes of it.

    Only JPEG: for a HEIC photo, draft() would put a thumbnail in the picture's place.
    """
    if image.format in ("JPEG", "MPO"):
        image.draft(None, (short_side, short_side))
    return image.size


def _decoder_memory(image: Image.Image, data: bytes, scans: JpegScans | None) -> int:
    """Bytes that the decoder itself takes for a picture of this size, besides the decoded picture.

    The figures per pixel were measured on large pictures; `tests/images/test_images.py` holds the sum
    under its limit. Two kinds of file can exceed their figure: an AVIF forged so that its container, all
    that Pillow shows, states a smaller size than its payload has: dav1d stops only at 16384 x 16384; and
    a JPEG XL whose frames are larger than the picture.
    """
    pixels = image.width * image.height
    match image.format:
        case "JPEG" | "MPO":
            return jpeg_memory(image, scans)
        case "PNG" if is_16_bit_rgb_with_clear_colour(image, data):
            return 16 * pixels  # the low bytes as a second picture, and both as arrays
        case "WEBP":
            return 12 * pixels  # two RGBA canvases and the frame as bytes
        case "AVIF":
            return 14 * pixels  # planes of up to 10 bits, RGBA, and the frame as bytes
        case "HEIF":
            return 14 * pixels
        case "TIFF" if image.info.get("compression") != "raw":
            # One strip may hold the whole picture, four channels of 16 bits; a tile may be larger than the
            # picture.
            tags = image.tag_v2  # type: ignore[attr-defined]
            tile = int(tags.get(TiffImagePlugin.TILEWIDTH, 0)) * int(tags.get(TiffImagePlugin.TILELENGTH, 0))
            return 8 * max(pixels, tile)
        case _:
            return 0
