"""What happens to a picture on its way to the reader: sites and messengers shrink it and compress it again.

A :class:`Delivery` is a named chain of steps on pixels; the last step of each is a JPEG, as it is in the wild. Damage comes before
``Preprocessing``, as it does for a file that was really sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

AS_SENT = 2048
"""Pixels along the short side up to which a delivery gets a file's own pixels; what has twice as many or more is read at a smaller scale."""

LONGEST_JPEG = 65_500
"""The format's limit, by libjpeg."""

Step = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class Delivery:
    """name: short and stable, used in tables and files. title: for people. steps: applied in order, each RGB picture to RGB picture."""

    name: str
    title: str
    steps: tuple[Step, ...]

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) RGB -> what arrives, uint8 (h, w, 3) RGB, h <= H and w <= W."""
        picture = Image.fromarray(pixels)
        for step in self.steps:
            picture = step(picture)
        return np.asarray(picture)


def jpeg(quality: int) -> Step:
    """A JPEG round trip with 4:2:0 chroma; quality 1..100 on libjpeg's scale."""

    def step(picture: Image.Image) -> Image.Image:
        buffer = BytesIO()
        at_most(LONGEST_JPEG)(picture).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
        return Image.open(buffer).convert("RGB")

    return step


def at_most(long_side: int) -> Step:
    """Shrink, never enlarge, so that the long side has at most ``long_side`` pixels (Lanczos)."""

    def step(picture: Image.Image) -> Image.Image:
        return _resized(picture, min(1.0, long_side / max(picture.size)))

    return step


def scaled(share: float) -> Step:
    """Shrink both sides to ``share`` of their length, 0 < share <= 1 (Lanczos)."""
    return lambda picture: _resized(picture, share)


def cropped(share: float) -> Step:
    """Keep the middle ``share`` of each side, 0 < share <= 1."""

    def step(picture: Image.Image) -> Image.Image:
        width, height = (max(1, round(side * share)) for side in picture.size)
        left, top = (picture.width - width) // 2, (picture.height - height) // 2
        return picture.crop((left, top, left + width, top + height))

    return step


def blurred(radius: float) -> Step:
    """Gaussian blur, ``radius`` its standard deviation in pixels."""
    return lambda picture: picture.filter(ImageFilter.GaussianBlur(radius))


def _resized(picture: Image.Image, scale: float) -> Image.Image:
    if scale == 1.0:
        return picture
    return picture.resize([max(1, round(side * scale)) for side in picture.size], Image.Resampling.LANCZOS)


WEB = Delivery("web", "Web: at most 768 pixels, JPEG 60", (at_most(768), jpeg(60)))
HARD = Delivery("hard", "Hard: at most 512 pixels, JPEG 40", (at_most(512), jpeg(40)))
CHAIN = Delivery("chain", "Sent on twice: JPEG 80, then 90% of the size and JPEG 60", (jpeg(80), scaled(0.9), jpeg(60)))
DELIVERIES = (WEB, HARD, CHAIN)
"""The damage the scoreboard and the Evaluate page measure."""
