"""The layouts with a CSV file: a manifest in our own words, or somebody else's list of files and labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

import pandas as pd

from detector.atomic_files import replacing
from detector.datasets.dataset import FACT_PREFIX, TEACHER_SCORE, UNKNOWN, DatasetError, Labelled
from detector.datasets.names import SPLIT_NAMES, label_of, normal, says_yes
from detector.printable import printable

FILE_COLUMNS = ("file", "file_name", "filename")
TEXT_COLUMNS = ("label", "split", "source", "generator", "kind", "paired", "group", TEACHER_SCORE)
MAX_TABLE_BYTES = 2**29
MOST_LISTED = 8


def read_csv(path: Path) -> pd.DataFrame:
    """All cells as text: "007" stays "007", and an empty cell is "". Column names are in lower case.

    Raises DatasetError, also where two columns that mean something here have one name, upper and lower case
    taken as the same.
    """
    name = printable(path.name)
    try:
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise DatasetError(
                f"{name} is larger than {MAX_TABLE_BYTES // 2**20} MB. Split the dataset into smaller ones."
            )
        as_written = header(path)
        table = _cells(path, header=0)
    except DatasetError:
        raise
    except (OSError, ValueError) as error:  # includes UnicodeDecodeError, ParserError and EmptyDataError
        raise DatasetError(f"{name} cannot be read as a CSV file with a header line, in UTF-8.") from error
    if len(as_written) != len(table.columns):
        raise DatasetError(f"{name} has rows with more cells than its header line has names.")
    table.columns = pd.Index(column_names(as_written, name, _means_something))
    return table


def header(path: Path) -> list[str]:
    """The names in a CSV file's first line as they are written; pandas would rename one that is there twice.
    Raises OSError, ValueError."""
    return [str(column) for column in _cells(path, header=None, nrows=1).iloc[0]]


def column_names(as_written: Iterable[str], file: str, means_something: Callable[[str], bool]) -> list[str]:
    """Names of a table's columns in lower case, without blanks around them. file: the table's name, for
    people. Raises DatasetError where two columns that mean something have one name."""
    as_written = [name.strip() for name in as_written]
    for column in dict.fromkeys(name.lower() for name in as_written):
        spellings = [name for name in as_written if name.lower() == column]
        if len(spellings) > 1 and means_something(column):
            written = " and ".join(dict.fromkeys(spellings))
            raise DatasetError(
                f"{file} has the column {column} more than once (written {written}). Keep one of them, or"
                " rename the others."
            )
    return [name.lower() for name in as_written]


def manifest_csv(rows: pd.DataFrame) -> str:
    """Rows as a dataset has them, every column of theirs, as the text of a table that ``load_dataset``
    reads."""
    table = rows.assign(y_true=rows["y_true"].map({0: "real", 1: "ai"}))
    return table.rename(columns={"id": "file", "y_true": "label"}).to_csv(index=False)


def write_manifest(rows: pd.DataFrame, path: Path) -> None:
    """`manifest_csv` as a file, which appears whole. Raises OSError."""
    with replacing(path) as temporary:
        temporary.write_text(manifest_csv(rows), "utf-8")


def _cells(path: Path, header: int | None, nrows: int | None = None) -> pd.DataFrame:
    # Opened here, because pandas takes no path that is no UTF-8.
    with open(path, "rb") as file:
        return pd.read_csv(
            file, dtype=str, keep_default_na=False, encoding="utf-8-sig", header=header, nrows=nrows
        )


def _means_something(column: str) -> bool:
    return column in FILE_COLUMNS or column in TEXT_COLUMNS or column.startswith(FACT_PREFIX)


def file_column(table: pd.DataFrame) -> str | None:
    """The column of a table of files that names them; None if there is none."""
    return next((name for name in FILE_COLUMNS if name in table), None)


def from_csv(path: Path, table: pd.DataFrame) -> Labelled:
    """What a table says of the images; raises DatasetError that names the line that is wrong."""
    name = printable(path.name)
    files = file_column(table)
    if files is None or "label" not in table:
        named = [column for column in table.columns if column]
        found = ", ".join(printable(column)[:40] for column in named[:20]) or "none"
        raise DatasetError(
            f"{name} needs the columns file (or file_name) and label; its columns are: {found}."
        )
    if table.empty:
        raise DatasetError(f"{name} lists no images: add one row per image.")

    def column(of: str, default: str) -> pd.Series:
        if of not in table:
            return pd.Series(default, table.index)
        return table[of].str.strip().replace("", default)

    label_advice = 'use "ai" or "real" (or 1 = AI-generated, 0 = real)'
    split_advice = "use train, val, test or unseen"
    rows = pd.DataFrame(
        {
            "id": table[files].map(normal_path),
            "y_true": _translate(table["label"], label_of, name, "label", label_advice),
            "split": _translate(column("split", ""), _split_name, name, "split", split_advice),
            "source": column("source", printable(path.resolve().parent.name)),
            "generator": column("generator", UNKNOWN),
            "kind": column("kind", UNKNOWN),
            "paired": column("paired", "").map(says_yes),
            "group": column("group", ""),
        }
    )
    if TEACHER_SCORE in table:
        advice = "use a number between 0 and 1, or leave it empty"
        rows[TEACHER_SCORE] = _translate(table[TEACHER_SCORE], _score, name, TEACHER_SCORE, advice)
    for fact in table.columns:
        if fact.startswith(FACT_PREFIX):
            rows[fact] = _fact(table[fact])
    layout = "manifest" if files == "file" or path.name.lower() == "manifest.csv" else "csv"
    return Labelled(path.parent, layout, rows)


def _fact(cells: pd.Series) -> pd.Series:
    """Numbers if every cell that is not empty holds one, else text; empty cells are missing."""
    cells = cells.str.strip()
    cells = cells.where(cells != "", None)
    numbers = pd.to_numeric(cells, errors="coerce")
    return numbers if numbers.notna().equals(cells.notna()) else cells


def normal_path(cell: str) -> str:
    """A path as ids are written: forward slashes, nothing that leads nowhere; "" for an empty cell."""
    return str(PurePosixPath(cell.strip().replace("\\", "/"))) if cell.strip() else ""


def _score(cell: str) -> float | None:
    if not cell.strip():
        return math.nan
    try:
        score = float(cell)
    except ValueError:
        return None
    return score if 0 <= score <= 1 else None


def _split_name(cell: str) -> str | None:
    return SPLIT_NAMES.get(normal(cell)) if cell else ""


def _translate(cells: pd.Series, translate: Callable, file: str, column: str, advice: str) -> pd.Series:
    """Every cell translated; DatasetError names the line (as an editor counts them) of the first that
    cannot be, and the other values there are like it."""
    known = {cell: translate(cell) for cell in cells.unique()}
    unknown = [cell for cell in known if known[cell] is None]
    if unknown:
        line = int((cells == unknown[0]).to_numpy().argmax()) + 2
        raise DatasetError(
            f"{file}, line {line}: the {column} {_quoted(unknown[0])} is not known; {advice}."
            f"{_others(unknown[1:], column)}"
        )
    return cells.map(known)


def _quoted(cell: str) -> str:
    return repr(cell if len(cell) <= 60 else f"{cell[:60]}…")


def _others(unknown: list[str], column: str) -> str:
    if not unknown:
        return ""
    listed = ", ".join(_quoted(cell) for cell in unknown[:MOST_LISTED])
    more = f" and {len(unknown) - MOST_LISTED:,} more" if len(unknown) > MOST_LISTED else ""
    return f" Not known either: the {column}s {listed}{more}. Write each of them as one of these."
