"""Pictures that are in a dataset more than once, and what its splits would be without leaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from detector.datasets.dataset import CLASS_TITLES, SPLITS


@dataclass(frozen=True)
class DuplicateSet:
    """Near-duplicates of each other. members: places of their rows, real ones first. exact: all show the
    same pixels. across_classes, across_splits: they are of both classes, or of several splits that the
    dataset brings."""

    members: tuple[int, ...]
    exact: bool
    across_classes: bool
    across_splits: bool


@dataclass(frozen=True)
class Duplicates:
    """sets: the worst first: across classes and splits, across classes, across splits, the others by size."""

    sets: tuple[DuplicateSet, ...]

    def pictures(self, *, exact: bool = False) -> int:
        """How many pictures have a near-duplicate, or are in a set that is exact."""
        return sum(len(each.members) for each in self.sets if each.exact or not exact)

    @property
    def across_classes(self) -> list[DuplicateSet]:
        return [each for each in self.sets if each.across_classes]

    @property
    def across_splits(self) -> list[DuplicateSet]:
        return [each for each in self.sets if each.across_splits]


def find_duplicates(rows: pd.DataFrame, contents: np.ndarray, alike: np.ndarray) -> Duplicates:
    """rows: as in `Examined`. contents, alike (n,): equal for the same pixels, and for near-duplicates."""
    split = rows["split"].replace("", "train")
    table = pd.DataFrame(
        {"content": contents, "y_true": rows["y_true"].to_numpy(), "split": split.to_numpy(), "alike": alike}
    )
    several = table[table.duplicated("alike", keep=False)].sort_values(["alike", "y_true"], kind="stable")
    sets = list(_sets(several))
    sets.sort(key=lambda each: (-2 * each.across_classes - each.across_splits, -len(each.members)))
    return Duplicates(tuple(sets))


def _sets(several: pd.DataFrame) -> Iterator[DuplicateSet]:
    if several.empty:
        return
    starts = np.flatnonzero(np.diff(several["alike"].to_numpy(), prepend=several["alike"].iloc[0] - 1))
    places = np.split(several.index.to_numpy(), starts[1:])
    contents, splits = several["content"].to_numpy(), several["split"].to_numpy()
    classes = several["y_true"].to_numpy()
    for start, members in zip(starts.tolist(), places, strict=True):
        here = slice(start, start + len(members))
        yield DuplicateSet(
            members=tuple(members.tolist()),
            exact=len(set(contents[here])) == 1,
            across_classes=len(set(classes[here].tolist())) == 2,
            across_splits=len(set(splits[here])) > 1,
        )


def both_labels_reasons(rows: pd.DataFrame, duplicates: Duplicates) -> list[tuple[str, str]]:
    """(id, why) of pictures whose very pixels are there under both labels: nobody can say which is right."""
    return [
        (str(rows["id"].iloc[place]), "The same picture is here as AI-generated and as real.")
        for each in duplicates.sets
        if each.exact and each.across_classes
        for place in each.members
    ]


def leaks(rows: pd.DataFrame, groups: np.ndarray) -> pd.DataFrame:
    """The images that would have to go so that no group lies in two splits: ``place``, their own ``split``
    and the one that ``keeps`` the group, the last of `SPLITS` in which it has an image.

    groups (n,): near-duplicates, and whatever else belongs together, share one.
    """
    order = {split: number for number, split in enumerate(SPLITS)}
    rank = rows["split"].replace("", "train").map(order).to_numpy()
    kept = pd.Series(rank).groupby(groups).transform("max").to_numpy()
    places = np.flatnonzero(rank < kept)
    names = np.array(SPLITS, dtype=object)
    return pd.DataFrame({"place": places, "split": names[rank[places]], "keeps": names[kept[places]]})


def leak_reasons(rows: pd.DataFrame, leaking: pd.DataFrame) -> list[tuple[str, str]]:
    """(id, why) of every image that leaks."""
    ids = rows["id"].iloc[leaking["place"]]
    return [
        (str(id), f"A near-duplicate, or a picture of the same group, is in {keeps}.")
        for id, keeps in zip(ids, leaking["keeps"], strict=True)
    ]


def split_counts(rows: pd.DataFrame) -> dict[str, dict[int, int]]:
    """Split -> images of each class, in the order of `SPLITS`; images of no split are in ""."""
    counts = rows.groupby(["split", "y_true"]).size()
    there = [split for split in ("", *SPLITS) if split in counts.index.get_level_values(0)]
    return {
        split: {y_true: int(counts.get((split, y_true), 0)) for y_true in CLASS_TITLES} for split in there
    }
