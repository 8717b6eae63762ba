"""Untrusted bytes, or a path, to upright RGB pixels: `read_image`.

Every file comes from a stranger. What it is gets decided by its content and never by its name; its size is checked in
its header, before anything is decoded; and whatever goes wrong becomes one plain sentence in an `ImageReadError`.

A picture passes through here in five steps: the file is read, its header is checked, Pillow decodes it (JPEGs straight
at a reduced scale), and then, band of rows by band of rows, so that no second full-size copy ever exists, it is made
8-bit, laid over white, shrunk, converted to sRGB and written upright into one array.
"""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

# The three plugins are here because Pillow would otherwise import all fifty of its own to find them.
from PIL import AvifImagePlugin, Image, ImageCms, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin  # noqa: F401

__all__ = ["IMAGE_SUFFIXES", "ImageReadError", "Photo", "read_image"]

_AVIF = ("AVIF",) if AvifImagePlugin.SUPPORTED else ()  # a Pillow may have been built without it

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", *_AVIF)
"""Pillow formats that are ever tried. MPO, a JPEG with more pictures behind the first, comes with JPEG."""

IMAGE_SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp", ".tif", ".tiff"]
    + [f".{name.lower()}" for name in _AVIF]
)
"""Lower-case suffixes worth trying when a folder is scanned. They choose candidates; content decides what a file is."""

MAX_FILE_BYTES = 64 * 2**20
"""Room for the largest JPEG a phone makes and for 8192 x 8192 as PNG; a file is held in memory while it is decoded."""

MAX_PIXELS = 89_000_000
"""Bounds the time one file can take. Just under the size at which Pillow itself warns of a decompression bomb."""

MAX_SIDE = 65_535
"""JPEG's and GIF's own limit. It keeps a single row, the least that is ever converted at once, small."""

MAX_MEMORY = 400_000_000
"""Bytes that decoding one file may take at its peak, by the estimate in `_decode`."""

MAX_SCANS = 100
"""Passes in a progressive JPEG; real ones have about ten. Each walks the whole picture, even if it has twenty bytes."""

MAX_READS = 1_000_000
"""Times Pillow may ask for the next piece of a file: pictures stay far below, sixty megabytes of empty chunks do not."""

MAX_METADATA = 2**20
"""Bytes of EXIF, or values in one TIFF tag, that are looked at. Pillow makes objects of them, many times their size."""

MODEL_SIDE = 224
"""Pixels along the model's input. A picture with a shorter side is enlarged for it, which the user should know."""

MAX_PROFILE_BYTES = 4 * 2**20
"""Larger colour profiles are ignored: those of printing presses reach 3 MB, and `_srgb_transform` keeps a few."""

_BAND_PIXELS = 2_000_000  # converted at once: large enough that numpy and Pillow, not Python, do the work

_EMPTY = "This file is empty."
_FOLDER = "This is a folder, not an image file."
_MISSING = "There is no file at this path."
_FORBIDDEN = "This file may not be opened: its permissions do not allow it."
_UNREADABLE = "This file could not be read from the disk: check that the disk is connected and try again."
_BIG_FILE = f"This file is larger than {MAX_FILE_BYTES // 2**20} MB: save a smaller copy and try that."
_BIG_PICTURE = "This picture is too large to open safely: save a copy with fewer pixels and try that."
_CUT_OFF = "The file is cut off and part of the picture is missing: download or copy it again."
_DAMAGED = (
    "This image file is damaged, incomplete or of a rare kind, and cannot be read: "
    "save it again as a JPEG or PNG and try that."
)
_HEIC = "This is a HEIC photo, which cannot be read here: save it as a JPEG or PNG and try that."
_NOT_AN_IMAGE = f"This is not an image that can be read{{}}: use a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file."

_ANIMATION = "Animation: only the first frame is analysed."
_PAGES = "Several pages: only the first page is analysed."
_STRETCHED = "Brightness has no fixed scale in this file: it is stretched from the darkest to the brightest value."
_SMALL = "Small picture ({} x {} pixels): it is enlarged for the model, so fine detail is missing."


class ImageReadError(ValueError):
    """A file cannot be used as a picture. `str(error)` is one plain sentence for the user, free of the file's name."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded picture.

    Attributes:
        pixels: uint8 (H, W, 3), sRGB, C-contiguous, upright. Reduced by a whole factor when the picture is much larger
            than was asked for, so H and W can be smaller than `height` and `width`.
        width, height: of the upright picture in the file, before any reduction.
        format: Pillow's name, decided by content: "JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "MPO" or "AVIF".
        notes: sentences that the user should see next to the result.
    """

    pixels: np.ndarray
    width: int
    height: int
    format: str
    notes: tuple[str, ...] = ()


def read_image(source: bytes | str | os.PathLike, short_side: int = 384) -> Photo:
    """Decode one picture from the bytes of a file, or from the file at a path. Safe to call from several threads.

    Args:
        source: the file's bytes, or its path.
        short_side: pixels along the shorter side that the caller needs. A picture at least twice that size comes back
            reduced by a whole factor, never below `short_side`; a smaller one comes back as it is. The default is one and
            a half times what the models work on: a picture of a megapixel decodes at half scale, the rest is resampling.

    Returns:
        The picture upright (EXIF orientation applied), in 8-bit sRGB, transparency laid over white.

    Raises:
        ImageReadError: there is no such file, it is not an image, it is damaged, cut off or too large.
    """
    if isinstance(source, bytes):
        data, suffix = source, ""
    else:
        path = Path(source)
        data, suffix = _read_file(path), path.suffix.lower()
    if not data:
        raise ImageReadError(_EMPTY)
    if len(data) > MAX_FILE_BYTES:
        raise ImageReadError(_BIG_FILE)
    try:
        _refuse_stuffed_tiff(data)
        with Image.open(_CountedReads(data), formats=FORMATS) as image:
            return _decode(image, data, short_side)
    except ImageReadError:
        raise
    except Exception as error:  # a malformed file makes Pillow raise nearly anything, even SyntaxError and MemoryError
        raise ImageReadError(_explain(error, data, suffix)) from error


class _CountedReads(io.BytesIO):
    """A file in memory that does not let itself be read in endless tiny pieces."""

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        if self.reads > MAX_READS:
            raise ImageReadError(_DAMAGED)
        return super().read(size)


def _refuse_stuffed_tiff(data: bytes) -> None:
    """Raise ImageReadError for a TIFF whose directory lists millions of values: Pillow would make an object of each."""
    if data.startswith((b"II+\0", b"MM\0+")):  # BigTIFF, made for files beyond 4 GB
        raise ImageReadError(_DAMAGED)
    if not data.startswith((b"II", b"MM")):
        return
    order = "little" if data.startswith(b"II") else "big"
    start = int.from_bytes(data[4:8], order)
    for entry in range(start + 2, start + 2 + 12 * int.from_bytes(data[start : start + 2], order), 12):
        kind, count = (int.from_bytes(data[entry + a : entry + b], order) for a, b in ((2, 4), (4, 8)))
        if kind not in (1, 2, 7) and count > MAX_METADATA:  # bytes, text and blobs stay as they are
            raise ImageReadError(_DAMAGED)


def _read_file(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ImageReadError(_FOLDER)
        if not path.is_file():  # devices and pipes too: they may never end
            raise ImageReadError(_MISSING)
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
                raise ImageReadError(_BIG_FILE)
            return file.read()
    except FileNotFoundError as error:
        raise ImageReadError(_MISSING) from error
    except PermissionError as error:
        raise ImageReadError(_FORBIDDEN) from error
    except OSError as error:
        raise ImageReadError(_UNREADABLE) from error


def _explain(error: Exception, data: bytes, suffix: str) -> str:
    """The sentence for an exception that came out of Pillow."""
    if isinstance(error, (MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return _BIG_PICTURE
    webp = data.startswith(b"RIFF") and data[8:12] == b"WEBP"
    brands = data[8:40] if data[4:8] == b"ftyp" else b""
    if "truncat" in str(error).lower() or webp and len(data) < 8 + int.from_bytes(data[4:8], "little"):
        return _CUT_OFF
    if b"hei" in brands:  # heic, heix, heim
        return _HEIC
    known = data.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*")) or webp or b"avif" in brands
    if known or not isinstance(error, UnidentifiedImageError):
        return _DAMAGED
    # The suffix is quoted only if it is one of ours: nothing a stranger wrote reaches the page.
    return _NOT_AN_IMAGE.format(f" (the name says {suffix}, the content does not)" if suffix in IMAGE_SUFFIXES else "")


def _decode(image: Image.Image, data: bytes, short_side: int) -> Photo:
    """Check an opened but not yet decoded image, decode it and bring its pixels into shape."""
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise ImageReadError(_BIG_PICTURE)
    decoder_bytes = _decoder_memory(image, data)  # of the full size: asked for before draft() changes it
    image.draft(None, (short_side, short_side))  # JPEG only: 1/2, 1/4 or 1/8, with both sides >= short_side
    factor = max(1, min(image.size) // short_side)
    decoded = image.width * image.height
    # Pillow keeps 4 bytes a pixel, the result has 3; the decoder may copy the file once more.
    if decoder_bytes + decoded * 4 + decoded * 3 // factor**2 + 2 * len(data) > MAX_MEMORY:
        raise ImageReadError(_BIG_PICTURE)

    several = getattr(image, "is_animated", False) and image.format != "MPO"
    image.load()
    orientation = _orientation(image)
    black, white, stretched = _brightness_range(image)
    pixels = _upright_rgb(image, factor, orientation, black, white)

    if orientation >= 5:
        width, height = height, width
    notes = (
        (several, _PAGES if image.format == "TIFF" else _ANIMATION),
        (stretched, _STRETCHED),
        (min(width, height) < MODEL_SIDE, _SMALL.format(width, height)),
    )
    return Photo(pixels, width, height, image.format, tuple(note for applies, note in notes if applies))


def _decoder_memory(image: Image.Image, data: bytes) -> int:
    """Bytes that the decoder itself takes for a picture of this size, besides the decoded picture.

    The figures per pixel were measured on large pictures; `tests/test_images.py` holds the sum under its limit.
    One file can exceed its figure: an AVIF forged so that its container, all that Pillow shows, states a smaller size
    than its payload has: dav1d stops only at 16384 x 16384.
    """
    pixels = image.width * image.height
    match image.format:
        case "JPEG" | "MPO":
            return _jpeg_memory(image, data)
        case "WEBP":
            return 12 * pixels  # two RGBA canvases and the frame as bytes
        case "AVIF":
            return 14 * pixels  # planes of up to 10 bits, RGBA, and the frame as bytes
        case "TIFF" if image.info.get("compression") != "raw":
            # One strip may hold the whole picture, four channels of 16 bits; a tile may be larger than the picture.
            tags = image.tag_v2
            tile = int(tags.get(TiffImagePlugin.TILEWIDTH, 0)) * int(tags.get(TiffImagePlugin.TILELENGTH, 0))
            return 8 * max(pixels, tile)
        case _:
            return 0


def _jpeg_memory(image: Image.Image, data: bytes) -> int:
    """Bytes libjpeg needs to decode, and a refusal of what it would quietly fill up with grey.

    A picture stored in several passes (progressive, or one pass per colour) is kept whole as 16-bit coefficients, at
    full size whatever the scale asked for; a one-pass picture needs a few rows.
    """
    start, channels = _first_scan(data)
    if data.rfind(b"\xff\xd9") < start:  # the end marker is missing: a download that stopped, or was padded with zeros
        raise ImageReadError(_CUT_OFF)
    if channels == image.layers and "progressive" not in image.info:
        return 0
    if data.count(b"\xff\xda", start) > MAX_SCANS:
        raise ImageReadError(_BIG_PICTURE)
    return 2 * image.layers * image.width * image.height


def _first_scan(data: bytes) -> tuple[int, int]:
    """Where a JPEG's first scan begins and how many colour channels it has. ValueError or IndexError if it has none."""
    at = 2
    while True:
        at = data.index(b"\xff", at)
        marker = data[at + 1]
        if marker == 0xDA:
            return at, data[at + 4]
        lone = marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD9  # fill bytes and markers without a body
        at += 1 if lone else 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1-8 of a decoded image; 1 where the tag is absent, nonsense or already applied."""
    if image.format == "TIFF":  # Pillow turns these upright by itself and counts their width and height that way
        return 1
    if len(image.info.get("exif", b"")) > MAX_METADATA:
        return 1
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # a broken EXIF block does not make the picture unreadable
        return 1
    return int(value) if value in range(1, 9) else 1


def _brightness_range(image: Image.Image) -> tuple[float, float, bool]:
    """(value shown black, value shown white, whether that had to be guessed from the picture's own extremes).

    Matters only for modes deeper than 8 bits. 16-bit files have a fixed scale. For 32-bit integers and floats the file
    does not say; 0-1, 0-255 and 0-65535 are what programs write, and anything else is stretched.
    """
    if image.mode.startswith("I;16"):
        twelve_bits = image.format == "TIFF" and image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE) == (12,)
        return 0.0, 4095.0 if twelve_bits else 65535.0, False
    if image.mode not in ("I", "F"):
        return 0.0, 255.0, False
    low, high = image.getextrema()
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 1.0, False
    for scale in (1.0, 255.0, 65535.0):
        if low >= 0 and high <= scale:
            return 0.0, scale, False
    return low, max(high, low + 1e-6), True


def _upright_rgb(image: Image.Image, factor: int, orientation: int, black: float, white: float) -> np.ndarray:
    """Decoded image of any mode -> uint8 (H, W, 3) sRGB, reduced by `factor` and turned upright, a band at a time."""
    width, height = -(-image.width // factor), -(-image.height // factor)
    pixels = np.empty((width, height, 3) if orientation >= 5 else (height, width, 3), np.uint8)
    as_stored = _as_stored(pixels, orientation)
    icc = image.info.get("icc_profile") or b""
    rows = max(1, _BAND_PIXELS // (image.width * factor)) * factor
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        band = image if rows >= image.height else image.crop((0, top, image.width, bottom))
        band = _flatten(band, black, white)
        if factor > 1:
            band = band.reduce(factor)
        as_stored[top // factor : -(-bottom // factor)] = _to_srgb(band, icc)
    return pixels


def _as_stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """View of an upright array in the file's order of rows and columns: writing through it turns a picture upright."""
    view = upright.swapaxes(0, 1) if orientation >= 5 else upright
    if orientation in (3, 4, 6, 7):
        view = view[::-1]
    if orientation in (2, 3, 7, 8):
        view = view[:, ::-1]
    return view


def _flatten(band: Image.Image, black: float, white: float) -> Image.Image:
    """Any mode -> 8-bit L, RGB, CMYK or LAB without transparency."""
    if band.mode in ("I", "F") or band.mode.startswith("I;16"):
        values = (np.asarray(band).astype(np.float32) - black) * (255 / (white - black))
        return Image.fromarray((np.clip(np.nan_to_num(values), 0, 255) + 0.5).astype(np.uint8))
    if band.mode == "La":  # premultiplied grey: Pillow converts it only to LA
        band = band.convert("LA")
    if band.has_transparency_data:
        rgba = band.convert("RGBA")
        paper = Image.new("RGB", band.size, "white")
        paper.paste(rgba, mask=rgba)
        return paper
    if band.mode in ("L", "RGB", "CMYK", "LAB"):
        return band
    return band.convert("L" if band.mode == "1" else "RGB")


def _to_srgb(band: Image.Image, icc: bytes) -> Image.Image:
    """8-bit L, RGB, CMYK or LAB -> RGB in sRGB, by the file's colour profile if it has a usable one."""
    if band.mode == "LAB" or len(icc) > MAX_PROFILE_BYTES:  # Lab names absolute colours and needs no profile
        icc = b""
    transform = _srgb_transform(icc, band.mode) if icc or band.mode == "LAB" else None
    if transform is not None:
        return transform.apply(band)
    return band if band.mode == "RGB" else band.convert("RGB")


@lru_cache(maxsize=16)  # cameras and programs use few profiles, and a folder is usually of one kind
def _srgb_transform(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Colour conversion from a profile (b"" for CIE Lab) to sRGB; None if the profile is broken or is sRGB itself."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc)) if icc else ImageCms.createProfile("LAB")
        intent = ImageCms.Intent.PERCEPTUAL
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB", intent)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    if mode == "RGB":  # sRGB comes under many names: look at what the conversion does instead
        levels = np.linspace(0, 255, 6).astype(np.uint8)
        swatches = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
        change = np.asarray(transform.apply(Image.fromarray(swatches))).astype(int) - swatches
        if np.abs(change).max() <= 2:
            return None
    return transform
