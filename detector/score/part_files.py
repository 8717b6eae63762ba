"""What a scoring run keeps while it runs: ``OUT.parts/`` with the list, the settings and what is scored.

Every part is a Parquet file that gets its name when it is whole, so a run may end at any moment, and the
folder can be read while it runs: ``pandas.read_parquet("OUT.parts")``. In the end the parts, in the list's
order, become OUT and vanish.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from detector.atomic_files import lock_file, replacing, write_whole
from detector.evaluation.predictions import WEIGHTS_KEY
from detector.printable import printable
from detector.score.errors import ScoreError
from detector.score.scored_table import table_schema

SETTINGS_KEY = b"telltale.score"
# What begins with an underscore is none of the table's parts to whoever reads the folder.
SETTINGS, LISTING, LOCK = "_settings.json", "_listing.parquet", "_lock"


class PartFiles:
    """The folder of one run. settings: what must be the same for a run to go on."""

    def __init__(self, out: Path, settings: dict[str, Any]):
        self.out, self.settings = out, settings
        self.folder = out.with_name(f"{out.name}.parts")

    @property
    def finished(self) -> bool:
        """Whether OUT is there already, made with the same settings. Raises ScoreError if it is anything
        else."""
        if not self.out.exists():
            return False
        try:
            with open(self.out, "rb") as file:
                before = json.loads((pq.read_schema(file).metadata or {})[SETTINGS_KEY])
        except (OSError, ValueError, KeyError, pa.ArrowException):
            raise ScoreError(
                f"{printable(self.out)} is there already, and no table of a scoring run. Name another file."
            ) from None
        self._compare(before, "Move it away or name another file.")
        return not self.folder.exists()

    @contextmanager
    def claimed(self, write_listing: Callable[[Path], None]) -> Iterator[None]:
        """The folder is there, has its list, and is this process's alone until the end of the block.
        Raises ScoreError if another process has it or other settings began it, OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = lock_file(self.folder / LOCK)
        if lock is None:
            raise ScoreError(f"Another process is scoring into {printable(self.out)}.")
        try:
            self._begin_or_go_on()
            if not (self.folder / LISTING).exists():
                self._list(write_listing)
            with open(self.folder / LISTING, "rb") as file, pq.ParquetFile(file) as listing:
                self.listing = listing
                yield
        finally:
            os.close(lock)

    def _list(self, write_listing: Callable[[Path], None]) -> None:
        try:
            write_listing(self.folder / LISTING)
        except ScoreError:  # nothing was begun
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _begin_or_go_on(self) -> None:
        file = self.folder / SETTINGS
        if not file.exists():
            write_whole(file, json.dumps(self.settings, indent=2) + "\n", sync=True)
            return
        try:
            before = json.loads(file.read_text("utf-8"))
        except ValueError:
            before = {}
        self._compare(before, f"Delete the folder {printable(self.folder)} or name another file.")

    def _compare(self, before: Any, advice: str) -> None:
        before = before if isinstance(before, dict) else {}
        others = [key for key in self.settings if before.get(key) != self.settings[key]]
        if others:
            raise ScoreError(
                f"{printable(self.out)} was begun with another {' and '.join(others)}: nothing is mixed."
                f" {advice}"
            )

    @property
    def rows(self) -> int:
        """How many pictures the list has."""
        return self.listing.metadata.num_rows

    def pending(self) -> Iterator[tuple[int, pa.Table]]:
        """(number, part of the list) of what is not scored yet, read when asked for."""
        for number in range(self.listing.num_row_groups):
            if self.rows_in(number) is None:
                yield number, self.listing.read_row_group(number, use_threads=False)

    def rows_in(self, number: int) -> int | None:
        """How many rows a part that is scored has; None for one that is not there or not whole."""
        try:
            with open(self._part(number), "rb") as file:
                found = pq.read_metadata(file).num_rows
        except (OSError, ValueError, pa.ArrowException):
            return None
        expected = self.listing.metadata.row_group(number).num_rows
        return found if found == expected else None

    def write(self, number: int, table: pa.Table) -> None:
        """Keep a part for good. Raises OSError."""
        with replacing(self._part(number), sync=True) as temporary, open(temporary, "wb") as file:
            pq.write_table(table, file, compression="zstd")

    def join(self, weights_sha256: str) -> None:
        """Make OUT of all parts, one row group of each, and remove them. Raises OSError."""
        metadata = {
            WEIGHTS_KEY: weights_sha256.encode(),
            SETTINGS_KEY: json.dumps(self.settings).encode(),
        }
        schema = table_schema(self.listing.schema_arrow, metadata)
        with (
            replacing(self.out, sync=True) as temporary,
            open(temporary, "wb") as file,
            pq.ParquetWriter(file, schema, compression="zstd") as writer,
        ):
            for number in range(self.listing.num_row_groups):
                with open(self._part(number), "rb") as part:
                    writer.write_table(plainly_read(part).cast(schema))
        # Renamed first: half of the parts would be taken for a run to go on with.
        leaving = self.folder.with_name(f".{self.folder.name}.joined")
        shutil.rmtree(leaving, ignore_errors=True)
        os.rename(self.folder, leaving)
        shutil.rmtree(leaving, ignore_errors=True)

    def _part(self, number: int) -> Path:
        return self.folder / f"part-{number:07d}.parquet"


def plainly_read(file: IO[bytes], columns: list[str] | None = None) -> pa.Table:
    """A Parquet file, by this thread alone: one of Arrow's that still asked for Python's lock when the
    process ends would end it with an abort."""
    with pq.ParquetFile(file, pre_buffer=False) as parquet:
        return parquet.read(columns, use_threads=False)
