"""An overlay that explains itself: the picture under its map, and below it the legend, the method, the score
and the verdict, so that a saved file needs nothing beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from detector import legend
from detector.explain import METHODS, Heatmap
from detector.printable import printable
from detector.records import percent

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from detector.classifier import Analysis
    from detector.verdicts import Verdict

INK, PAPER = (20, 20, 24), (255, 255, 255)

MIN_WIDTH = 480
"""Pixels that the caption needs; a narrower picture stands in the middle of so many."""


def lines(analysis: Analysis, verdict: Verdict, bundle: Bundle) -> tuple[str, ...]:
    """What stands below the legend: the verdict to give, the score and what it was judged by."""
    low, high = bundle.unsure
    judged_by = f"threshold {analysis.threshold:.3f}, unsure from {low:.3f} to {high:.3f}"
    return (
        f"{verdict.title}: P(AI-generated) {percent(analysis.y_score)}; {judged_by}",
        f"Model {bundle.name}, weights {bundle.weights_sha256[:12]}",
    )


def captioned(
    picture: np.ndarray, heatmap: Heatmap, below: tuple[str, ...], colormap: str = "inferno"
) -> np.ndarray:
    """uint8 (H, W, 3) RGB, as ``detector.overlay.overlay`` draws it -> uint8 (H + caption, W or more, 3):
    under it the legend, the method and the texts of ``below``. The picture's own pixels stay as they are."""
    height, width = picture.shape[:2]
    across = max(width, MIN_WIDTH)
    size = max(13, round(across / 55))
    font = ImageFont.load_default(size)
    margin, step = size // 2, round(1.5 * size)
    method = METHODS[heatmap.method]
    texts = [f"{method.title}: {method.caption_of(heatmap)}", *map(printable, below)]
    wrapped = [part for text in texts for part in _wrapped(text, font, across - 2 * margin)]
    sheet = Image.new("RGB", (across, height + 2 * margin + (len(wrapped) + 2) * step), PAPER)
    sheet.paste(Image.fromarray(picture), ((across - width) // 2, 0))
    draw = ImageDraw.Draw(sheet)
    top = height + margin
    _draw_legend(sheet, draw, heatmap, colormap, (margin, top), font)
    for number, text in enumerate(wrapped, start=2):
        draw.text((margin, top + number * step), text, INK, font)
    return np.asarray(sheet)


def _draw_legend(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    heatmap: Heatmap,
    colormap: str,
    corner: tuple[int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """The bar over the whole width, and what its ends mean below it."""
    left, top = corner
    width = sheet.width - 2 * left
    size = 2 * left
    sheet.paste(Image.fromarray(legend.bar(heatmap, width, size, colormap)), corner)
    low, high = legend.ends(heatmap)
    below = top + size + size // 4
    draw.text((left, below), low, INK, font)
    draw.text((left + width - draw.textlength(high, font), below), high, INK, font)


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    """The text in lines that fit; a word that does not is cut."""
    lines, line = [], ""
    for word in text.split():
        while font.getlength(word) > width:
            word = word[: len(word) * 2 // 3]
        longer = f"{line} {word}".strip()
        if font.getlength(longer) > width:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line]
