"""The quality a JPEG was saved with, from its quantization table: no decoding, no guess from the pixels."""

from __future__ import annotations

from functools import cache

import numpy as np

from detector.image_headers import StuffedFileError, jpeg_segments

_QUANTIZATION_TABLE, _SCAN = 0xDB, 0xDA
# fmt: off
# The luminance table of ITU-T T.81, K.1, in the order of its rows. libjpeg scales it by quality.
_STANDARD = np.array([
    16, 11, 10, 16,  24,  40,  51,  61,
    12, 12, 14, 19,  26,  58,  60,  55,
    14, 13, 16, 24,  40,  57,  69,  56,
    14, 17, 22, 29,  51,  87,  80,  62,
    18, 22, 37, 56,  68, 109, 103,  77,
    24, 35, 55, 64,  81, 104, 113,  92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103,  99,
])
# fmt: on


def jpeg_quality(header: bytes) -> float:
    """1 to 100 on libjpeg's scale for the beginning of a JPEG, up to its first scan; NaN where no table is.

    Exact for files that libjpeg wrote; of other programs' tables it is the quality whose table has the
    nearest sum.
    """
    try:
        table = _luminance_table(header)
    except StuffedFileError:
        return float("nan")
    if table is None:
        return float("nan")
    return float(np.abs(_sums() - table.sum()).argmin() + 1)


def _luminance_table(header: bytes) -> np.ndarray | None:
    """The 64 numbers of table 0, in any order; None if it is not there."""
    for marker, start, stop in jpeg_segments(header):
        if marker == _SCAN:
            return None
        body = header[start + 4 : stop] if marker == _QUANTIZATION_TABLE else b""
        while len(body) > 64:
            wide, number = body[0] >> 4, body[0] & 15
            length = 128 if wide else 64
            if number == 0 and len(body) > length:
                return np.frombuffer(body[1 : 1 + length], ">u2" if wide else "u1").astype(int)
            body = body[1 + length :]
    return None


@cache
def _sums() -> np.ndarray:
    """int (100,): the sum of the standard table at each quality from 1 to 100."""
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    tables = (_STANDARD * scale[:, None] + 50) // 100
    return np.clip(tables, 1, 255).sum(axis=1)
