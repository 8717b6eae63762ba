"""A process of its own that measures files: each worker has an interpreter lock of its own, and a decoder
that a hostile file brings down takes only a worker with it.

It reads one JSON line for each batch of paths, and answers with one line of JSON, sentences for files that
cannot be used and null for the others, and then the `MEASUREMENT` of each of these. When whoever started it
is gone, it ends. `multiprocessing` is not used because it would run the main script of the app again, or fork
a process that has threads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detector.datasets.file_measurement import MEASUREMENT, measure_file

ROOT = Path(__file__).parents[2]
PROGRAM = "from detector.datasets.measuring_worker import main; main()"
CRASHED = "A decoder crashed over this file."


class MeasuringWorker:
    """One such process, of one thread; started with the first batch, and again if it has died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def measure(self, paths: Sequence[Path]) -> list[np.ndarray | str]:
        """As ``measure_file`` of each path. A batch over which the process dies is measured one by one, and
        the file that brings it down again is said to do so."""
        try:
            return self._ask(paths)
        except OSError:
            self.close()
        if len(paths) == 1:
            return [CRASHED]
        return [outcome for path in paths for outcome in self.measure([path])]

    def close(self) -> None:
        """End the process."""
        if self._process is None:
            return
        self._process.kill()
        self._process.communicate()
        self._process = None

    def _ask(self, paths: Sequence[Path]) -> list[np.ndarray | str]:
        if self._process is None:
            self._process = _started()
        question, answer = self._process.stdin, self._process.stdout
        assert question is not None and answer is not None
        question.write(json.dumps([os.fspath(path) for path in paths]).encode() + b"\n")
        question.flush()
        line = answer.readline()
        if not line:
            raise OSError("the worker has died")
        outcomes: list[np.ndarray | str] = []
        for problem in json.loads(line):
            outcomes.append(_record(answer.read(MEASUREMENT.itemsize)) if problem is None else problem)
        return outcomes


def _record(content: bytes) -> np.ndarray:
    if len(content) < MEASUREMENT.itemsize:
        raise OSError("the worker has died")
    return np.frombuffer(content, MEASUREMENT)[0]


def _started() -> subprocess.Popen[bytes]:
    search_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": search_path},
        start_new_session=True,  # a Ctrl-C in the terminal is for whoever scans
    )


def main() -> None:
    """Answer until nobody asks."""
    for line in sys.stdin.buffer:
        outcomes = [measure_file(path) for path in json.loads(line)]
        problems = [outcome if isinstance(outcome, str) else None for outcome in outcomes]
        sys.stdout.buffer.write(json.dumps(problems).encode() + b"\n")
        for outcome in outcomes:
            if not isinstance(outcome, str):
                sys.stdout.buffer.write(outcome.tobytes())
        sys.stdout.buffer.flush()
