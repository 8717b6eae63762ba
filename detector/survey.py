"""A look at a folder of images before anything is trained on it: what would a run find there?

The folder's name comes from whoever types it, and the folder from anywhere: whatever is wrong with either becomes a DatasetError,
whose text is for the user.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from detector.datasets import NOT_LOOKED_FOR, SPLITS, Dataset, DatasetError, load_dataset
from detector.images import Photo

COUNTING, CHECKING = "counting", "checking"
MOST_UNREADABLE = 20
MOST_SAMPLES = 6

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Sides:
    """Of the images as they are on disk, pixels."""

    minimum: int
    median: int
    maximum: int


@dataclass(frozen=True)
class Survey:
    """What lies in a folder of images.

    root: the dataset's own folder, which may lie inside the one that was named. layout: as in `Dataset`.
    counts: split -> images of each class, {0: real, 1: AI-generated}, in the order of `SPLITS` and without empty splits. Before the check
        near-duplicates are not known, so the splits that are cut here, not brought along, are only about right.
    sources: source -> images, the largest first.
    unreadable: (relative path, sentence) of the first ``MOST_UNREADABLE`` images that cannot be used, of ``unreadable_count``.
    short_sides, long_sides: None before the check.
    samples: class -> paths of a few images, from as many sources as there are, for showing.
    notes: sentences the user should see. practice: whether it is a practice set. checked: whether every image was decoded.
    manifest_hash: as in `Dataset`; changes with images, labels and splits.
    """

    root: Path
    layout: str
    counts: dict[str, dict[int, int]]
    sources: dict[str, int]
    unreadable: tuple[tuple[str, str], ...]
    unreadable_count: int
    short_sides: Sides | None
    long_sides: Sides | None
    samples: dict[int, tuple[Path, ...]]
    notes: tuple[str, ...]
    practice: bool
    checked: bool
    manifest_hash: str

    @property
    def images(self) -> int:
        """How many can be used."""
        return sum(sum(of_class.values()) for of_class in self.counts.values())

    def of_class(self, y_true: int) -> int:
        """How many images of a class can be used, in all splits together."""
        return sum(of_class[y_true] for of_class in self.counts.values())


def survey(folder: str | os.PathLike, *, check_files: bool = True, seed: int = 0, progress: Progress | None = None) -> Survey:
    """Look at a dataset as a run with this seed would.

    Without ``check_files`` files are only counted, which is quick; with it every image is decoded, about 1-5 ms each.
    ``progress(stage, done, total)`` is called from the calling thread: stage ``COUNTING``, with the image files found so far and None, then
    ``CHECKING``. What it raises ends the work. Raises DatasetError if a run could not start.
    """
    sizes: list[tuple[int, int]] = []  # list.append is safe from many threads
    dataset = load_dataset(
        typed(folder),
        seed=seed,
        check_files=check_files,
        found=progress and (lambda files: progress(COUNTING, files, None)),
        progress=progress and (lambda done, total: progress(CHECKING, done, total)),
        inspect=lambda id, photo: sizes.append(_sides(photo)),
    )
    rows = dataset.rows
    short, long = np.array(sizes, int).reshape(-1, 2).T
    return Survey(
        root=dataset.root,
        layout=dataset.layout,
        counts=_counts(rows),
        sources={str(name): int(count) for name, count in rows["source"].value_counts().items()},
        unreadable=dataset.unreadable[:MOST_UNREADABLE],
        unreadable_count=len(dataset.unreadable),
        short_sides=_summary(short),
        long_sides=_summary(long),
        samples={y_true: tuple(_samples(dataset, y_true)) for y_true in (0, 1)},
        notes=tuple(note for note in dataset.notes if note != NOT_LOOKED_FOR),  # that is what the check is for
        practice=dataset.practice,
        checked=check_files,
        manifest_hash=dataset.manifest_hash,
    )


def typed(folder: str | os.PathLike) -> Path:
    """The path that somebody typed or pasted: without the blanks and quotes around it, "~" resolved, absolute. Raises DatasetError."""
    text = os.fspath(folder).strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    if not text:
        raise DatasetError("Give the folder of a dataset, or its CSV file.")
    try:
        return Path(os.path.abspath(Path(text).expanduser()))
    except (RuntimeError, ValueError):  # no such user; no path at all
        raise DatasetError(f"{text} does not exist. Give the folder of a dataset, or its CSV file.") from None


def _sides(photo: Photo) -> tuple[int, int]:
    return min(photo.width, photo.height), max(photo.width, photo.height)


def _summary(sides: np.ndarray) -> Sides | None:
    return Sides(int(sides.min()), int(np.median(sides)), int(sides.max())) if len(sides) else None


def _counts(rows: pd.DataFrame) -> dict[str, dict[int, int]]:
    counts = rows.groupby(["split", "y_true"]).size()
    return {split: {y_true: int(counts.get((split, y_true), 0)) for y_true in (0, 1)} for split in SPLITS if split in counts.index}


def _samples(dataset: Dataset, y_true: int) -> list[Path]:
    """Images of a class: the sources take turns, each with images spread over what it has."""
    of_class = dataset.rows[dataset.rows["y_true"] == y_true]
    turns = of_class.groupby("source")["id"].transform(_spread)
    order = turns.sort_values(kind="stable").index[:MOST_SAMPLES]
    return [dataset.path(id) for id in of_class.loc[order, "id"]]


def _spread(ids: pd.Series) -> np.ndarray:
    """Ranks for the images of a source, such that the first ``MOST_SAMPLES`` lie evenly apart."""
    ranks = np.full(len(ids), MOST_SAMPLES)
    picked = np.unique(np.linspace(0, len(ids) - 1, MOST_SAMPLES).round().astype(int))
    ranks[picked] = np.arange(len(picked))
    return ranks
