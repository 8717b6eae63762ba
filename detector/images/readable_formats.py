"""Which formats are tried, and how much one file may take."""

from __future__ import annotations

# The three plugins are here because Pillow would otherwise import all fifty of its own to find them.
from PIL import AvifImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401


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
HEIF, JXL = _heif(), _jxl()
"""Empty where Pillow's plugin for it cannot be loaded."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", *_AVIF, *HEIF, *JXL)
"""Pillow formats that are ever tried. MPO, a JPEG with more pictures behind the first, comes with JPEG."""

IMAGE_SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp", ".tif", ".tiff"]
    + [f".{name.lower()}" for name in (*_AVIF, *JXL)]
    + ([".heic", ".heif"] if HEIF else [])
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
