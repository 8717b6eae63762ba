"""Measurements kept from one look at a dataset to the next, one SQLite file for each dataset's folder.

A file is known again by its path, its size and the time it was last changed. SQLite because many processes
may look at once, because a look that is ended or killed keeps what it has measured, and because nothing has
to be held in memory. A cache that cannot be used is done without: it is never the reason why a look fails.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

from detector.datasets.file_measurement import MEASUREMENT, VERSION
from detector.home_folder import home

MOST_DATASETS = 20
"""Those looked at last are kept."""
WAIT_SECONDS = 5.0
Stamp = tuple[int, int]
"""Size in bytes and last change in nanoseconds."""


class MeasurementCache:
    """What is known of the files below ``root``. Of one thread; every method may be called when it is out
    of order, and then does nothing."""

    def __init__(self, root: Path):
        self._connection: sqlite3.Connection | None = None
        folder = home() / "measurements"
        name = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:32]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _forget_oldest(folder)
            self._connection = _opened(folder / f"{name}.sqlite")
        except (OSError, sqlite3.Error):
            pass

    def look_up(self, ids: Sequence[str], stamps: Sequence[Stamp]) -> list[np.ndarray | None]:
        """For each id the measurement of the file with that stamp; None where it is not known."""
        if self._connection is None:
            return [None] * len(ids)
        marks = ",".join("?" * len(ids))
        query = f"SELECT id, size, changed, measurement FROM files WHERE id IN ({marks})"
        try:
            kept = {row[0]: row[1:] for row in self._connection.execute(query, list(ids))}
        except sqlite3.Error:
            self._give_up()
            return [None] * len(ids)
        found: list[np.ndarray | None] = []
        for id, stamp in zip(ids, stamps, strict=True):
            size, changed, measurement = kept.get(id, (None, None, b""))
            known = (size, changed) == stamp and len(measurement) == MEASUREMENT.itemsize
            found.append(np.frombuffer(measurement, MEASUREMENT)[0] if known else None)
        return found

    def store(self, ids: Sequence[str], stamps: Sequence[Stamp], measured: Sequence[np.ndarray]) -> None:
        """Keep measurements, all of them or, if this process is killed meanwhile, none."""
        if self._connection is None or not ids:
            return
        rows = [
            (id, *stamp, measurement.tobytes())
            for id, stamp, measurement in zip(ids, stamps, measured, strict=True)
        ]
        try:
            with self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)
        except sqlite3.Error:  # the disk is full, or somebody else writes for long
            self._give_up()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _give_up(self) -> None:
        with suppress(sqlite3.Error):
            self.close()
        self._connection = None


def _opened(path: Path) -> sqlite3.Connection:
    try:
        return _connect(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        path.unlink(missing_ok=True)  # no database at all
        return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=WAIT_SECONDS, check_same_thread=False)
    try:
        # A power cut may cost what was measured last, but no look has to wait for the disk.
        connection.execute("PRAGMA synchronous = OFF")
        with connection, closing(connection.execute("PRAGMA user_version")) as version:
            if version.fetchone()[0] != VERSION:
                connection.execute("DROP TABLE IF EXISTS files")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS files"
                " (id TEXT PRIMARY KEY, size INTEGER, changed INTEGER, measurement BLOB) WITHOUT ROWID"
            )
            connection.execute(f"PRAGMA user_version = {VERSION}")
        os.utime(path)  # looked at last
    except BaseException:
        connection.close()
        raise
    return connection


def _forget_oldest(folder: Path) -> None:
    by_age = sorted(folder.glob("*.sqlite"), key=lambda file: file.stat().st_mtime)
    for file in by_age[:-MOST_DATASETS]:
        file.unlink(missing_ok=True)
