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
its colours are shown. *Brightness* beyond 8 bits is told in `Levels`.
"""

from __future__ import annotations

from detector.images.drawing import MAX_PROFILE_BYTES
from detector.images.hidden_files import is_hidden
from detector.images.readable_formats import (
    FORMATS,
    IMAGE_SUFFIXES,
    MAX_FILE_BYTES,
    MAX_SIDE,
    PLUGIN_SUFFIXES,
)
from detector.images.reading import Photo, open_header, read_image
from detector.images.refusals import ImageReadError, TooMuchDetail

__all__ = [
    "FORMATS",
    "IMAGE_SUFFIXES",
    "MAX_FILE_BYTES",
    "MAX_PROFILE_BYTES",
    "MAX_SIDE",
    "PLUGIN_SUFFIXES",
    "ImageReadError",
    "Photo",
    "TooMuchDetail",
    "is_hidden",
    "open_header",
    "read_image",
]
