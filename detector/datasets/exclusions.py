"""The exclusion list: images that are left out of whatever is done with a dataset, each with the reason.

A CSV file with the column ``file`` and, if somebody wrote it, ``reason``. Under the name `EXCLUSION_LIST`
beside the dataset (in its folder, or in that of its CSV file) it is honoured by everything that reads the
dataset; ``python -m train --exclude FILE`` names another one.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from detector.atomic_files import write_whole
from detector.datasets.dataset import DatasetError, counted
from detector.datasets.manifests import file_column, normal_path, read_csv
from detector.printable import encodable, printable

EXCLUSION_LIST = "exclude.csv"


@dataclass(frozen=True)
class Exclusions:
    """reasons: id -> why, "" where nobody said. name: of the file, as it may be shown; "" for no list."""

    reasons: dict[str, str]
    name: str = ""

    def applied_to(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """The rows that are not on the list, and sentences for the user on what the list did."""
        if not self.name:
            return rows, []
        ids = rows["id"].map(normal_path)
        listed = ids.isin(self.reasons)
        notes = []
        if n_left_out := int(listed.sum()):
            notes.append(f"{counted(n_left_out, 'image')} left out: listed in {self.name}.")
        if unknown := len(self.reasons.keys() - set(ids)):
            lines = (
                f"1 line of {self.name} names" if unknown == 1 else f"{unknown:,} lines of {self.name} name"
            )
            notes.append(f"{lines} no image of this dataset.")
        return rows[~listed].reset_index(drop=True), notes


NO_EXCLUSIONS = Exclusions({})


def exclusions(root: Path, named: str | os.PathLike | None = None) -> Exclusions:
    """The list that was named, else the one that lies in ``root``, else none.

    Raises DatasetError if one was named and is not there, or if it is no such list.
    """
    path = root / EXCLUSION_LIST if named is None else Path(named).expanduser()
    try:
        there = path.is_file()
    except (OSError, ValueError):
        there = False
    if not there and named is None:
        return NO_EXCLUSIONS
    if not there:
        raise DatasetError(f"There is no exclusion list {printable(path)}.")
    table = read_csv(path)
    files = file_column(table)
    name = printable(path.name)
    if files is None:
        raise DatasetError(f"{name} is no exclusion list: it needs the column file, and may have reason.")
    ids = table[files].map(normal_path)
    reasons = table["reason"] if "reason" in table else pd.Series("", table.index)
    return Exclusions({id: reason for id, reason in zip(ids, reasons, strict=True) if id}, name)


def exclusion_csv(reasons: Iterable[tuple[str, str]]) -> str:
    """An exclusion list as text, of (id, reason), each id once. Ids that are no UTF-8 cannot be in a table,
    and are never read anyway."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("file", "reason"))
    rows.writerows((id, reason) for id, reason in dict(reasons).items() if encodable(id))
    return text.getvalue()


def save_exclusions(root: Path, reasons: Iterable[tuple[str, str]]) -> str | None:
    """Put images on the list beside a dataset, in addition to those that are there. Returns what was there
    before, for ``restore_exclusions``.

    Raises DatasetError if it cannot be written, or what is there is no such list.
    """
    path = root / EXCLUSION_LIST
    together = exclusions(root).reasons | dict(reasons)
    try:
        before = path.read_text("utf-8-sig") if path.is_file() else None
        write_whole(path, exclusion_csv(together.items()))
    except OSError as error:
        raise _unwritable(path, error) from error
    return before


def restore_exclusions(root: Path, before: str | None) -> None:
    """Undo ``save_exclusions``. before: what it returned. Raises DatasetError."""
    path = root / EXCLUSION_LIST
    try:
        if before is None:
            path.unlink(missing_ok=True)
        else:
            write_whole(path, before)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> DatasetError:
    return DatasetError(f"{printable(path)} cannot be written: {error.strerror or error}.")
