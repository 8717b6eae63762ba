"""The rows of a manifest, CSV or Parquet, a few thousand at a time: files, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from detector.datasets.dataset import DatasetError
from detector.datasets.manifests import FILE_COLUMNS, column_names, header
from detector.datasets.names import label_of
from detector.printable import first_line, printable
from detector.score.errors import ScoreError

ROWS_AT_ONCE = 8192
NAME_COLUMNS = (*FILE_COLUMNS, "path", "id")
LABEL_COLUMNS = ("label", "y_true")
FACTS = ("split", "source", "generator", "kind", "paired")
"""Columns that a predictions table has beside these; they are handed on as they are."""
KNOWN = frozenset({*NAME_COLUMNS, *LABEL_COLUMNS, *FACTS})


@dataclass(frozen=True)
class ManifestRow:
    """file: as written. y_true: None where nothing is said. facts: by column, for those that are there."""

    file: str
    y_true: int | None
    facts: dict[str, str]


class ManifestReader:
    """A manifest whose columns are known. Raises ScoreError, also later while rows are read."""

    def __init__(self, path: Path):
        self.path, self.name = path, printable(path.name)
        self._names = columns = self._columns()
        self.files = next((name for name in NAME_COLUMNS if name in columns), None)
        if self.files is None:
            found = ", ".join(printable(column)[:40] for column in columns[:20]) or "none"
            raise ScoreError(f"{self.name} needs a column file (or path); its columns are: {found}.")
        self.label = next((name for name in LABEL_COLUMNS if name in columns), None)
        self.facts = tuple(name for name in FACTS if name in columns)

    def rows(self) -> Iterator[ManifestRow]:
        """In the manifest's order."""
        number = 1
        for frame in self._frames():
            frame.columns = pd.Index(self._names)
            texts = {name: _texts(frame[name]) for name in (self.files, self.label, *self.facts) if name}
            for place in range(len(frame)):
                number += 1
                yield self._row({name: column[place] for name, column in texts.items()}, number)

    def _row(self, cells: dict[str, str], number: int) -> ManifestRow:
        label = cells[self.label] if self.label else ""
        y_true = label_of(label) if label else None
        if label and y_true is None:
            raise ScoreError(
                f'{self.name}, row {number}: the label {label[:60]!r} is not known; use "ai" or "real" (or 1'
                " = AI-generated, 0 = real), or leave it empty."
            )
        assert self.files is not None
        return ManifestRow(cells[self.files], y_true, {name: cells[name] for name in self.facts})

    @property
    def _is_parquet(self) -> bool:
        return self.path.suffix.lower() == ".parquet"

    def _columns(self) -> list[str]:
        try:
            return column_names(self._header(), self.name, KNOWN.__contains__)
        except DatasetError as error:
            raise ScoreError(str(error)) from error
        except (OSError, ValueError, pa.ArrowException) as error:
            raise ScoreError(f"{self.name} cannot be read as a table: {first_line(error)}.") from error

    def _header(self) -> list[str]:
        if not self._is_parquet:
            return header(self.path)
        with open(self.path, "rb") as file:
            return list(pq.read_schema(file).names)

    def _frames(self) -> Iterator[pd.DataFrame]:
        try:
            with open(self.path, "rb") as file:
                if self._is_parquet:
                    for batch in pq.ParquetFile(file).iter_batches(ROWS_AT_ONCE):
                        yield batch.to_pandas(ignore_metadata=True)
                else:
                    yield from pd.read_csv(
                        file, chunksize=ROWS_AT_ONCE, dtype=str, keep_default_na=False, encoding="utf-8-sig"
                    )
        except (OSError, ValueError, pa.ArrowException) as error:
            if isinstance(error, ScoreError):
                raise
            raise ScoreError(f"{self.name} cannot be read as a table: {first_line(error)}.") from error


def _texts(column: pd.Series) -> list[str]:
    return ["" if pd.isna(value) else str(value).strip() for value in column]
