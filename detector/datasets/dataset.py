"""What a dataset is, and the names that every part of it is known by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

COLUMNS = ("id", "y_true", "split", "source", "generator", "kind", "paired", "group")
SPLITS = ("train", "val", "test", "unseen")
# Manifest columns with this prefix say what a file was before it came into the dataset: its format, its size.
FACT_PREFIX = "original_"
PRACTICE_MARK = "practice.json"
"""Makes a folder recognisable as a practice set, see `detector.practice`."""
CLASS_TITLES = {0: "real", 1: "AI-generated"}
UNKNOWN = "unknown"


class DatasetError(ValueError):
    """The dataset cannot be used; ``str(error)`` is one or two plain sentences for the user that say what to do."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images on disk, each with a split.

    ``rows`` has the columns `COLUMNS`, sorted by id: ``id`` (path relative to ``root``, with forward slashes), ``y_true``
    (int8, 1 = AI-generated, 0 = real), ``split`` (one of `SPLITS`), ``source``, ``generator``, ``kind`` ("unknown" where nobody
    said), ``paired`` (bool: real and AI images of this source share subject matter) and ``group`` (near-duplicates share one).
    After them come the manifest's own columns named ``original_...``, numbers where every cell is one: never model input, but
    evaluation asks whether the scores follow them.
    """

    root: Path
    layout: str  # "manifest" | "csv" | "split folders" | "class folders"
    rows: pd.DataFrame
    unreadable: tuple[tuple[str, str], ...]  # (relative path, sentence) of what was left out
    manifest_hash: str  # sha256, hex: fixes which images were trained on, with which labels, in which split
    notes: tuple[str, ...]  # sentences the user should see
    practice: bool = False  # made by `detector.practice`: a model trained on it says so

    def split(self, name: str) -> pd.DataFrame:
        """The rows of one split, possibly none; raises ValueError for a name not in `SPLITS`."""
        if name not in SPLITS:
            raise ValueError(f"There is no split {name!r}; the splits are {', '.join(SPLITS)}.")
        return self.rows[self.rows["split"] == name].reset_index(drop=True)

    def path(self, id: str) -> Path:
        """Where the image with this id lies on disk."""
        return self.root / id


def counted(n: int, noun: str) -> str:
    """"1 image was", "1,200 images were"."""
    return f"{n:,} {noun} was" if n == 1 else f"{n:,} {noun}s were"
