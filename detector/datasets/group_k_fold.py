"""Whole sources left out of training: what a model makes of sources it has not seen, without touching the
test and unseen splits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from detector.datasets.dataset import CLASS_TITLES, Dataset, DatasetError, counted
from detector.datasets.splits import manifest_hash, small_splits, without_leaks

USES = {"train": "train", "val": "validate", "unseen": "judge"}


def source_folds(rows: pd.DataFrame, count: int) -> np.ndarray:
    """int (N,): the fold in which each row is left out. Whole sources; paired ones and others each spread
    evenly, the largest first."""
    fold = pd.Series(-1, index=rows.index)
    for _, part in rows.groupby("paired"):
        filled = np.zeros(count, int)
        for source, size in sorted(
            part["source"].value_counts().items(), key=lambda each: (-each[1], each[0])
        ):
            chosen = int(filled.argmin())
            fold[part.index[part["source"] == source]] = chosen
            filled[chosen] += size
    return fold.to_numpy()


def leave_out(dataset: Dataset, fold: int, folds: int) -> Dataset:
    """The dataset with ``train`` and ``val`` without one fold's sources, and those sources' training images
    as ``unseen``; nothing of its own test and unseen splits is in it. fold: from 0 to folds - 1.

    Raises DatasetError if a class would be missing from any of the three.
    """
    train = dataset.split("train")
    sources = set(train["source"][source_folds(train, folds) == fold])
    rows = dataset.rows[dataset.rows["split"].isin(("train", "val"))]
    left_out = rows["source"].isin(sources)
    rows = rows[~left_out | (rows["split"] == "train")]
    rows = rows.assign(split=rows["split"].mask(left_out, "unseen"))
    rows, _ = without_leaks(rows)
    for split, use in USES.items():
        for y_true, title in CLASS_TITLES.items():
            if not ((rows["split"] == split) & (rows["y_true"] == y_true)).any():
                raise DatasetError(
                    f"With fold {fold} of {folds} left out, there are no {title} images to {use} with. Choose"
                    " other folds."
                )
    count = int((rows["split"] == "unseen").sum())
    note = (
        f"{counted(count, 'image')} left out of training, to judge by: fold {fold} of {folds}, {len(sources)}"
        " sources."
    )
    return replace(
        dataset,
        rows=rows,
        manifest_hash=manifest_hash(rows),
        notes=(*dataset.notes, note),
        small_splits=tuple(small_splits(rows)),
    )
