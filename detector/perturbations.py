"""What happens to a picture on its way to the reader: sites and messengers shrink it and compress it again.

A :class:`Perturbation` is a named chain of steps on pixels. It comes before ``Preprocessing``, as it does for
a file that was really sent.

``PERTURBATIONS`` lists all of them. To add one, write an entry there and say in it where it is used; nothing
else names a perturbation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

AS_SENT = 2048
"""Pixels along the short side up to which a delivery gets a file's own pixels; what has twice as many or
more is read at a smaller scale."""

LONGEST_JPEG = 65_500
"""The format's limit, by libjpeg."""

Step = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class Perturbation:
    """One thing that happens to pictures.

    name: short and stable, used in tables and files. title: for people. steps: applied in order, each RGB
    picture to RGB picture. kept: share of each side that is left, around the middle; less than 1 only for a
    crop.

    in_strip: whether it is one of the copies that a verdict is tested on (``detector.perturbation_test``).
    ordinary: whether nearly every picture on the web has been through it, unseen by its reader, so that a
    verdict which only holds without it is none; what is in the strip and not ordinary is shown but overrules
    nothing. scored: whether a trained model's scoreboard measures it.
    """

    name: str
    title: str
    steps: tuple[Step, ...]
    kept: float = 1.0
    in_strip: bool = False
    ordinary: bool = False
    scored: bool = False

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) RGB -> what arrives, uint8 (h, w, 3) RGB, h <= H and w <= W."""
        picture = Image.fromarray(pixels)
        for step in self.steps:
            picture = step(picture)
        return np.asarray(picture)


def jpeg_round_trip(picture: Image.Image, quality: int) -> Image.Image:
    """An RGB picture, compressed as a JPEG with 4:2:0 chroma and decoded again.

    quality: 1..100 on libjpeg's scale. Raises OSError for a side over ``LONGEST_JPEG``.
    """
    return round_trip(picture, "JPEG", quality=quality, subsampling="4:2:0")


def round_trip(picture: Image.Image, format: str, **settings: object) -> Image.Image:
    """An RGB picture, saved in a format of Pillow's with these settings and decoded again. Raises OSError for
    what the format cannot hold."""
    buffer = BytesIO()
    picture.save(buffer, format, **settings)
    decoded = Image.open(buffer, formats=[format])
    decoded.load()
    return decoded


def jpeg(quality: int) -> Step:
    """A JPEG round trip; a picture too long for the format is shrunk first."""

    def step(picture: Image.Image) -> Image.Image:
        return jpeg_round_trip(at_most(LONGEST_JPEG)(picture), quality)

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
        width, height = _shrunk(picture.size, share)
        left = (picture.width - width) // 2
        top = (picture.height - height) // 2
        return picture.crop((left, top, left + width, top + height))

    return step


def blurred(radius: float) -> Step:
    """Gaussian blur, ``radius`` its standard deviation in pixels."""
    return lambda picture: picture.filter(ImageFilter.GaussianBlur(radius))


def _resized(picture: Image.Image, scale: float) -> Image.Image:
    if scale == 1.0:
        return picture
    return picture.resize(_shrunk(picture.size, scale), Image.Resampling.LANCZOS)


def _shrunk(size: tuple[int, int], scale: float) -> tuple[int, int]:
    width, height = (max(1, round(side * scale)) for side in size)
    return width, height


_ENTRIES = (
    Perturbation("jpeg-90", "JPEG 90", (jpeg(90),), in_strip=True, ordinary=True),
    Perturbation("jpeg-70", "JPEG 70", (jpeg(70),), in_strip=True, ordinary=True),
    Perturbation("jpeg-50", "JPEG 50", (jpeg(50),), in_strip=True),
    Perturbation("jpeg-30", "JPEG 30", (jpeg(30),), in_strip=True),
    Perturbation("size-75", "75% size", (scaled(0.75),), in_strip=True, ordinary=True),
    Perturbation("size-50", "50% size", (scaled(0.5),), in_strip=True, ordinary=True),
    Perturbation("size-25", "25% size", (scaled(0.25),), in_strip=True),
    Perturbation("screenshot", "Screenshot", (scaled(0.85), jpeg(80)), in_strip=True, ordinary=True),
    Perturbation("blur", "Slight blur", (blurred(1.0),), in_strip=True),
    Perturbation("crop", "Middle 80%", (cropped(0.8),), kept=0.8, in_strip=True),
    Perturbation("web", "Web: at most 768 pixels, JPEG 60", (at_most(768), jpeg(60)), scored=True),
    Perturbation("hard", "Hard: at most 512 pixels, JPEG 40", (at_most(512), jpeg(40)), scored=True),
    Perturbation(
        "chain",
        "Sent on twice: JPEG 80, then 90% of the size and JPEG 60",
        (jpeg(80), scaled(0.9), jpeg(60)),
        scored=True,
    ),
)

PERTURBATIONS: dict[str, Perturbation] = {entry.name: entry for entry in _ENTRIES}
"""Name -> entry, in the order in which they are shown."""


class _Selection(Sequence[Perturbation]):
    """The entries of ``PERTURBATIONS`` for which ``belongs`` holds, in their order, as they are now."""

    def __init__(self, belongs: Callable[[Perturbation], bool]):
        self._belongs = belongs

    def __getitem__(self, place):
        return self._entries()[place]

    def __len__(self) -> int:
        return len(self._entries())

    def _entries(self) -> list[Perturbation]:
        return [entry for entry in PERTURBATIONS.values() if self._belongs(entry)]


STRIP = _Selection(lambda entry: entry.in_strip)
"""The copies that a verdict is tested on."""

DELIVERY_CHAINS = _Selection(lambda entry: entry.scored)
"""What the scoreboard and the Evaluate page measure."""
