"""Copies of the same pictures as they arrive after a delivery: told apart, so that no figure counts a picture twice, and compared in pairs.

A table may have a column ``delivery``: empty for a picture as it is, otherwise the name of what was done to it (see ``detector.delivery``).
Copies share their ``id``. Tables without the column hold pictures as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from detector.delivery import DELIVERIES
from detector.evaluation.comparison import Pairs
from detector.evaluation.curves import Curves
from detector.evaluation.slices import ALL_ROWS, named_sets

COLUMN = "delivery"
CLEAN = ""
CLEAN_WORDS = {"", "clean", "none", "original", "as it is"}
"""How people write that nothing was done; read without regard to case."""
MAX_DELIVERIES = 12
"""A column with more values is not about deliveries but about something else, and is left to the slices."""
TITLES = {CLEAN: "as it is", **{delivery.name: delivery.title for delivery in DELIVERIES}}
ORDER = list(TITLES)


def names(rows: pd.DataFrame) -> np.ndarray:
    """str objects (n,): the delivery of each row, ``CLEAN`` for none."""
    if COLUMN not in rows:
        return np.full(len(rows), CLEAN, dtype=object)
    codes, values = pd.factorize(rows[COLUMN], use_na_sentinel=False)
    if len(values) > MAX_DELIVERIES:
        return np.full(len(rows), CLEAN, dtype=object)
    return np.array([_name(value) for value in values.tolist()], dtype=object)[codes] if len(rows) else np.empty(0, dtype=object)


def by_delivery(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each delivery: pictures as they are first, then the deliveries of ``detector.delivery``, then any others."""
    if COLUMN not in rows:
        return {CLEAN: rows}
    arrived = names(rows)
    found = sorted(pd.unique(arrived).tolist(), key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    return {name: rows[arrived == name].reset_index(drop=True) for name in found} or {CLEAN: rows}


@dataclass(frozen=True, eq=False)
class Arrival:
    """One set of pictures after one delivery.

    pairs: the same pictures, first as they are, then as they arrive; for ``CLEAN`` both are the same. curves: of them as they arrive.
    """

    set_name: str
    delivery: str
    curves: Curves
    pairs: Pairs


def arrivals(tables: dict[str, pd.DataFrame]) -> list[Arrival]:
    """Each named set before and after each delivery, on the pictures that have both, matched by ``id``. tables: what ``by_delivery`` gives.

    Sets that hold the same such pictures are listed once, under the narrowest name. Empty where nothing can be paired.
    """
    clean = tables.get(CLEAN)
    if clean is None or len(tables) < 2 or "id" not in clean:
        return []
    clean = clean.drop_duplicates("id", keep=False).reset_index(drop=True)
    y_true, y_score = clean["y_true"].to_numpy(), clean["y_score"].to_numpy()
    matched = {name: _matched(clean, rows) for name, rows in tables.items() if name != CLEAN}
    shared = np.zeros(len(clean), dtype=bool)
    for place, _ in matched.values():
        shared[place] = True
    found: list[Arrival] = []
    for set_name, chosen in _distinct({name: chosen & shared for name, chosen in named_sets(clean).items()}).items():
        before: bytes | None = None
        for delivery, (place, damaged) in matched.items():
            inside = chosen[place]
            order = np.argsort(place[inside])
            place_inside, arrived = place[inside][order], damaged[inside][order]
            if not len(place_inside):
                continue
            labels, first = y_true[place_inside], y_score[place_inside]
            if place_inside.tobytes() != before:  # other pictures than the last delivery's: they have another starting point
                found.append(Arrival(set_name, CLEAN, Curves.of(labels, first), Pairs(labels, first, first)))
                before = place_inside.tobytes()
            found.append(Arrival(set_name, delivery, Curves.of(labels, arrived), Pairs(labels, first, arrived)))
    return found


def only_compressed(tables: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Delivery -> share of its pictures that kept their size: nothing had to shrink, so it only compressed them again.

    Deliveries whose pictures' width and height, before and after, are not known are left out.
    """
    sides = ["width", "height"]
    known = {name: rows for name, rows in tables.items() if {"id", *sides} <= set(rows)}
    if CLEAN not in known:
        return {}
    clean = known.pop(CLEAN)[["id", *sides]].drop_duplicates("id", keep=False)
    shares = {}
    for name, rows in known.items():
        both = pd.merge(clean, rows[["id", *sides]], on="id", suffixes=("", "_after"))
        if len(both):
            shares[name] = float(((both["width"] == both["width_after"]) & (both["height"] == both["height_after"])).mean())
    return shares


def _matched(clean: pd.DataFrame, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(places in ``clean``, scores) of the rows whose picture is there, with the same truth."""
    if "id" not in rows:
        return np.empty(0, np.int64), np.empty(0)
    rows = rows.drop_duplicates("id", keep=False)
    place = pd.Index(clean["id"].astype(str)).get_indexer(rows["id"].astype(str))
    kept = place >= 0
    kept[kept] = clean["y_true"].to_numpy()[place[kept]] == rows["y_true"].to_numpy()[kept]
    return place[kept], rows["y_score"].to_numpy()[kept]


def _distinct(sets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Without empty sets, without repeats (the later name, which is the narrower, stays) and, if any other is left, without all rows."""
    last = {chosen.tobytes(): name for name, chosen in sets.items() if chosen.any()}
    kept = {name: sets[name] for name in last.values()}
    if len(kept) > 1:
        kept.pop(ALL_ROWS, None)
    return kept


def _name(value: object) -> str:
    if value is None or value != value or str(value).strip().lower() in CLEAN_WORDS:
        return CLEAN
    return str(value).strip()
