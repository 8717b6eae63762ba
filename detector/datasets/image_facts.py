"""What the files of a dataset are like, class by class: the facts that a ruler would find, as numbers and as
histograms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from detector.datasets.dataset import CLASS_TITLES

BINS = 48
TAIL = 0.5
"""Percentage at either end that goes into the outermost bins, so that one giant does not flatten a figure."""


@dataclass(frozen=True)
class Fact:
    """name: its column in ``facts``. title: with its unit. logarithmic: how it is drawn."""

    name: str
    title: str
    logarithmic: bool = True


FACTS = (
    Fact("width", "Width, pixels"),
    Fact("height", "Height, pixels"),
    Fact("aspect", "Aspect ratio, width / height"),
    Fact("jpeg_quality", "JPEG quality", logarithmic=False),
    Fact("bytes", "File size, bytes"),
)


@dataclass(frozen=True, eq=False)
class Histogram:
    """A fact's values of each class. edges: float (bins + 1,). shares: y_true -> float (bins,), of the
    pictures of that class which have a value; counts: y_true -> how many these are."""

    fact: Fact
    edges: np.ndarray
    shares: dict[int, np.ndarray]
    counts: dict[int, int]


def facts(measurements: np.ndarray) -> pd.DataFrame:
    """A row for each measurement: the columns of `FACTS`, ``bytes_per_pixel`` and ``format``."""
    width, height = measurements["width"].astype(float), measurements["height"].astype(float)
    size = measurements["bytes"].astype(float)
    return pd.DataFrame(
        {
            "width": width,
            "height": height,
            "aspect": width / np.maximum(height, 1),
            "jpeg_quality": measurements["jpeg_quality"].astype(float),
            "bytes": size,
            "bytes_per_pixel": size / np.maximum(width * height, 1),
            "format": pd.Categorical([name.decode("ascii", "replace") for name in measurements["format"]]),
        }
    )


def histograms(table: pd.DataFrame, y_true: np.ndarray) -> list[Histogram]:
    """One for each of `FACTS` that any picture has. table: as of ``facts``."""
    drawn = []
    for fact in FACTS:
        values = table[fact.name].to_numpy()
        known = np.isfinite(values)
        if not known.any():
            continue
        edges = _edges(fact, values[known])
        inside = np.clip(values, edges[0], edges[-1])
        shares, counts = {}, {}
        for label in CLASS_TITLES:
            of_class = inside[known & (y_true == label)]
            counts[label] = len(of_class)
            shares[label] = np.histogram(of_class, edges)[0] / max(len(of_class), 1)
        drawn.append(Histogram(fact, edges, shares, counts))
    return drawn


def _edges(fact: Fact, values: np.ndarray) -> np.ndarray:
    if fact.name == "jpeg_quality":
        return np.arange(0.5, 101.5, 2)
    if fact.name == "aspect":  # square in the middle of a bin
        return _around_square()
    low, high = np.percentile(values, (TAIL, 100 - TAIL))
    if high <= low * 1.02:  # all alike: a bin around the only value
        return np.geomspace(max(low, 1) / 2, max(high, 1) * 2, BINS + 2)
    return np.geomspace(max(low, 1) / 1.02, high * 1.02, BINS + 1)


def _around_square() -> np.ndarray:
    """Edges from 1:4 to 4:1, evenly in the logarithm, with 1:1 in the middle of a bin."""
    half = BINS // 2
    steps = np.arange(-half, half + 2) - 0.5
    return 4.0 ** (steps / half)


def formats(table: pd.DataFrame, y_true: np.ndarray) -> pd.DataFrame:
    """Share of each class that is of each format: a row for each format, the commonest first, and the columns
    0 (real) and 1 (AI-generated)."""
    shares = pd.crosstab(table["format"].astype(str), y_true, normalize="columns")
    shares = shares.reindex(columns=list(CLASS_TITLES), fill_value=0.0)
    order = shares.sum(axis=1).sort_values(ascending=False, kind="stable").index
    return shares.loc[order]
