"""Pixels and numbers as they travel to the browser or into a file."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import numpy as np
from PIL import Image

JPEG, PNG = "image/jpeg", "image/png"
"""Media types."""


def jpeg(pixels: np.ndarray | Image.Image, quality: int, subsampling: str | int = -1) -> bytes:
    """uint8 (H, W, 3), or a picture of Pillow's, as a JPEG file. subsampling: of the colours, "4:4:4" for
    none; -1 leaves it to the encoder."""
    buffer = BytesIO()
    _image(pixels).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return buffer.getvalue()


def png(pixels: np.ndarray | Image.Image, compress_level: int = 6) -> bytes:
    """uint8 (H, W, 3), or a picture of Pillow's, as a PNG file. compress_level: from 1, fast, to 9, small."""
    buffer = BytesIO()
    _image(pixels).save(buffer, "PNG", compress_level=compress_level)
    return buffer.getvalue()


def data_url(content: bytes, media_type: str = JPEG) -> str:
    """A file as an address that holds it."""
    return f"data:{media_type};base64,{base64(content)}"


def base64(content: bytes) -> str:
    return b64encode(content).decode("ascii")


def base64_float32(values: np.ndarray) -> str:
    """Numbers of any shape, row-major, as little-endian float32."""
    return base64(np.ascontiguousarray(values, dtype="<f4").tobytes())


def _image(pixels: np.ndarray | Image.Image) -> Image.Image:
    return pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
