"""Every file of a dataset measured, on all cores, with what was measured before left as it is."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pandas as pd

from detector.datasets.file_measurement import MEASUREMENT, measure_file
from detector.datasets.measurement_cache import MeasurementCache, Stamp
from detector.datasets.measuring_worker import MeasuringWorker

BATCH = 50
"""Files that are measured in one go: few enough that progress is seen, enough that handing them over costs
nothing."""
WORKERS = min(4, os.cpu_count() or 1)
"""More would only hold more large pictures in memory at once."""
SEPARATE_FROM = 2000
"""Images from which on each worker is a process, which takes a second to start. In threads, which decode
without the interpreter lock but do all else with it, small pictures keep hardly more than one core busy."""
AHEAD = 2 * WORKERS
"""Batches under way or waiting: however many files there are, no more of them is held."""
STORED_TOGETHER = 20
"""Batches written in one transaction."""

Progress = Callable[[int, int], None]
Measure = Callable[[Sequence[Path]], list[np.ndarray | str]]
"""As ``measure_file``, of several paths."""


@dataclass(frozen=True, eq=False)
class Measured:
    """rows: those whose file could be read. measurements: `MEASUREMENT` (n,), one for each of these rows.
    failures: (id, sentence) of the other rows. from_cache: how many were not read again."""

    rows: pd.DataFrame
    measurements: np.ndarray
    failures: list[tuple[str, str]]
    from_cache: int = 0


def measure_files(root: Path, rows: pd.DataFrame, progress: Progress | None = None) -> Measured:
    """Measure every image of ``rows`` below ``root``.

    ``progress(done, total)`` is called from the calling thread; what it raises ends the work, and what was
    measured by then is not measured again the next time. Files that cannot be read are tried anew each time:
    what was wrong with them may have been put right without a trace.
    """
    ids = rows["id"].tolist()
    measurements = np.zeros(len(ids), MEASUREMENT)
    failures: list[tuple[str, str]] = []
    readable = np.ones(len(ids), dtype=bool)
    cache = MeasurementCache(root)
    from_cache = 0
    try:
        with _workers(len(ids)) as measure, closing(_in_order(root, ids, cache, measure)) as batches:
            for batch in batches:
                for place, outcome in enumerate(batch.outcomes, batch.start):
                    if isinstance(outcome, str):
                        readable[place] = False
                        failures.append((ids[place], outcome))
                    else:
                        measurements[place] = outcome
                from_cache += batch.known
                if progress:
                    progress(batch.start + len(batch.ids), len(ids))
    finally:
        cache.close()
    return Measured(rows[readable].reset_index(drop=True), measurements[readable], failures, from_cache)


@dataclass
class _Batch:
    """start: the place of its first file among all. outcomes: as of ``measure_file``, of each. stamps: None
    where there is no file any more. known: how many came from the cache."""

    start: int
    ids: Sequence[str]
    stamps: list[Stamp | None]
    outcomes: list[np.ndarray | str | None]
    known: int

    def to_store(self) -> Iterator[tuple[str, Stamp, np.ndarray]]:
        for id, stamp, outcome in zip(self.ids, self.stamps, self.outcomes, strict=True):
            if stamp is not None and isinstance(outcome, (np.ndarray, np.void)):
                yield id, stamp, outcome


@contextmanager
def _workers(images: int) -> Iterator[Measure]:
    """What measures a batch, in any of ``WORKERS`` threads at once."""
    if images < SEPARATE_FROM:
        yield lambda paths: [measure_file(path) for path in paths]
        return
    workers = [MeasuringWorker() for _ in range(WORKERS)]
    idle: SimpleQueue[MeasuringWorker] = SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def measure(paths: Sequence[Path]) -> list[np.ndarray | str]:
        worker = idle.get()
        try:
            return worker.measure(paths)
        finally:
            idle.put(worker)

    try:
        yield measure
    finally:
        for worker in workers:
            worker.close()


def _in_order(root: Path, ids: list[str], cache: MeasurementCache, measure: Measure) -> Generator[_Batch]:
    """Batch after batch, measured. What they brought is written to the cache also if nobody asks on."""
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="measure")
    under_way: deque[tuple[_Batch, Future[None] | None]] = deque()
    unwritten: list[_Batch] = []
    try:
        for start in range(0, len(ids), BATCH):
            batch = _begin(root, start, ids[start : start + BATCH], cache)
            complete = batch.known == len(batch.ids)
            under_way.append((batch, None if complete else pool.submit(_measure, root, batch, measure)))
            if len(under_way) > AHEAD:
                yield _finished(under_way, unwritten, cache)
        while under_way:
            yield _finished(under_way, unwritten, cache)
    finally:
        pool.shutdown(cancel_futures=True)
        _write(unwritten, cache)


def _begin(root: Path, start: int, ids: list[str], cache: MeasurementCache) -> _Batch:
    """A batch with what is known of it already."""
    stamps = [_stamp(root / id) for id in ids]
    known = cache.look_up(ids, [stamp or (-1, -1) for stamp in stamps])
    return _Batch(start, ids, stamps, list(known), sum(each is not None for each in known))


def _stamp(path: Path) -> Stamp | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _measure(root: Path, batch: _Batch, measure: Measure) -> None:
    unknown = [place for place, outcome in enumerate(batch.outcomes) if outcome is None]
    measured = measure([root / batch.ids[place] for place in unknown])
    for place, outcome in zip(unknown, measured, strict=True):
        batch.outcomes[place] = outcome


def _finished(
    under_way: deque[tuple[_Batch, Future[None] | None]], unwritten: list[_Batch], cache: MeasurementCache
) -> _Batch:
    """Wait for the oldest batch; those that brought something new are written now and then."""
    batch, future = under_way.popleft()
    if future is not None:
        future.result()
        unwritten.append(batch)
    if len(unwritten) >= STORED_TOGETHER:
        _write(unwritten, cache)
    return batch


def _write(unwritten: list[_Batch], cache: MeasurementCache) -> None:
    new = [one for batch in unwritten for one in batch.to_store()]
    unwritten.clear()
    if new:
        ids, stamps, measured = zip(*new, strict=True)
        cache.store(ids, stamps, measured)
