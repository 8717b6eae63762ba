"""The right way up."""

from __future__ import annotations

import numpy as np
from PIL import Image

from detector.images.readable_formats import MAX_METADATA


def orientation_of(image: Image.Image) -> int:
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


def as_stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """View of an upright array in the file's order of rows and columns: writing through it turns a picture
    upright."""
    view = upright.swapaxes(0, 1) if orientation >= 5 else upright
    if orientation in (3, 4, 6, 7):
        view = view[::-1]
    if orientation in (2, 3, 7, 8):
        view = view[:, ::-1]
    return view
