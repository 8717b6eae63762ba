"""What the parts of a test are called, on the Evaluate page, in cards and in the docs alike.

"unseen" are the rows whose column ``split`` says so, "unseen, paired" those of them whose subjects are
matched across the classes, "unseen, unpaired" the rest, and "unseen, web" the pictures of "unseen" after the
perturbation "web".
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype

from detector.evaluation.perturbed import CLEAN, names

ALL_ROWS = "all rows"
MAX_SPLITS = 60
"""Splits that are named; of more the most frequent."""
MOST_TELLING = ("unseen, paired", "unseen", "test")
"""What says most about pictures from elsewhere, in that order."""
QUOTED = (
    *("test", "test, paired", "unseen", "unseen, paired", "unseen, unpaired"),
    *("unseen2", "unseen2, paired", "unseen2, unpaired"),
)
"""The subsets that cards and docs quote."""

Subsets = dict[str, np.ndarray]
"""Name -> bool (n,), which rows are in it."""


def split_subsets(rows: pd.DataFrame) -> Subsets:
    """Each value of ``split``, and its paired and unpaired rows, some of which may be none.

    Rows count as paired only where a column ``paired`` of truth values says so.
    """
    if "split" not in rows:
        return {}
    split = rows["split"].astype(str)
    paired = np.zeros(len(rows), dtype=bool)
    if "paired" in rows and is_bool_dtype(rows["paired"]):
        paired = rows["paired"].to_numpy(dtype=bool)
    subsets: Subsets = {}
    for name in sorted(split.value_counts().index[:MAX_SPLITS]):
        inside = (split == name).to_numpy()
        subsets[name] = inside
        subsets[f"{name}, paired"] = inside & paired
        subsets[f"{name}, unpaired"] = inside & ~paired
    return subsets


def named_sets(rows: pd.DataFrame) -> Subsets:
    """The sets a test is looked at by: all rows, each split and, where only some of its rows are paired,
    these and the rest."""
    sets: Subsets = {ALL_ROWS: np.ones(len(rows), dtype=bool)}
    subsets = split_subsets(rows)
    splits = [name for name in subsets if f"{name}, paired" in subsets]
    for split in splits:
        sets[split] = subsets[split]
        parts = {name: subsets[name] for name in (f"{split}, paired", f"{split}, unpaired")}
        if all(part.any() for part in parts.values()):
            sets |= parts
    return sets


def quoted_subsets(rows: pd.DataFrame) -> Subsets:
    """The subsets every card and the docs quote, of ``QUOTED`` those with rows. rows: with the columns
    split and paired, and that of the perturbation if any.

    "unseen, paired, web" holds the pictures of "unseen, paired" after the perturbation "web". Only sets that
    were perturbed whole are named.
    """
    none = np.zeros(len(rows), dtype=bool)
    parts = split_subsets(rows)
    parts = {name: parts.get(name, none) for name in QUOTED}
    perturbation = names(rows)
    is_clean = perturbation == CLEAN
    subsets = {name: part & is_clean for name, part in parts.items()}
    matched_test = "test, paired" if subsets["test, paired"].any() else "test"
    for name in (matched_test, "unseen, paired", "unseen", "unseen2, paired", "unseen2"):
        for kind in pd.unique(perturbation[~is_clean]):
            after = parts[name] & (perturbation == kind)
            if after.sum() == subsets[name].sum():
                subsets[f"{name}, {kind}"] = after
    return {name: subset for name, subset in subsets.items() if subset.any()}


def default_set(sets: Iterable[str]) -> str:
    """The named set to begin with: what says most about pictures from elsewhere. Unseen sources with
    matched subjects, else unseen ones, else the test split, else all rows."""
    sets = set(sets)
    for name in MOST_TELLING:
        if name in sets:
            return name
    return ALL_ROWS
