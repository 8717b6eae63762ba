"""Untrusted bytes, or a path, to upright RGB pixels: `read_image`.

Every file comes from a stranger. What it is gets decided by its content and never by its name; its size is
checked in its header, before anything is decoded; and whatever goes wrong becomes one plain sentence in an
`ImageReadError`.

A picture passes through here in five steps: the file is read, its header is checked, Pillow decodes it (JPEGs
straight at a reduced scale), and then, band of rows by band of rows, so that no second full-size copy ever
exists, it is made 8-bit, laid over white, shrunk, converted to sRGB and written upright into one array.

Where viewers differ, browsers decide. *The right way up* comes from EXIF alone, for HEIC and AVIF from the
container's own rotation, never from XMP. *Transparency* lies on white, by alpha, palette or a transparent
colour of any depth; only an alpha channel that hides every pixel is taken for the mistake of a program, and
its colours are shown. *Brightness* beyond 8 bits is told in `_Levels`.
"""

from __future__ import annotations

import io
import os
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

# The three plugins are here because Pillow would otherwise import all fifty of its own to find them.
from PIL import AvifImagePlugin, Image, ImageCms, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin  # noqa: F401

from detector.image_headers import (
    JpegScans,
    StuffedFileError,
    is_camera_raw,
    jpeg_scans,
    jxl_header,
    refuse_stuffed,
    sniff,
)

__all__ = ["IMAGE_SUFFIXES", "ImageReadError", "Photo", "open_header", "read_image"]


def _heif() -> tuple[str, ...]:
    """Let Pillow read HEIC photos, if pillow-heif can be loaded: only the picture, nothing beside it."""
    try:
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    except Exception:  # not installed, or without its native part
        return ()
    return ("HEIF",)


def _jxl() -> tuple[str, ...]:
    """Let Pillow read JPEG XL, if pillow-jxl-plugin can be loaded."""
    try:
        import pillow_jxl  # noqa: F401
    except Exception:
        return ()
    return ("JXL",)


_AVIF = ("AVIF",) if AvifImagePlugin.SUPPORTED else ()  # a Pillow may have been built without it
_HEIF, _JXL = _heif(), _jxl()

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", *_AVIF, *_HEIF, *_JXL)
"""Pillow formats that are ever tried. MPO, a JPEG with more pictures behind the first, comes with JPEG."""

IMAGE_SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp", ".tif", ".tiff"]
    + [f".{name.lower()}" for name in (*_AVIF, *_JXL)]
    + ([".heic", ".heif"] if _HEIF else [])
)
"""Lower-case suffixes worth trying when a folder is scanned. They choose candidates; content decides what
a file is."""

PLUGIN_SUFFIXES = frozenset({".heic", ".heif", ".avif", ".jxl"})
"""Those of pictures that take more than Pillow alone, so that not every machine can read them."""

MAX_FILE_BYTES = 64 * 2**20
"""Room for the largest JPEG a phone makes and for 8192 x 8192 as PNG; a file is held in memory while it is
decoded."""

MAX_PIXELS = 89_000_000
"""Bounds the time one file can take. Just under the size at which Pillow itself warns of a decompression
bomb."""

MAX_SIDE = 65_535
"""JPEG's and GIF's own limit. It keeps a single row, the least that is ever converted at once, small."""

MAX_MEMORY = 400_000_000
"""Bytes that decoding one file may take at its peak, by the estimate in `_decode`."""

MAX_SCANS = 100
"""Passes in a progressive JPEG; real ones have about ten. Each walks the whole picture, even if it has
twenty bytes."""

MAX_READS = 1_000_000
"""Times Pillow may ask for the next piece of a file: pictures stay far below, sixty megabytes of empty
chunks do not."""

MAX_HEADER_READS = 50_000
"""Of these, before the picture itself: real files need some hundred."""

MAX_METADATA = 2**20
"""Bytes of EXIF that are looked at. Pillow makes objects of them, many times their size."""

MAX_EXTRA_CHANNELS = 4
"""Channels of a JPEG XL picture besides its colours; it may claim thousands."""

BARELY_VISIBLE = 0.02
"""Share of pixels that are at least half opaque, below which a picture is called transparent."""

MODEL_SIDE = 224
"""Pixels along the model's input. A picture with a shorter side is enlarged for it, which the user should
know."""

MAX_PROFILE_BYTES = 4 * 2**20
"""Larger colour profiles are ignored: those of printing presses reach 3 MB, and `_srgb_transform` keeps a
few."""

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
_HEIC = (
    "This HEIC photo is damaged, incomplete or of a rare kind, and cannot be read: "
    "save it as a JPEG or PNG and try that."
    if _HEIF
    else "This is a HEIC photo, which cannot be read here: save it as a JPEG or PNG and try that."
)
_NOT_AN_IMAGE = (
    f"This is not an image that can be read{{}}: use a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file."
)
_JPEG_XL = "This is a JPEG XL picture, which cannot be read here: save it as a JPEG or PNG and try that."
_PDF = (
    "This is a PDF document and not an image that can be read: "
    "save the page or the picture in it as a JPEG or PNG and try that."
)
_SVG = (
    "This is an SVG drawing, made of lines and not of pixels: export it as a PNG and try that, if you must; "
    "the models know photos."
)
_RAW = (
    "This is the raw data of a camera's sensor, not yet a picture: "
    "develop it with the camera's program, save it as a JPEG or TIFF and try that."
)
_VIDEO = "This is a video: save one frame of it as a JPEG or PNG and try that."
_NO_VALUES = "This picture holds no brightness: every pixel is infinite or not a number."

# fmt: off
_RAW_SUFFIXES = frozenset(
    [
        ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf",
        ".fff", ".iiq", ".k25", ".kdc", ".mef", ".mos", ".mrw", ".nef",
        ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2",
        ".srf", ".srw", ".x3f",
    ]
)
# fmt: on
# fmt: off
_VIDEO_SUFFIXES = frozenset(
    [
        ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4",
        ".mpeg", ".mpg", ".mts", ".ogv", ".webm", ".wmv",
    ]
)
# fmt: on

_ANIMATION = "Animation: only the first frame is analysed."
_PAGES = "Several pages: only the first page is analysed."
_PICTURES = "Several pictures: only the main one is analysed."
_STRETCHED = (
    "Brightness has no fixed scale in this file: it is stretched from the darkest to the brightest value."
)
_OUTLIERS = (
    "Brightness has no fixed scale in this file: it is stretched over the values of nearly all pixels, and a"
    " few that lie far from these are cut off."
)
_CLIPPED = "Brightness goes beyond its usual scale in this file: what lies beyond is cut off."
_NOT_FINITE = "Some pixels have no value (infinite or not a number): they are shown black or white."
_TRANSPARENT = "Nearly all of this picture is transparent: as in other programs, it lies on white."
_ALL_TRANSPARENT = "All of this picture is transparent: as in other programs, it lies on white."
_UNHIDDEN = (
    "All of this picture is marked as transparent, which is usually a mistake: its hidden colours are shown."
)
_DETAIL_MISSING = "The finest detail is missing from this file: it may be cut off."
_SMALL = "Small picture ({} x {} pixels): it is enlarged for the model, so fine detail is missing."


class ImageReadError(ValueError):
    """A file cannot be used as a picture. `str(error)` is one plain sentence for the user, free of the
    file's name."""


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


def read_image(source: bytes | str | os.PathLike, short_side: int = 384, name: str = "") -> Photo:
    """Decode one picture from the bytes of a file, or from the file at a path. Safe to call from several
    threads.

    Args:
        source: the file's bytes, or its path.
        short_side: pixels along the shorter side that the caller needs. A picture at least twice that size
        comes back
            reduced by a whole factor, never below `short_side`; a smaller one comes back as it is. The
            default is one and
            a half times what the models work on: a picture of a megapixel decodes at half scale, the rest
            is resampling.
        name: what bytes are called, for the sentence on what is no picture: some raw files and videos are
            told by nothing else.

    Returns:
        The picture upright (EXIF orientation applied), in 8-bit sRGB, transparency laid over white.

    Raises:
        ImageReadError: there is no such file, it is not an image, it is damaged, cut off or too large.
    """
    if isinstance(source, bytes):
        data, suffix = source, Path(name).suffix.lower()
    else:
        path = Path(source)
        data, suffix = _read_file(path), path.suffix.lower()
    if not data:
        raise ImageReadError(_EMPTY)
    if len(data) > MAX_FILE_BYTES:
        raise ImageReadError(_BIG_FILE)
    try:
        scans = jpeg_scans(data) if sniff(data) == "JPEG" else None
        if scans and not scans.ended:
            data, scans = _with_end(data, scans)
        with open_header(data) as image:
            return _decode(image, data, short_side, scans)
    except ImageReadError:
        raise
    except (
        Exception
    ) as error:  # a malformed file makes Pillow raise nearly anything, even SyntaxError and MemoryError
        raise ImageReadError(_explain(error, data, suffix)) from error


def open_header(data: bytes) -> Image.Image:
    """Pillow's image of a file, not yet decoded, in bounded time and memory. Raises nearly anything."""
    if is_camera_raw(data):  # a TIFF by its form: Pillow would show the thumbnail
        raise ImageReadError(_RAW)
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
            raise ImageReadError(_DAMAGED)
        return super().read(size)


def _refuse_large_jxl(data: bytes) -> None:
    header = jxl_header(data)
    pixels = header.width * header.height
    too_large = pixels > MAX_PIXELS or max(header.width, header.height) > MAX_SIDE
    bytes_a_pixel = (
        24 + 4 * header.extra_channels
    )  # floats of each channel, twice; the frame and Pillow's own
    if too_large or header.extra_channels > MAX_EXTRA_CHANNELS:
        raise ImageReadError(_BIG_PICTURE)
    if bytes_a_pixel * pixels + 2 * len(data) > MAX_MEMORY:
        raise ImageReadError(_BIG_PICTURE)


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
    if isinstance(error, StuffedFileError):
        return _DAMAGED
    kind = sniff(data)
    if "security limit" in str(error).lower():  # libheif: the picture is larger than its container says
        return _BIG_PICTURE
    if kind == "HEIF":
        return _HEIC
    if kind == "JXL" and not _JXL:
        return _JPEG_XL
    webp_is_short = kind == "WEBP" and len(data) < 8 + int.from_bytes(data[4:8], "little")
    if "truncat" in str(error).lower() or webp_is_short:
        return _CUT_OFF
    if kind and kind != "BMP" or not isinstance(error, UnidentifiedImageError):
        return _DAMAGED
    if sentence := _something_else(data, suffix):
        return sentence
    # The suffix is quoted only if it is one of ours: nothing a stranger wrote reaches the page.
    return _NOT_AN_IMAGE.format(
        f" (the name says {suffix}, the content does not)" if suffix in IMAGE_SUFFIXES else ""
    )


def _something_else(data: bytes, suffix: str) -> str | None:
    """The sentence for what people take for a picture and is none; None if it is not known here either."""
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"%PDF-" in data[:1024]:
        return _PDF
    if start.startswith(b"<svg") or start.startswith((b"<?xml", b"<!")) and b"<svg" in data[:4096]:
        return _SVG
    if data.startswith(b"\x1f\x8b") and suffix == ".svgz":
        return _SVG
    if _is_video(data):
        return _VIDEO
    if suffix in _RAW_SUFFIXES:
        return _RAW
    return _VIDEO if suffix in _VIDEO_SUFFIXES else None


def _is_video(data: bytes) -> bool:
    if data[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free"):  # of pictures only AVIF and HEIC
        return True
    if data.startswith(b"RIFF") and data[8:12] == b"AVI ":
        return True
    return data.startswith((b"\x1a\x45\xdf\xa3", b"FLV\x01", b"OggS", b"\0\0\x01\xba", b"\0\0\x01\xb3"))


def _decode(image: Image.Image, data: bytes, short_side: int, scans: JpegScans | None) -> Photo:
    """Check an opened but not yet decoded image, decode it and bring its pixels into shape."""
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise ImageReadError(_BIG_PICTURE)
    decoder_bytes = _decoder_memory(image, data, scans)  # of the full size: draft() changes it
    draft_size = _drafted(image, short_side)
    factor = max(1, min(draft_size) // short_side)
    decoded = draft_size[0] * draft_size[1]
    # Pillow keeps 4 bytes a pixel, the result has 3; the decoder may copy the file once more.
    if decoder_bytes + decoded * 4 + decoded * 3 // factor**2 + 2 * len(data) > MAX_MEMORY:
        raise ImageReadError(_BIG_PICTURE)

    several = getattr(image, "is_animated", False) and image.format != "MPO"
    detail_missing = scans is not None and _load_jpeg(image, data, short_side, scans)
    orientation = _orientation(image)
    image.load()
    if image.format == "HEIF":  # libheif turns it upright, and may know its size only now
        width, height = image.size
    unhide = _hides_everything(image)
    image = _with_clear_colour(image, data)
    levels, brightness_notes = _levels(image)
    drawing = _Drawing(image, factor, orientation, levels, unhide)

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

    The figures per pixel were measured on large pictures; `tests/test_images.py` holds the sum under its
    limit. Two kinds of file can exceed their figure: an AVIF forged so that its container, all that Pillow
    shows, states a smaller size than its payload has: dav1d stops only at 16384 x 16384; and a JPEG XL whose
    frames are larger than the picture.
    """
    pixels = image.width * image.height
    match image.format:
        case "JPEG" | "MPO":
            return _jpeg_memory(image, scans)
        case "PNG" if _is_16_bit_rgb_with_clear_colour(image, data):
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


# -- JPEGs that end early

_END_MARKER = b"\xff\xd9"
_ANYTHING = bytes(byte & 0x7F for byte in random.Random(0).randbytes(256))
_MORE_DATA = b"\0" + b"".join(_ANYTHING + bytes([0xFF, restart]) for restart in range(0xD0, 0xD8))
"""Stands in for data that are missing: anything, and every restart marker, one of which may be due. The zero
keeps a fill byte before it from becoming a marker."""


def _with_end(data: bytes, scans: JpegScans) -> tuple[bytes, JpegScans]:
    """A JPEG without an end marker, with one: where its last scan ends, without the zeros with which some
    programs fill up what they did not download."""
    if not scans.every_detail:
        raise ImageReadError(_CUT_OFF)
    picture = data[: scans.end]
    end = min(len(picture), len(picture.rstrip(b"\0")) + 8)  # a few may belong to the picture
    return picture[:end] + _END_MARKER, replace(scans, end=end)


def _load_jpeg(image: Image.Image, data: bytes, short_side: int, scans: JpegScans) -> bool:
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
        raise ImageReadError(_CUT_OFF)
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
    for band in _bands(image, 1):
        checksum = zlib.crc32(band.tobytes(), checksum)
    return checksum


def _bands(image: Image.Image, factor: int) -> Iterator[Image.Image]:
    """The picture in bands of a number of rows that ``factor`` divides, from top to bottom."""
    rows = max(1, _BAND_PIXELS // (image.width * factor)) * factor
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        yield image if rows >= image.height else image.crop((0, top, image.width, bottom))


def _jpeg_memory(image: Image.Image, scans: JpegScans | None) -> int:
    """Bytes libjpeg needs to decode.

    A picture stored in several passes (progressive, or one pass per colour) is kept whole as 16-bit
    coefficients, at full size whatever the scale asked for; a one-pass picture needs a few rows.
    """
    layers = image.layers  # type: ignore[attr-defined]
    if scans is None or scans.first_channels == layers and "progressive" not in image.info:
        return 0
    if scans.count > MAX_SCANS:
        raise ImageReadError(_BIG_PICTURE)
    return 2 * layers * image.width * image.height


# -- the right way up


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1-8; 1 where the tag is absent, nonsense or already applied.

    Forgets all else that Pillow would take for an orientation: XMP, and texts in a PNG that look like EXIF.
    Browsers heed neither. To be called before the image is loaded: Pillow turns TIFFs upright by itself then.
    """
    for imitation in ("xmp", "XML:com.adobe.xmp", "Raw profile type exif"):
        image.info.pop(imitation, None)
    if image.format in ("TIFF", "HEIF") or image.format == "JXL" and not getattr(image, "jpeg", False):
        return 1  # their decoders turn them upright
    if image.format == "PNG":
        image.load()  # EXIF may stand behind the picture
        if "exif" in image.text:  # type: ignore[attr-defined]
            return 1
        for imitation in ("xmp", "XML:com.adobe.xmp", "Raw profile type exif"):
            image.info.pop(imitation, None)
    exif = image.info.get("exif", b"")
    if not exif or len(exif) > MAX_METADATA:
        return 1
    try:
        block = Image.Exif()
        block.load(exif)
        value = block.get(0x0112, 1)
    except Exception:  # a broken EXIF block does not make the picture unreadable
        return 1
    return int(value) if value in range(1, 9) else 1


# -- brightness beyond 8 bits


@dataclass(frozen=True)
class _Levels:
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


SCALES = {1.0: 1 / 64, 255.0: 1 / 8, 65535.0: 1 / 8}
"""White on each scale that programs write -> the share of it that a picture has to reach to be on it."""

OVERSHOOT = 0.1
"""Share of a scale by which values may go beyond it."""

STRAY = 0.1
"""Percentage of pixels, at either end, that may be stray."""


def _levels(image: Image.Image) -> tuple[_Levels | None, list[str]]:
    """(how values become brightness, None where they are of 8 bits as usual, notes on it)."""
    stored, white_is_zero = _stored_values(image)
    if image.mode.startswith("I;16"):
        tags = getattr(image, "tag_v2", {})
        twelve_bits = tags.get(TiffImagePlugin.BITSPERSAMPLE) == (12,)
        levels = _Levels(0.0, 4095.0 if twelve_bits else 65535.0)
        notes: list[str] = []
        if image.format == "PNG":
            levels = replace(levels, clear=image.info.get("transparency"))
    elif image.mode in ("I", "F") or stored is not None:
        levels, notes = _guessed_levels(image, _Levels(0.0, 1.0, stored))
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


def _guessed_levels(image: Image.Image, levels: _Levels) -> tuple[_Levels, list[str]]:
    """The rule of `_Levels` for values on no fixed scale."""
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


def _finite_extremes(image: Image.Image, levels: _Levels) -> tuple[float, float, bool]:
    """(smallest, largest finite value, whether all are finite)."""
    low, high, all_finite = np.inf, -np.inf, True
    for band in _bands(image, 1):
        values = levels.values(band)
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            all_finite = all_finite and bool(finite.all())
            values = values[finite]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    if low > high:
        raise ImageReadError(_NO_VALUES)
    return low, high, all_finite


def _range_of_most(image: Image.Image, levels: _Levels) -> tuple[float, float]:
    """(smallest, largest value) of a sample of pixels, without ``STRAY`` per cent at either end."""
    side = 1000
    size = min(image.width, side), min(image.height, side)
    sample = levels.values(image.resize(size, Image.Resampling.NEAREST)).astype(np.float64)
    low, high = np.percentile(sample[np.isfinite(sample)], (STRAY, 100 - STRAY), method="nearest")
    return float(low), float(high)


# -- transparent colours of PNGs


def _is_16_bit_rgb_with_clear_colour(image: Image.Image, data: bytes) -> bool:
    return image.mode == "RGB" and data[24] == 16 and "transparency" in image.info


def _with_clear_colour(image: Image.Image, data: bytes) -> Image.Image:
    """A PNG's transparent colour as Pillow wants it: on the scale of its 8-bit pixels.

    The chunk gives it at the file's own depth, in 16-bit fields of which only the lowest bits count. Pillow
    compares the number with pixels that it has brought to 8 bits.
    """
    colour = image.info.get("transparency")
    if image.format != "PNG" or colour is None or isinstance(colour, bytes):
        return image
    depth = data[24]
    highest = 2**depth - 1
    if image.mode == "L":
        image.info["transparency"] = (colour & highest) * (255 // highest)
    elif image.mode == "RGB" and depth == 8:
        image.info["transparency"] = tuple(channel & highest for channel in colour)
    elif image.mode == "RGB":
        return _with_clear_16_bit_colour(image, data, colour)
    return image


def _with_clear_16_bit_colour(image: Image.Image, data: bytes, colour: tuple[int, ...]) -> Image.Image:
    """RGB -> RGBA, by all 16 bits: Pillow keeps the high bytes, so the low ones are decoded as well."""
    with Image.open(io.BytesIO(data), formats=("PNG",)) as low:
        low.tile = [tile._replace(args="RGB;16L") for tile in low.tile]  # as if the low byte came last
        low.load()
        alpha = Image.new("L", image.size, 255)
        top = 0
        for high_band, low_band in zip(_bands(image, 1), _bands(low, 1), strict=True):
            holes = np.all(np.asarray(high_band) == [channel >> 8 for channel in colour], axis=2)
            holes &= np.all(np.asarray(low_band) == [channel & 255 for channel in colour], axis=2)
            alpha.paste(Image.fromarray(np.where(holes, 0, 255).astype(np.uint8)), (0, top))
            top += high_band.height
    del image.info["transparency"]
    image.putalpha(alpha)
    return image


# -- pixels


def _hides_everything(image: Image.Image) -> bool:
    """Has this picture an alpha channel that is zero everywhere?"""
    if image.mode not in ("RGBA", "LA", "PA"):  # in premultiplied ones no colours are left to show
        return False
    _, highest = image.getextrema()[-1]  # type: ignore[misc]
    return highest == 0


class _Drawing:
    """A decoded image of any mode, drawn as it is looked at.

    pixels: uint8 (H, W, 3) sRGB, reduced by ``factor`` and turned upright, without alpha if ``unhide``, else
    laid over white. notes: on what is transparent.
    """

    def __init__(
        self, image: Image.Image, factor: int, orientation: int, levels: _Levels | None, unhide: bool
    ):
        self._levels, self._unhide, self._opaque = levels, unhide, 0
        width, height = -(-image.width // factor), -(-image.height // factor)
        self.pixels = np.empty((width, height, 3) if orientation >= 5 else (height, width, 3), np.uint8)
        as_stored = _as_stored(self.pixels, orientation)
        icc = image.info.get("icc_profile") or b""
        top = 0
        for band in _bands(image, factor):
            flat = self._flatten(band)
            if factor > 1:
                flat = flat.reduce(factor)
            as_stored[top : top + flat.height] = _to_srgb(flat, icc)
            top += flat.height
        self.notes = self._notes(image.width * image.height)

    def _notes(self, pixels: int) -> list[str]:
        if self._unhide:
            return [_UNHIDDEN]
        if not self._opaque:
            return [_ALL_TRANSPARENT]
        return [_TRANSPARENT] if self._opaque < BARELY_VISIBLE * pixels else []

    def _flatten(self, band: Image.Image) -> Image.Image:
        """Any mode -> 8-bit L, RGB, CMYK or LAB without transparency."""
        if self._levels is not None:
            grey, opaque = self._levels.grey(band)
            self._opaque += opaque
            return grey
        if band.mode == "La":  # premultiplied grey: Pillow converts it only to LA
            band = band.convert("LA")
        if band.has_transparency_data and not self._unhide:
            rgba = band.convert("RGBA")
            half_opaque = 128
            self._opaque += sum(rgba.getchannel("A").histogram()[half_opaque:])
            paper = Image.new("RGB", band.size, "white")
            paper.paste(rgba, mask=rgba)
            return paper
        self._opaque += band.width * band.height
        if band.mode in ("L", "RGB", "CMYK", "LAB"):
            return band
        return band.convert("L" if band.mode in ("1", "LA") else "RGB")


def _as_stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """View of an upright array in the file's order of rows and columns: writing through it turns a picture
    upright."""
    view = upright.swapaxes(0, 1) if orientation >= 5 else upright
    if orientation in (3, 4, 6, 7):
        view = view[::-1]
    if orientation in (2, 3, 7, 8):
        view = view[:, ::-1]
    return view


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
    """Colour conversion from a profile (b"" for CIE Lab) to sRGB; None if the profile is broken or is sRGB
    itself."""
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
