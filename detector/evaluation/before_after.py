"""The same pictures before and after each perturbation, in pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from detector.evaluation.comparison import Pairs
from detector.evaluation.formulas import Rows
from detector.evaluation.perturbed import CLEAN
from detector.evaluation.subsets import ALL_ROWS, Subsets, named_sets


@dataclass(frozen=True, eq=False)
class PerturbedSet:
    """One set of pictures after one perturbation.

    pairs: the same pictures, first as they are, then perturbed; for ``CLEAN`` both are the same. rows: them
    as perturbed.
    """

    set_name: str
    perturbation: str
    rows: Rows
    pairs: Pairs

    @classmethod
    def of(
        cls, set_name: str, perturbation: str, y_true: np.ndarray, before: np.ndarray, after: np.ndarray
    ) -> PerturbedSet:
        """From truth and both scores, (n,) each."""
        return cls(set_name, perturbation, Rows(y_true, after), Pairs(y_true, before, after))


@dataclass(frozen=True, eq=False)
class _Copies:
    """The copies of one perturbation. place: (n,) of each picture in the clean table, ascending. y_score:
    (n,) as perturbed."""

    place: np.ndarray
    y_score: np.ndarray

    def of(self, inside: np.ndarray) -> _Copies:
        """Those whose picture is in the set. inside: bool, one per row of the clean table."""
        chosen = inside[self.place]
        return _Copies(self.place[chosen], self.y_score[chosen])


def perturbed_sets(tables: dict[str, pd.DataFrame]) -> list[PerturbedSet]:
    """Each named set before and after each perturbation, on the pictures that have both, matched by ``id``.
    tables: what ``by_perturbation`` gives.

    Sets that hold the same such pictures are listed once, under the narrowest name. Empty where nothing can
    be paired.
    """
    clean = tables.get(CLEAN)
    if clean is None or len(tables) < 2 or "id" not in clean:
        return []
    clean = clean.drop_duplicates("id", keep=False).reset_index(drop=True)
    perturbed = [name for name in tables if name != CLEAN]
    copies = {name: _matched(clean, tables[name]) for name in perturbed}
    has_copy = np.zeros(len(clean), dtype=bool)
    for each in copies.values():
        has_copy[each.place] = True
    sets = {name: inside & has_copy for name, inside in named_sets(clean).items()}
    found: list[PerturbedSet] = []
    for set_name, inside in _distinct(sets).items():
        inside_copies = {name: each.of(inside) for name, each in copies.items()}
        found += _of_set(set_name, clean, inside_copies)
    return found


def _of_set(set_name: str, clean: pd.DataFrame, copies: dict[str, _Copies]) -> list[PerturbedSet]:
    """One set before and after each perturbation of which it has copies."""
    y_true, y_score = clean["y_true"].to_numpy(), clean["y_score"].to_numpy()
    found: list[PerturbedSet] = []
    pictures_before = None
    for perturbation, each in copies.items():
        if not len(each.place):
            continue
        labels, before = y_true[each.place], y_score[each.place]
        pictures = each.place.tobytes()
        if pictures != pictures_before:  # other pictures than those of the last perturbation
            found.append(PerturbedSet.of(set_name, CLEAN, labels, before, before))
            pictures_before = pictures
        found.append(PerturbedSet.of(set_name, perturbation, labels, before, each.y_score))
    return found


def _matched(clean: pd.DataFrame, rows: pd.DataFrame) -> _Copies:
    """The rows whose picture is in ``clean``, with the same truth."""
    if "id" not in rows:
        return _Copies(np.empty(0, np.int64), np.empty(0))
    rows = rows.drop_duplicates("id", keep=False)
    clean_ids = pd.Index(clean["id"].astype(str))
    place = clean_ids.get_indexer(pd.Index(rows["id"].astype(str)))
    is_there = place >= 0
    place, y_true = place[is_there], rows["y_true"].to_numpy()[is_there]
    y_score = rows["y_score"].to_numpy()[is_there]
    same_truth = clean["y_true"].to_numpy()[place] == y_true
    place, y_score = place[same_truth], y_score[same_truth]
    order = np.argsort(place)
    return _Copies(place[order], y_score[order])


def _distinct(sets: Subsets) -> Subsets:
    """Without empty sets, without repeats (the later name, which is the narrower, stays) and, if any other
    is left, without all rows."""
    last: dict[bytes, str] = {}
    for name, inside in sets.items():
        if inside.any():
            last[inside.tobytes()] = name
    kept = {name: sets[name] for name in last.values()}
    if len(kept) > 1:
        kept.pop(ALL_ROWS, None)
    return kept
