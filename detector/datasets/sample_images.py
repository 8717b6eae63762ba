"""A few images that stand for many: what contact sheets show, and what is too slow to be measured of all."""

from __future__ import annotations

import numpy as np
import pandas as pd


def sample_places(rows: pd.DataFrame, count: int, y_true: int, source: str | None = None) -> list[int]:
    """Places of at most ``count`` rows of a class, and of a source where one is named: the sources take
    turns, each with images spread evenly over what it has. rows: with 0, 1, 2 ... as index."""
    chosen = rows["y_true"] == y_true
    if source is not None:
        chosen &= rows["source"] == source
    of_class = rows[chosen]
    ranks = of_class.groupby("source")["id"].transform(lambda ids: _spread(len(ids), count))
    return ranks.sort_values(kind="stable").index[:count].tolist()


def _spread(length: int, count: int) -> np.ndarray:
    """Ranks for the images of a source, such that the first ``count`` lie evenly apart."""
    ranks = np.full(length, count)
    even = np.linspace(0, length - 1, count)
    picked = np.unique(even.round().astype(int))
    ranks[picked] = np.arange(len(picked))
    return ranks
