"""Is every file there, and inside the dataset's folder?"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from functools import cache
from pathlib import Path, PurePosixPath

import pandas as pd

from detector.datasets.dataset import DatasetError
from detector.printable import printable


def without_repeats(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows sorted by id, each id once; DatasetError if one image is labelled or split two ways."""
    rows = rows.sort_values("id", kind="stable", ignore_index=True)
    for column, what in (("y_true", "labelled both AI-generated and real"), ("split", "put into two splits")):
        twice = rows.groupby("id")[column].nunique().loc[lambda n: n > 1]
        if len(twice):
            others = f" (and {len(twice) - 1} more)" if len(twice) > 1 else ""
            first = printable(str(twice.index[0]))
            raise DatasetError(f"{first}{others} is {what}. Correct the manifest and try again.")
    return rows.drop_duplicates("id", ignore_index=True)


def on_disk(root: Path, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """The rows whose file exists inside root, and (id, sentence) for the others."""
    real_root = os.path.realpath(root)

    def inside(path: str) -> bool:
        return path == real_root or path.startswith(os.path.join(real_root, ""))

    @cache
    def folder_inside(folder: str) -> bool:
        return inside(os.path.realpath(os.path.join(real_root, folder)))

    def problem(id: str) -> str | None:
        parts = PurePosixPath(id).parts
        if not id or "\0" in id:
            return "This row names no file."
        # A manifest can come from anybody: it must not make us open files that are none of the dataset's.
        if (
            id.startswith("/")
            or ".." in parts
            or re.match(r"[A-Za-z]:", id)
            or not folder_inside(os.path.dirname(id))
        ):
            return "The path leads out of the dataset's folder, so the file was not opened."
        path = os.path.join(real_root, id)
        try:
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                if not inside(os.path.realpath(path)):
                    return "The file is a link that leads out of the dataset's folder, so it was not opened."
                mode = os.stat(path).st_mode
        except (OSError, ValueError):
            return "The file was not found."
        return None if stat.S_ISREG(mode) else "This is not a file."

    problems = rows["id"].map(problem)
    bad = problems.notna()
    missing = list(zip(rows.loc[bad, "id"], problems[bad], strict=True))
    return rows[~bad].reset_index(drop=True), missing


def require_some(rows: pd.DataFrame, unreadable: Sequence[tuple[str, str]], root: Path) -> None:
    """DatasetError if nothing is left, naming the first file and what is wrong with it."""
    if rows.empty:
        id, sentence = unreadable[0]
        raise DatasetError(
            f"None of the {len(unreadable)} images in {printable(root)} can be used. The first is"
            f" {printable(id)}: {sentence}"
        )
