"""A region map: each part of a picture cut out and judged as a picture of its own.

The verdict comes from the whole, reduced to a few hundred pixels; a part that was put in is small there, and
what lies outside the middle is not seen at all. Here the parts cover the whole picture, each at its own scale
or, where there would be too many of them, at a smaller one. The network was trained on whole pictures, so
what it says of a part is a hint where to look; ``train.region_scores`` measures how good a hint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from math import ceil, sqrt
from typing import TYPE_CHECKING

import numpy as np

from detector.evaluation.calibration import sigmoid
from detector.explain.heatmap import LOGIT, Heatmap
from detector.explain.method import Job, Unavailable
from detector.records import percent

if TYPE_CHECKING:
    from detector.engine import Engine

NAME = "region map"
MOST_PARTS = 48
LEAST_PARTS = 4
"""Of fewer the whole says as much."""


def grid(height: int, width: int, side: int) -> tuple[int, int]:
    """Rows and columns of parts, of which each is at least ``side`` pixels wide and high: as many as there is
    room for, ``MOST_PARTS`` at most.

    Raises Unavailable, with a sentence, where that makes fewer than ``LEAST_PARTS``.
    """
    cell = max(side, ceil(sqrt(height * width / MOST_PARTS)))
    rows, columns = max(1, height // cell), max(1, width // cell)
    if min(height, width) < side or rows * columns < LEAST_PARTS:
        raise Unavailable(
            f"This picture is too small to be judged in parts: a part needs {side} x {side} pixels, and"
            f" {LEAST_PARTS} of them have to find room."
        )
    # A long strip has more than its share: a cell is square, and a row cannot be less than one.
    return min(rows, MOST_PARTS), min(columns, MOST_PARTS)


def edges(length: int, parts: int) -> list[int]:
    """Where parts of nearly the same length begin and end: parts + 1 numbers from 0 to ``length``."""
    return [round(number * length / parts) for number in range(parts + 1)]


def cells(pixels: np.ndarray, rows: int, columns: int) -> Iterator[np.ndarray]:
    """uint8 (H, W, 3) -> its parts, row by row; they share its memory."""
    height, width = pixels.shape[:2]
    for top, bottom in pairwise(edges(height, rows)):
        for left, right in pairwise(edges(width, columns)):
            yield pixels[top:bottom, left:right]


def probability(logit: float) -> float:
    """Of a part's logit, as the map holds it: P(AI-generated), were the part all there is."""
    return float(sigmoid(logit))


def probabilities(parts: Heatmap) -> list[list[float]]:
    """P(AI-generated) of each part, row by row, to four digits."""
    return [[round(probability(float(value)), 4) for value in row] for row in parts.values]


def ends_in_words(parts: Heatmap) -> str:
    """Where the map is highest and where it is lowest."""
    (rows, columns), ends = parts.grid, []
    for find, words in ((parts.values.argmax, "Most like AI-generated"), (parts.values.argmin, "least")):
        row, column = divmod(int(find()), columns)
        share = percent(probability(float(parts.values[row, column])))
        ends.append(f"{words}: row {row + 1}, column {column + 1}, {share}")
    return f"{rows} rows of {columns} parts. {'; '.join(ends)}."


def region_map(
    engine: Engine,
    pixels: np.ndarray,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Heatmap:
    """A picture at its own scale, uint8 (H, W, 3) -> the logit of each part, divided by the temperature.

    Of a part the network sees what it would see of a picture, which is its only tile, too, where the network
    judges tiles. Others get at the network between batches.
    Raises Unavailable for a picture that is too small, and Cancelled once ``cancelled()`` says so.
    """
    bundle = engine.bundle
    height, width = pixels.shape[:2]
    rows, columns = grid(height, width, bundle.preprocessing.short_side)
    job = Job(engine, progress, cancelled)
    job.expect(rows * columns)
    logits = job.logits(map(bundle.preprocessing, cells(pixels, rows, columns)), as_tiles=True)
    values = (logits / bundle.temperature).astype(np.float32).reshape(rows, columns)
    return Heatmap(values, NAME, signed=True, unit=LOGIT, cost=job.cost)
