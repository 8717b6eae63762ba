"""Run directories on disk: claiming one, and the files through which a run tells the world how it is doing.

Standard library and psutil only, so that a page can import this without loading TensorFlow.

``config.json``    the resolved recipe, data folder and command
``status.json``    state (running, completed, failed, stopped), reason, pid and its create_time
``progress.json``  stage, epoch, step, rate and time left, rewritten about once a second
``metrics.csv``    one row per epoch
``train.log``      what the run printed
``lock``           held by the process that trains
``checkpoints/``   what ``--resume`` continues from
``bundle/``        the finished model
"""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

STATES = ("queued", "running", "completed", "failed", "stopped")
# The kernel derives a process's creation time from the wall clock, so the figure moves when the clock is set.
CLOCK_STEP_SECONDS = 10.0


class RunError(ValueError):
    """The run directory cannot be used; the message is a sentence for the user."""


class TrainingFailed(RuntimeError):
    """Training cannot go on; the message says why and what to try."""


class Stopped(Exception):
    """A stop was asked for; training ends where it is."""


@dataclass(frozen=True)
class RunDirectory:
    """The folder of one run; the module's docstring lists what lies in it."""

    path: Path

    @classmethod
    def claim(cls, path: str | os.PathLike) -> RunDirectory:
        """Make the directory; raises RunError if it exists, so that two starts can never share one, or cannot be made."""
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir()
        except OSError as error:
            if path.exists():
                raise RunError(f"The run directory {path} exists already. Give another one, or continue that run with --resume {path}.") from None
            raise RunError(f"The run directory {path} cannot be made: {error.strerror}.") from error
        return cls(path)

    @classmethod
    def open(cls, path: str | os.PathLike) -> RunDirectory:
        """An existing run; raises RunError if there is none."""
        run = cls(Path(path))
        if not (run.path / "config.json").is_file():
            raise RunError(f"{run.path} is not a run directory: it has no config.json.")
        return run

    def hold(self) -> None:
        """Keep the run for this process until that ends; raises RunError if another process holds it, so that two can never resume one."""
        import fcntl  # not on Windows, where pages may still look at runs

        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)  # never closed: closing it would let the run go
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"The run {self.path} is still going.") from None

    @property
    def id(self) -> str:
        return self.path.resolve().name

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def bundle(self) -> Path:
        return self.path / "bundle"

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Replace a JSON file at once: a reader sees the old content or the new, never half of it."""
        temporary = self.path / f"{name}.partial"
        temporary.write_text(json.dumps(content, indent=1), "utf-8")
        os.replace(temporary, self.path / name)

    def read(self, name: str) -> dict[str, Any]:
        """A JSON file of the run, or {} if it is not there yet. Raises RunError if it is damaged."""
        try:
            content = json.loads((self.path / name).read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path / name} cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise RunError(f"{self.path / name} does not hold what a run writes there.")
        return content

    def set_status(self, state: str, reason: str = "") -> None:
        """Write status.json for this process."""
        assert state in STATES, state
        process = psutil.Process()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.write("status.json", {"state": state, "reason": reason, "pid": process.pid, "create_time": process.create_time(), "updated": now})

    def alive(self) -> bool:
        """Whether the process that wrote status.json still runs (same pid and creation time, not a zombie)."""
        try:
            status = self.read("status.json")
            process = psutil.Process(status["pid"])
            same = abs(process.create_time() - status["create_time"]) < CLOCK_STEP_SECONDS
            return same and process.status() != psutil.STATUS_ZOMBIE
        except (KeyError, TypeError, ValueError, psutil.Error):
            return False

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Add a row to metrics.csv and flush it; the first row sets the columns."""
        path = self.path / "metrics.csv"
        with open(path, "a+", newline="", encoding="utf-8") as file:
            file.seek(0)
            columns = next(csv.reader(file), None)
            writer = csv.DictWriter(file, columns or list(row), restval="", extrasaction="ignore", lineterminator="\n")
            if not columns:
                writer.writeheader()
            writer.writerow(row)
            file.flush()
            os.fsync(file.fileno())

    def keep_metrics(self, rows: int) -> None:
        """Cut metrics.csv back to its first ``rows`` rows: those that the checkpoint being resumed had seen."""
        path = self.path / "metrics.csv"
        if path.exists():
            lines = path.read_text("utf-8").splitlines(keepends=True)
            temporary = self.path / "metrics.csv.partial"
            temporary.write_text("".join(lines[: rows + 1]) if rows else "", "utf-8")
            os.replace(temporary, path)
