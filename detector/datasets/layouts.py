"""Which layout is it?"""

from __future__ import annotations

import os
from pathlib import Path

from detector.datasets.dataset import DatasetError, Labelled
from detector.datasets.exclusions import EXCLUSION_LIST
from detector.datasets.folders import Tally, enter_wrappers, entries, from_folders, scan
from detector.datasets.manifests import from_csv, read_csv
from detector.printable import printable


def typed(folder: str | os.PathLike) -> Path:
    """The path that somebody typed or pasted: without the blanks and quotes around it, "~" resolved,
    absolute. Raises DatasetError."""
    text = os.fspath(folder).strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    if not text:
        raise DatasetError("Give the folder of a dataset, or its CSV file.")
    try:
        return Path(os.path.abspath(Path(text).expanduser()))
    except (RuntimeError, ValueError):  # no such user; no path at all
        raise DatasetError(f"{text} does not exist. Give the folder of a dataset, or its CSV file.") from None


def existing(root: str | os.PathLike) -> Path:
    """The path, "~" resolved; DatasetError if there is nothing, or nobody can tell."""
    try:
        path = Path(root).expanduser()
        path.stat()
    except (
        FileNotFoundError,
        NotADirectoryError,
        RuntimeError,
        ValueError,
    ):  # RuntimeError: no such user; ValueError: no path at all
        raise DatasetError(
            f"{printable(root)} does not exist. Give the folder of a dataset, or its CSV file."
        ) from None
    except OSError as error:
        problem = error.strerror or error
        raise DatasetError(
            f"{printable(root)} cannot be opened: {problem}. Give the folder of a dataset, or its CSV file."
        ) from error
    return path


def find(root: Path, tally: Tally) -> Labelled:
    """Which images there are and what is said of them. Raises DatasetError if the labels cannot be told."""
    if root.is_file():
        if root.suffix.lower() != ".csv":
            raise DatasetError(
                f"{printable(root)} is a file, not a folder of images. Give the folder of a dataset, or its"
                " CSV file."
            )
        return from_csv(root, read_csv(root))
    root = enter_wrappers(root)
    tables = {entry.name: root / entry.name for entry in entries(root) if _is_table(entry)}
    for name in tables:
        if name.lower() == "manifest.csv":
            return from_csv(tables[name], read_csv(tables[name]))
    tree = scan(root, tally)
    train = [path for name, path in tables.items() if name.lower() == "train.csv"]
    candidates = train[:1] or list(tables.values())
    # Class folders go before a CSV that is no manifest: a folder named "fake" says what it means, a 1 does
    # not.
    if len(candidates) == 1 and not tree.holds_both_classes():
        return from_csv(candidates[0], read_csv(candidates[0]))
    return from_folders(root, tree)


def _is_table(entry: os.DirEntry) -> bool:
    name = entry.name.lower()
    return name.endswith(".csv") and name != EXCLUSION_LIST and os.path.isfile(entry.path)
