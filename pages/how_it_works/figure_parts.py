"""What the steps' figures share: their frame, names of places, and scales."""

from __future__ import annotations

import numpy as np

from detector.explain.heatmap import DISPLAY_FLOOR
from detector.explain.picture_walk import PictureWalk
from detector.explain.walkthrough import Walkthrough
from pages.how_it_works.panels import heat, patches, photo, picture, shades
from pages.how_it_works.step import token_names


def of_patches(walk: PictureWalk, words: list[str], shown: list[dict], **how) -> dict:
    """A figure in which a patch of the picture is chosen; see ``_figure``.

    The patch that receives most at the model's own temperature is the chosen one until somebody chooses.
    """
    own = walk.at(1.0) if isinstance(walk, Walkthrough) else walk
    start = int(own.heatmap.values.argmax()) if own.heatmap else 0
    return _figure(walk, words, shown, walk.patch_grid, start, None, **how)


def of_tokens(walk: Walkthrough, words: list[str], shown: list[dict], **how) -> dict:
    """A figure in which one of the head's tokens is chosen: a patch, or a class token by its name."""
    names = token_names(walk)
    if names is None:
        return of_patches(walk, words, shown, **how)
    start = int(walk.at(1.0).received.argmax())
    return _figure(walk, words, shown, walk.grid, start, names, **how)


def _figure(
    walk: PictureWalk,
    words: list[str],
    shown: list[dict],
    grid: tuple[int, int],
    start: int,
    names: list[str] | None,
    *,
    lines: int = 1,
    images: dict[str, str] | None = None,
) -> dict:
    """words: one for each that may be chosen. names: of these, None for patches. lines: how many lines of
    pictures share the screen. images: beside the model input, which every figure has."""
    images = {"input": picture(walk.image)} | (images or {})
    return {
        "grid": list(grid),
        "start": start,
        "names": names,
        "words": words,
        "images": images,
        "shades": shades(),
        "panels": shown,
        "lines": lines,
    }


def chooser(walk: PictureWalk, span: int = 3) -> dict:
    """The picture, to choose a patch from."""
    size = len(walk.image)
    return photo(
        "The chosen patch", "input", size, size, span=span, alt="The square the model sees, cut into patches."
    )


def multiples(values: np.ndarray, n: int, each: bool = False) -> dict:
    """The scale for shares of attention: multiples of the uniform share 1/n, never stretched beyond what the
    display floor allows.

    each: every patch's row has a scale of its own, as in the heatmap viewer. Of a matrix, the diagonal and
    the largest hundredth may lie beyond the scale: one weight of 30 times the uniform share would leave all
    others black.
    """
    floor = min(DISPLAY_FLOOR, n) / n  # no share is larger than 1
    high, highs = None, None
    if each:
        highs = np.maximum(values.max(axis=1), floor)
    elif values.ndim == 1:
        high = max(float(values.max()), floor)
    else:
        high = max(float(np.quantile(off_diagonal(values), 0.99)), floor)
    unit = "multiples of the uniform share"
    return heat(values, unit, high=high, highs=highs, factor=float(n), ends="×", written="{:.1f}")


def fold(count: int, line: int) -> int:
    """The largest divisor of ``count`` up to ``line``."""
    longest = min(line, count)
    return next(size for size in range(longest, 0, -1) if count % size == 0)


def pixels(patch: int, patches: int, size: int) -> str:
    """The pixels along a side of ``size`` that one of so many patches covers, as words."""
    first = round(patch * size / patches)
    first_of_next = round((patch + 1) * size / patches)
    return f"{first} to {first_of_next - 1}"


def ranks(values: np.ndarray) -> np.ndarray:
    """1 for the largest."""
    return np.argsort(np.argsort(-values, kind="stable"), kind="stable") + 1


def place(walk: Walkthrough, token: int) -> str:
    """One of the head's tokens in words."""
    names = token_names(walk)
    return names[token] if names else patch_place(walk, token)


def patch_place(walk: PictureWalk, patch: int) -> str:
    """A patch of the picture in words."""
    row, column = divmod(int(patch), walk.patch_grid[1])
    return f"row {row + 1}, column {column + 1}"


def off_diagonal(values: np.ndarray) -> np.ndarray:
    """(n, n) -> its n * (n - 1) numbers beside the diagonal."""
    return values[~np.eye(len(values), dtype=bool)]


def tokens(walk: Walkthrough, title: str, values: np.ndarray, **how) -> dict:
    """A number for each of the head's tokens: patches on the picture, class tokens side by side."""
    image = "input" if walk.blocks is None else None
    return patches(title, values, walk.grid, image=image, **how)
