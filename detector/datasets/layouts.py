"""Which layout is it?"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from detector.datasets.dataset import DatasetError
from detector.datasets.folders import Tally, enter_wrappers, from_folders, scan
from detector.datasets.tables import from_csv, read_csv


def existing(root: str | os.PathLike) -> Path:
    """The path, "~" resolved; DatasetError if there is nothing, or nobody can tell."""
    try:
        path = Path(root).expanduser()
        path.stat()
    except (FileNotFoundError, NotADirectoryError, RuntimeError, ValueError):  # RuntimeError: no such user; ValueError: no path at all
        raise DatasetError(f"{root} does not exist. Give the folder of a dataset, or its CSV file.") from None
    except OSError as error:
        raise DatasetError(f"{root} cannot be opened: {error.strerror or error}. Give the folder of a dataset, or its CSV file.") from error
    return path


def find(root: Path, tally: Tally) -> tuple[Path, str, pd.DataFrame, list[str]]:
    """(folder the ids are relative to, layout, rows in which "" means not said, notes)."""
    if root.is_file():
        if root.suffix.lower() != ".csv":
            raise DatasetError(
                f"{root} is a file, not a folder of images. Give the folder of a dataset, or its CSV file."
            )
        return from_csv(root, read_csv(root))
    root = enter_wrappers(root)
    if (manifest := root / "manifest.csv").is_file():
        return from_csv(manifest, read_csv(manifest))
    tree = scan(root, tally)
    tables = [root / "train.csv"] if (root / "train.csv").is_file() else sorted(root.glob("*.csv"))
    # Class folders go before a CSV that is no manifest: a folder named "fake" says what it means, a 1 does not.
    if len(tables) == 1 and not tree.holds_both_classes():
        return from_csv(tables[0], read_csv(tables[0]))
    return from_folders(root, tree)
