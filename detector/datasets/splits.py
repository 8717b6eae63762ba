"""Every image into one split: those a dataset brings are kept, those it lacks are cut from train by whole
near-duplicate groups."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from detector.datasets.dataset import CLASS_TITLES, SPLITS, Dataset, DatasetError, Pairs

MOST_EXAMPLES = 20
FEW_OF_CLASS = 20
"""With fewer images of a class, the interval of any share of them is wider than 40 points."""


def pairs(ids: pd.Series, same: pd.Series | np.ndarray, different: pd.Series) -> Pairs:
    """The images that are the ``same`` as another one by that key and yet ``different`` from it by the other,
    all three of length n. An example is, of each such set, the first image with the lowest value of
    ``different`` and the first with the next."""
    table = pd.DataFrame({"id": ids.to_numpy(), "same": same, "different": different.to_numpy()})
    values = table.groupby("same")["different"].transform("nunique")
    concerned = table[values > 1]
    if concerned.empty:
        return Pairs()
    firsts = concerned.drop_duplicates(["same", "different"]).sort_values("different", kind="stable")
    examples = []
    for _, of_set in firsts.groupby("same", sort=False):
        first, second = of_set["id"].iloc[:2]
        examples.append((str(first), str(second)))
        if len(examples) == MOST_EXAMPLES:
            break
    return Pairs(len(concerned), tuple(sorted(examples)))


def small_splits(rows: pd.DataFrame) -> Iterator[str]:
    """A sentence for each split to judge by that has fewer than ``FEW_OF_CLASS`` images of a class."""
    for split in SPLITS[1:]:
        of_split = rows.loc[rows["split"] == split, "y_true"]
        real, ai = (int((of_split == y_true).sum()) for y_true in (0, 1))
        if len(of_split) and min(real, ai) < FEW_OF_CLASS:
            yield (
                f"The {split} split has only {real:,} real and {ai:,} AI-generated images: figures from fewer"
                f" than {FEW_OF_CLASS} of a class say little."
            )


def without_leaks(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Rows without the training images whose group reaches into another split, and how many those were."""
    training = rows["split"].isin(("", "train"))
    leaks = training & rows["group"].isin(rows.loc[~training, "group"])
    return rows[~leaks].reset_index(drop=True), int(leaks.sum())


def with_splits(rows: pd.DataFrame, seed: int, val_fraction: float, test_fraction: float) -> pd.DataFrame:
    """Every row with a split: what has none is train, and a val or test that is missing is cut from train."""
    rows = rows.assign(split=rows["split"].replace("", "train"))
    given = set(rows["split"])
    cut_test = "test" not in given and test_fraction > 0
    if cut_test:
        rows = _cut(rows, "test", test_fraction, seed)
    if "val" not in given:
        rows = _cut(rows, "val", val_fraction / (1 - test_fraction if cut_test else 1), seed)
    return rows


def _cut(rows: pd.DataFrame, into: str, fraction: float, seed: int) -> pd.DataFrame:
    """Move about ``fraction`` of train into another split, by whole groups, from each source and class alike.

    What one source could not give exactly (its groups too large, or too few) the next one of the class makes
    up for, so that a hundred sources of three images each still give a tenth. Every class gives at least one
    image if its groups allow.
    """
    train = rows[rows["split"] == "train"]
    groups = train.groupby("group").agg(
        size=("id", "size"), y_true=("y_true", "first"), source=("source", "first")
    )
    # Ordered by hash and not by a random permutation: adding an image elsewhere leaves most of the split as
    # it was.
    groups["order"] = [
        hashlib.sha256(f"{seed}/{into}/{group}".encode()).hexdigest() for group in groups.index
    ]
    chosen = []
    for _, of_class in groups.sort_values("order").groupby("y_true"):
        share, owed = max(fraction, 1 / of_class["size"].sum()), 0.0
        for _, stratum in of_class.groupby("source"):
            owed += share * stratum["size"].sum()
            for group, size in stratum["size"].items():
                if size <= 2 * owed + 1e-9:  # taking it comes nearer to what is owed than leaving it
                    chosen.append(group)
                    owed -= size
    moved = (rows["split"] == "train") & rows["group"].isin(chosen)
    return rows.assign(split=rows["split"].mask(moved, into))


def check_classes(rows: pd.DataFrame, brought: frozenset[str]) -> list[str]:
    """DatasetError unless train and val hold both classes; notes about other splits that hold only one.

    brought: the splits that the dataset had by itself; where val is not among them it was cut from train.
    """
    count = rows.groupby(["split", "y_true"]).size()
    for y_true, title in CLASS_TITLES.items():
        if not (rows["y_true"] == y_true).any():
            raise DatasetError(
                f"All images found are {CLASS_TITLES[1 - y_true]}. Add {title} ones: a detector learns from"
                " both."
            )
        for split in ("train", "val"):
            if count.get((split, y_true), 0):
                continue
            if "val" in brought:
                raise DatasetError(
                    f"The {split} split has no {title} images. Add more of them that differ from each other,"
                    " or name other splits in a manifest.csv."
                )
            of_class = rows["y_true"].value_counts()
            raise DatasetError(
                f"{of_class.get(1, 0):,} AI-generated and {of_class.get(0, 0):,} real images were found: too"
                f" few {title} ones that differ from each other to cut splits for training, validation and"
                " test from. Add more."
            )
    return [
        f"The {split} split has only {CLASS_TITLES[1 - y_true]} images: no ROC curve can be drawn from it."
        for split in ("test", "unseen", "unseen2")
        for y_true in CLASS_TITLES
        if split in count.index and not count.get((split, y_true), 0)
    ]


def manifest_hash(rows: pd.DataFrame) -> str:
    """Hex SHA-256 of ids, labels and splits."""
    lines = sorted(
        f"{id},{y_true},{split}\n"
        for id, y_true, split in zip(rows["id"], rows["y_true"], rows["split"], strict=True)
    )
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def only(dataset: Dataset, query: str) -> Dataset:
    """The dataset with those of its rows that a query of pandas asks for. Raises DatasetError for none."""
    try:
        rows = dataset.rows.query(query)
    except Exception as error:  # of pandas, NumPy or Python, as the query pleases
        raise DatasetError(f"{query!r} cannot be asked of the rows: {error}.") from error
    return replace(dataset, rows=rows, manifest_hash=manifest_hash(rows))
