"""A scoring run that is killed again and again, and what its table then holds too little or too much of."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import psutil
import pyarrow.parquet as pq

PATIENCE_SECONDS = 3600.0


def run(
    command: Sequence[str], cwd: Path, kill_when: Callable[[], bool] = lambda: False, **environment: str
) -> Ran:
    """Run a command to its end, or kill it -9 once that is so; returns what it was like."""
    started = time.monotonic()
    process = subprocess.Popen(
        list(command),
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    peak = 0
    try:
        while process.poll() is None and time.monotonic() - started < PATIENCE_SECONDS and not kill_when():
            peak = max(peak, _resident(process.pid))
            time.sleep(0.005)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    output = process.communicate()[0].decode(errors="replace")
    return Ran(process.returncode, output, time.monotonic() - started, peak)


class Ran:
    """One run. returncode: -9 if it was killed. seconds: how long it took. peak: bytes it held at most, as
    seen a hundred times a second."""

    def __init__(self, returncode: int, output: str, seconds: float, peak: int):
        self.returncode, self.output, self.seconds, self.peak = returncode, output, seconds, peak


def storm(command: Sequence[str], out: Path, cwd: Path, kills: int, seed: int = 0) -> tuple[int, Ran]:
    """Kill runs of a command that scores into ``out`` at random moments all over its work, then let one go
    through; returns how many kills struck, and the last run.

    How fast a machine is says nothing about how far a run gets: each is killed when so many files are there,
    those on their way to a name among them, the first ones before anything is scored.
    """
    rng = random.Random(seed)
    folder, parts, struck = out.with_name(f"{out.name}.parts"), 0, 0
    for number in range(kills):
        more = rng.randint(1, 3) if number < 2 else rng.randint(1, max(1, parts // kills))
        until = _files(folder) + more
        ran = run(command, cwd, lambda until=until: _files(folder) >= until)  # type: ignore[misc]
        struck += ran.returncode == -signal.SIGKILL
        parts = parts or _listed_parts(folder)
    return struck, run(command, cwd)


def _files(folder: Path) -> int:
    try:
        return len(os.listdir(folder))
    except OSError:
        return 0


def _listed_parts(folder: Path) -> int:
    try:
        return pq.read_metadata(folder / "_listing.parquet").num_row_groups
    except (OSError, ValueError):
        return 0


def lost_and_doubled(table: Path, expected: Iterable[str]) -> tuple[int, int]:
    """How many ids a table lacks, and how many rows it has beyond one for each."""
    found = Counter(pq.read_table(table, columns=["id"])["id"].to_pylist())
    lost = sum(id not in found for id in expected)
    return lost, sum(found.values()) - len(found)


def _resident(pid: int) -> int:
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0
