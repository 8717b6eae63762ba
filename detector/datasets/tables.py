"""The layouts with a CSV file: a manifest in our own words, or somebody else's list of files and labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pandas as pd

from detector.datasets.dataset import FACT_PREFIX, UNKNOWN, DatasetError
from detector.datasets.names import SPLIT_NAMES, class_of, normal

FILE_COLUMNS = ("file", "file_name", "filename")
MAX_TABLE_BYTES = 2**29

def read_csv(path: Path) -> pd.DataFrame:
    """All cells as text: "007" stays "007", and an empty cell is ""."""
    try:
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise DatasetError(f"{path.name} is larger than {MAX_TABLE_BYTES // 2**20} MB. Split the dataset into smaller ones.")
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except DatasetError:
        raise
    except (OSError, ValueError, pd.errors.ParserError) as error:  # includes UnicodeDecodeError and EmptyDataError
        raise DatasetError(f"{path.name} cannot be read as a CSV file with a header line, in UTF-8.") from error
    return table.rename(columns=lambda name: str(name).strip().lower())


def _file_column(table: pd.DataFrame) -> str | None:
    return next((name for name in FILE_COLUMNS if name in table), None)


def from_csv(path: Path, table: pd.DataFrame) -> tuple[Path, str, pd.DataFrame, list[str]]:
    """(folder, layout, rows in which "" means not said, notes) of a table; raises DatasetError that names the line that is wrong."""
    files = _file_column(table)
    if files is None or "label" not in table:
        found = ", ".join(name for name in table.columns if not name.startswith("unnamed")) or "none"
        raise DatasetError(f"{path.name} needs the columns file (or file_name) and label; its columns are: {found}.")
    if table.empty:
        raise DatasetError(f"{path.name} lists no images: add one row per image.")

    def column(name: str, default: str) -> pd.Series:
        return table[name].str.strip().replace("", default) if name in table else pd.Series(default, table.index)

    return (
        path.parent,
        "manifest" if files == "file" or path.name == "manifest.csv" else "csv",
        pd.DataFrame(
            {
                "id": table[files].map(_normal_path),
                "y_true": _translate(
                    table["label"], _label, path.name, "label", 'use "ai" or "real" (or 1 = AI-generated, 0 = real)'
                ),
                "split": _translate(
                    column("split", ""), _split_name, path.name, "split", "use train, val, test or unseen"
                ),
                "source": column("source", path.resolve().parent.name),
                "generator": column("generator", UNKNOWN),
                "kind": column("kind", UNKNOWN),
                "paired": column("paired", "").str.lower().isin(("true", "1", "yes")),
                "group": column("group", ""),
                **{name: _fact(table[name]) for name in table if name.startswith(FACT_PREFIX)},
            }
        ),
        [],
    )


def _fact(cells: pd.Series) -> pd.Series:
    """Numbers if every cell that is not empty holds one, else text; empty cells are missing."""
    cells = cells.str.strip()
    cells = cells.where(cells != "", None)
    numbers = pd.to_numeric(cells, errors="coerce")
    return numbers if numbers.notna().equals(cells.notna()) else cells


def _normal_path(cell: str) -> str:
    return str(PurePosixPath(cell.strip().replace("\\", "/"))) if cell.strip() else ""


def _label(cell: str) -> int | None:
    return {"0": 0, "1": 1, "0.0": 0, "1.0": 1}.get(cell.strip(), class_of(cell))


def _split_name(cell: str) -> str | None:
    return SPLIT_NAMES.get(normal(cell)) if cell else ""


def _translate(cells: pd.Series, translate: Callable, file: str, column: str, advice: str) -> pd.Series:
    """Every cell translated; DatasetError names the line (as an editor counts them) of the first that cannot be."""
    known = {cell: translate(cell) for cell in cells.unique()}
    for row, cell in enumerate(cells):
        if known[cell] is None:
            raise DatasetError(f"{file}, line {row + 2}: the {column} {cell!r} is not known; {advice}.")
    return cells.map(known)
