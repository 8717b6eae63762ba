"""What is measured of one image file: everything that a scan, a split and a shortcut audit ask for, in a
record of fixed size."""

from __future__ import annotations

import hashlib
import os

import numpy as np
from PIL import Image

from detector.datasets.jpeg_quality import jpeg_quality
from detector.images import ImageReadError, read_image
from detector.near_duplicates import thumbnail
from detector.printable import printable

VERSION = 1
"""Goes up whenever the same file would be measured differently: what a cache holds from before is void."""
SHORT_SIDE = 64
"""dhash needs a 9 x 8 picture; this leaves JPEG its fast reduced-scale decoding and still averages out the
choice of scale."""
COLOURS = (8, 8, 3)
MEASUREMENT = np.dtype(
    [
        ("width", "<u4"),
        ("height", "<u4"),
        ("format", "S8"),
        ("jpeg_quality", "<f4"),
        ("bytes", "<u8"),
        ("content", "<u8", 2),
        ("grey", "u1", (8, 9)),
        ("colours", "u1", COLOURS),
    ]
)
"""width, height: pixels of the upright picture. format: as in `Photo`. jpeg_quality: 1 to 100, NaN for what
is no JPEG. bytes: size of the file. content: equal for files that show the same pixels at the same size, if
read at ``SHORT_SIDE``. grey: what `dhash` looks at. colours: an 8 x 8 sRGB thumbnail."""
HEADER_BYTES = 2**18
"""Within which a JPEG's tables are looked for: behind its metadata, of which no segment exceeds 64 KB."""


def measure_file(path: str | os.PathLike) -> np.ndarray | str:
    """A ``MEASUREMENT`` (a 0-d array), or the sentence why this file cannot be used. Safe in any thread."""
    try:
        photo = read_image(path, short_side=SHORT_SIDE)
        size = os.stat(path).st_size
        quality = _quality(path) if photo.format in ("JPEG", "MPO") else float("nan")
    except ImageReadError as error:
        return printable(str(error))
    except OSError:
        return "The file could not be opened."
    content = hashlib.blake2b(photo.pixels.data, digest_size=16)
    content.update(repr((photo.width, photo.height)).encode())
    picture = Image.fromarray(photo.pixels)
    measured = np.zeros((), MEASUREMENT)
    measured["width"], measured["height"] = photo.width, photo.height
    measured["format"] = photo.format.encode()
    measured["jpeg_quality"] = quality
    measured["bytes"] = size
    measured["content"] = np.frombuffer(content.digest(), "<u8")
    measured["grey"] = thumbnail(picture)
    measured["colours"] = picture.resize(COLOURS[:2], Image.Resampling.BOX)
    return measured


def _quality(path: str | os.PathLike) -> float:
    with open(path, "rb") as file:
        return jpeg_quality(file.read(HEADER_BYTES))
