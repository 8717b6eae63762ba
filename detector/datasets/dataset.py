"""What a dataset is, and the names that every part of it is known by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

COLUMNS = ("id", "y_true", "split", "source", "generator", "kind", "paired", "group")
SPLITS = ("train", "val", "test", "unseen", "unseen2")
"""unseen: whole sources never trained or tuned on; unseen2: others, reported on once per finished model."""
# Manifest columns with this prefix say what a file was before it came into the dataset: its format, its size.
FACT_PREFIX = "original_"
TEACHER_SCORE = "teacher_score"
"""The manifest's column with what another model says of a picture, P(AI-generated), for training with soft
labels."""
PRACTICE_MARK = "practice.json"
"""Makes a folder recognisable as a practice set, see `detector.practice_set`."""
CLASS_TITLES = {0: "real", 1: "AI-generated"}
UNKNOWN = "unknown"


class DatasetError(ValueError):
    """The dataset cannot be used; ``str(error)`` is one or two plain sentences for the user that say what
    to do."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """What a layout says of the images, before any of them is looked for.

    root: the folder the ids are relative to. layout: as in `Dataset`. rows: as in `Dataset`, "" where a
    split or group is not said. notes: sentences the user should see. unreadable: (printable path, sentence)
    of images that cannot be among the rows.
    """

    root: Path
    layout: str
    rows: pd.DataFrame
    notes: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Pairs:
    """Pictures that should not both be there. count: how many images are concerned. examples: (id, id) of
    the first of them."""

    count: int = 0
    examples: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images on disk, each with a split.

    ``rows`` has the columns `COLUMNS`, sorted by id: ``id`` (path relative to ``root``, with forward
    slashes), ``y_true`` (int8, 1 = AI-generated, 0 = real), ``split`` (one of `SPLITS`), ``source``,
    ``generator``, ``kind`` ("unknown" where nobody said), ``paired`` (bool: real and AI images of this source
    share subject matter) and ``group`` (near-duplicates share one). After them come the manifest's own
    columns named ``original_...``, numbers where every cell is one: never model input, but evaluation asks
    whether the scores follow them. Where the manifest has it, ``teacher_score`` (float, NaN where its cell is
    empty) is what another model says of the picture.
    """

    root: Path
    layout: str  # "manifest" | "csv" | "split folders" | "class folders"
    rows: pd.DataFrame
    unreadable: tuple[tuple[str, str], ...]  # (relative path, sentence) of what was left out
    manifest_hash: str  # sha256, hex: fixes which images were trained on, with which labels, in which split
    notes: tuple[str, ...]  # sentences the user should see
    practice: bool = False  # made by `detector.practice_set`: a model trained on it says so
    both_labels: Pairs = Pairs()  # (real, AI-generated): the same picture, pixel for pixel, under both labels
    across_splits: Pairs = Pairs()  # near-duplicates that the dataset itself had put into different splits
    small_splits: tuple[
        str, ...
    ] = ()  # sentences on val, test and unseen where they are too small to judge by

    def split(self, name: str) -> pd.DataFrame:
        """The rows of one split, possibly none; raises ValueError for a name not in `SPLITS`."""
        if name not in SPLITS:
            raise ValueError(f"There is no split {name!r}; the splits are {', '.join(SPLITS)}.")
        return self.rows[self.rows["split"] == name].reset_index(drop=True)

    def path(self, id: str) -> Path:
        """Where the image with this id lies on disk."""
        return self.root / id


def counted(n: int, noun: str) -> str:
    """ "1 image was", "1,200 images were"."""
    return f"{n:,} {noun} was" if n == 1 else f"{n:,} {noun}s were"
