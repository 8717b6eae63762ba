"""Copies of the same pictures as they are after a perturbation: told apart, so that no figure counts a
picture twice.

A table may have the column ``COLUMN``: empty for a picture as it is, otherwise the name of what was done to
it (see ``detector.perturbations``). Copies share their ``id``. Tables without the column hold pictures as
they are.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from detector.perturbations import PERTURBATIONS

COLUMN = "delivery"
"""What the column of the perturbation is called in files."""
CLEAN = ""
CLEAN_WORDS = {"", "clean", "none", "original", "as it is"}
"""How people write that nothing was done; read without regard to case."""
MAX_PERTURBATIONS = 12
"""A column with more values is about something else, and is left to the slices."""
CLEAN_TITLE = "as it is"
SIDES = ["width", "height"]


def titles() -> dict[str, str]:
    """Perturbation -> what people call it, in the order in which they are shown: those that are registered
    now."""
    return {CLEAN: CLEAN_TITLE} | {name: entry.title for name, entry in PERTURBATIONS.items()}


def names(rows: pd.DataFrame) -> np.ndarray:
    """str objects (n,): the perturbation of each row, ``CLEAN`` for none."""
    nothing_done = np.full(len(rows), CLEAN, dtype=object)
    if COLUMN not in rows or not len(rows):
        return nothing_done
    codes, values = pd.factorize(rows[COLUMN], use_na_sentinel=False)
    if len(values) > MAX_PERTURBATIONS:
        return nothing_done
    read = [_name(value) for value in values.tolist()]
    return np.array(read, dtype=object)[codes]


def by_perturbation(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each perturbation: pictures as they are first, then those of ``detector.perturbations``,
    then any others."""
    if COLUMN not in rows or not len(rows):
        return {CLEAN: rows}
    of_row = names(rows)
    order = list(titles())
    found = sorted(pd.unique(of_row).tolist(), key=lambda name: _place(name, order))
    return {name: rows[of_row == name].reset_index(drop=True) for name in found}


def only_compressed(tables: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Perturbation -> share of its pictures that kept their size: nothing had to shrink, so it only
    compressed them again.

    Perturbations whose pictures' width and height, before and after, are not known are left out.
    """
    needed = {"id", *SIDES}
    if CLEAN not in tables or not needed <= set(tables[CLEAN]):
        return {}
    clean = tables[CLEAN][["id", *SIDES]].drop_duplicates("id", keep=False)
    shares = {}
    for name, rows in tables.items():
        if name == CLEAN or not needed <= set(rows):
            continue
        both = pd.merge(clean, rows[["id", *SIDES]], on="id", suffixes=("", "_after"))
        if len(both):
            same_width = both["width"] == both["width_after"]
            same_height = both["height"] == both["height_after"]
            shares[name] = float((same_width & same_height).mean())
    return shares


def _place(name: str, order: list[str]) -> tuple[int, str]:
    """Known perturbations in their order, then the others by name."""
    return (order.index(name) if name in order else len(order)), name


def _name(value: object) -> str:
    is_missing = value is None or value != value
    if is_missing or str(value).strip().lower() in CLEAN_WORDS:
        return CLEAN
    return str(value).strip()
