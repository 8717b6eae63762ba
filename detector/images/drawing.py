"""A decoded picture as it is looked at: upright, on white, in sRGB."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from detector.images.bands import bands
from detector.images.brightness import Levels
from detector.images.orientation import as_stored

BARELY_VISIBLE = 0.02
"""Share of pixels that are at least half opaque, below which a picture is called transparent."""

MAX_PROFILE_BYTES = 4 * 2**20
"""Larger colour profiles are ignored: those of printing presses reach 3 MB, and `srgb_transform` keeps a
few."""

TRANSPARENT = "Nearly all of this picture is transparent: as in other programs, it lies on white."
ALL_TRANSPARENT = "All of this picture is transparent: as in other programs, it lies on white."
UNHIDDEN = (
    "All of this picture is marked as transparent, which is usually a mistake: its hidden colours are shown."
)


class Drawing:
    """A decoded image of any mode, drawn as it is looked at.

    pixels: uint8 (H, W, 3) sRGB, reduced by ``factor`` and turned upright, without alpha if ``unhide``, else
    laid over white. notes: on what is transparent.
    """

    def __init__(
        self, image: Image.Image, factor: int, orientation: int, levels: Levels | None, unhide: bool
    ):
        self._levels, self._unhide, self._opaque = levels, unhide, 0
        width, height = -(-image.width // factor), -(-image.height // factor)
        self.pixels = np.empty((width, height, 3) if orientation >= 5 else (height, width, 3), np.uint8)
        stored = as_stored(self.pixels, orientation)
        icc = image.info.get("icc_profile") or b""
        top = 0
        for band in bands(image, factor):
            flat = self._flatten(band)
            if factor > 1:
                flat = flat.reduce(factor)
            stored[top : top + flat.height] = _to_srgb(flat, icc)
            top += flat.height
        self.notes = self._notes(image.width * image.height)

    def _notes(self, pixels: int) -> list[str]:
        if self._unhide:
            return [UNHIDDEN]
        if not self._opaque:
            return [ALL_TRANSPARENT]
        return [TRANSPARENT] if self._opaque < BARELY_VISIBLE * pixels else []

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


def _to_srgb(band: Image.Image, icc: bytes) -> Image.Image:
    """8-bit L, RGB, CMYK or LAB -> RGB in sRGB, by the file's colour profile if it has a usable one."""
    if band.mode == "LAB" or len(icc) > MAX_PROFILE_BYTES:  # Lab names absolute colours and needs no profile
        icc = b""
    transform = srgb_transform(icc, band.mode) if icc or band.mode == "LAB" else None
    if transform is not None:
        return transform.apply(band)
    return band if band.mode == "RGB" else band.convert("RGB")


@lru_cache(maxsize=16)  # cameras and programs use few profiles, and a folder is usually of one kind
def srgb_transform(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
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
