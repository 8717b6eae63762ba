"""Control sets: rows of a test in which the file itself gives nothing away.

A detector that has learnt "PNG" or "1,024 pixels wide" instead of what generators leave in pixels does well
on a test whose classes differ in format or size, and falls to chance on these rows. Real photographs from
cameras are a control of another kind: every AI-generated verdict among them is a false alarm.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from detector.evaluation.subsets import Subsets, quoted_subsets

JPEG, SIZES, CAMERA = "JPEG files", "sizes matched", "camera photographs"
"""What the controls of a set are called, behind its name."""
BINS_AN_OCTAVE = 4
"""Short sides count as alike within a factor of 2 ** (1 / BINS_AN_OCTAVE), so within 19%."""
CONTROLLED = ("test", "unseen", "unseen, paired", "unseen2, paired")
"""The sets that have controls."""
MIN_ROWS = 20
"""Of a class, for a control to be quoted."""


def control_subsets(rows: pd.DataFrame) -> Subsets:
    """The controls of each set in ``CONTROLLED`` that its rows allow: name -> bool (n,). rows: pictures as
    they are, with the facts of the file as it was collected, ``original_*``, where they are known.

    "JPEG files" are those of a set that came as JPEG, in either class. "sizes matched" holds as many pictures
    of each class in every bin of short sides; which ones depends on their ids alone. "camera photographs" are
    the real ones that a camera or phone made, as their source tells.
    """
    controls: Subsets = {}
    y_true = rows["y_true"].to_numpy()
    subsets = quoted_subsets(rows)
    jpegs, cameras = _came_as_jpeg(rows), _by_camera(rows)
    for name in [each for each in CONTROLLED if each in subsets]:
        inside = subsets[name]
        if jpegs is not None:
            jpeg = inside & jpegs
            if not np.array_equal(jpeg, inside) and _both_classes(y_true[jpeg]):
                controls[f"{name}, {JPEG}"] = jpeg
        if {"original_width", "original_height", "id"} <= set(rows):
            matched = _of_matched_sizes(rows, inside)
            if _both_classes(y_true[matched]):
                controls[f"{name}, {SIZES}"] = matched
        if cameras is not None:
            photographs = inside & cameras
            if np.count_nonzero(photographs) >= MIN_ROWS:
                controls[f"{name}, {CAMERA}"] = photographs
    return controls


def _came_as_jpeg(rows: pd.DataFrame) -> np.ndarray | None:
    """bool (n,); None where nothing says it."""
    if "original_format" not in rows:
        return None
    return (rows["original_format"].astype(str) == "JPEG").to_numpy()


def _by_camera(rows: pd.DataFrame) -> np.ndarray | None:
    """bool (n,): real photographs that a camera or phone made; None where nothing says it."""
    if not {"generator", "kind"} <= set(rows):
        return None
    camera = rows["generator"].astype(str).str.startswith("camera") & (rows["kind"] == "photo")
    return camera.to_numpy() & (rows["y_true"] == 0).to_numpy()


def _both_classes(y_true: np.ndarray) -> bool:
    n_ai = int(np.count_nonzero(y_true == 1))
    return min(n_ai, len(y_true) - n_ai) >= MIN_ROWS


def _of_matched_sizes(rows: pd.DataFrame, inside: np.ndarray) -> np.ndarray:
    """bool (n,): of the rows ``inside``, as many of each class in every bin of short sides."""
    chosen = np.zeros(len(rows), dtype=bool)
    short_sides = rows[["original_width", "original_height"]].min(axis=1).to_numpy(dtype=float)
    bins = np.full(len(rows), np.nan)
    known = inside & (short_sides > 0)
    bins[known] = np.floor(np.log2(short_sides[known]) * BINS_AN_OCTAVE)
    mixed = pd.util.hash_array(rows["id"].to_numpy(dtype=object))  # an order of no meaning
    y_true = rows["y_true"].to_numpy()
    for each in np.unique(bins[known]):
        of_class = [np.flatnonzero((bins == each) & (y_true == label)) for label in (0, 1)]
        count = min(len(places) for places in of_class)
        for places in of_class:
            chosen[places[np.argsort(mixed[places], kind="stable")[:count]]] = True
    return chosen
