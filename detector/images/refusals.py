"""Why a file cannot be used as a picture, in sentences for its owner."""

from __future__ import annotations

from PIL import Image, UnidentifiedImageError

from detector.image_headers import StuffedFileError, sniff
from detector.images.readable_formats import FORMATS, HEIF, IMAGE_SUFFIXES, JXL, MAX_FILE_BYTES

EMPTY = "This file is empty."
FOLDER = "This is a folder, not an image file."
MISSING = "There is no file at this path."
FORBIDDEN = "This file may not be opened: its permissions do not allow it."
UNREADABLE = "This file could not be read from the disk: check that the disk is connected and try again."
BIG_FILE = f"This file is larger than {MAX_FILE_BYTES // 2**20} MB: save a smaller copy and try that."
BIG_PICTURE = "This picture is too large to open safely: save a copy with fewer pixels and try that."
CUT_OFF = "The file is cut off and part of the picture is missing: download or copy it again."
DAMAGED = (
    "This image file is damaged, incomplete or of a rare kind, and cannot be read: "
    "save it again as a JPEG or PNG and try that."
)
_HEIC = (
    "This HEIC photo is damaged, incomplete or of a rare kind, and cannot be read: "
    "save it as a JPEG or PNG and try that."
    if HEIF
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
RAW = (
    "This is the raw data of a camera's sensor, not yet a picture: "
    "develop it with the camera's program, save it as a JPEG or TIFF and try that."
)
_ZIP = (
    "This is a ZIP archive: unpack it and bring in the pictures, or their folder. A saved case opens only as"
    " it was saved."
)
_VIDEO = "This is a video: save one frame of it as a JPEG or PNG and try that."
NO_VALUES = "This picture holds no brightness: every pixel is infinite or not a number."

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


class ImageReadError(ValueError):
    """A file cannot be used as a picture. `str(error)` is one plain sentence for the user, free of the
    file's name."""


class TooMuchDetail(ImageReadError):
    """A picture would take too much memory at the resolution asked for; at a lower one it may not."""


def explain(error: Exception, data: bytes, suffix: str) -> str:
    """The sentence for an exception that came out of Pillow."""
    if isinstance(error, (MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return BIG_PICTURE
    if isinstance(error, StuffedFileError):
        return DAMAGED
    kind = sniff(data)
    if "security limit" in str(error).lower():  # libheif: the picture is larger than its container says
        return BIG_PICTURE
    if kind == "HEIF":
        return _HEIC
    if kind == "JXL" and not JXL:
        return _JPEG_XL
    webp_is_short = kind == "WEBP" and len(data) < 8 + int.from_bytes(data[4:8], "little")
    if "truncat" in str(error).lower() or webp_is_short:
        return CUT_OFF
    if kind and kind != "BMP" or not isinstance(error, UnidentifiedImageError):
        return DAMAGED
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
    if data.startswith(b"PK\x03\x04"):
        return _ZIP
    if _is_video(data):
        return _VIDEO
    if suffix in _RAW_SUFFIXES:
        return RAW
    return _VIDEO if suffix in _VIDEO_SUFFIXES else None


def _is_video(data: bytes) -> bool:
    if data[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free"):  # of pictures only AVIF and HEIC
        return True
    if data.startswith(b"RIFF") and data[8:12] == b"AVI ":
        return True
    return data.startswith((b"\x1a\x45\xdf\xa3", b"FLV\x01", b"OggS", b"\0\0\x01\xba", b"\0\0\x01\xb3"))
