"""Run directories on disk: claiming one, and the files through which a run tells the world how it is doing.

Standard library and psutil only, so that a page can import this without loading TensorFlow.

``config.json``    the resolved recipe, data folder and command
``status.json``    state (running, completed, failed, stopped), reason, pid and its create_time
``progress.json``  stage, epoch, step, rate and time left, rewritten about once a second
``metrics.csv``    one row per epoch
``train.log``      what the run printed
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


class RunError(ValueError):
    """The run directory cannot be used; the message is a sentence for the user."""


@dataclass(frozen=True)
class RunDirectory:
    path: Path

    @classmethod
    def claim(cls, path: str | os.PathLike) -> RunDirectory:
        """Make the directory; raises RunError if it exists, so that two starts can never share one."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir()
        except FileExistsError:
            raise RunError(f"The run directory {path} exists already. Give another one, or continue that run with --resume {path}.") from None
        return cls(path)

    @classmethod
    def open(cls, path: str | os.PathLike) -> RunDirectory:
        """An existing run; raises RunError if there is none."""
        run = cls(Path(path))
        if not (run.path / "config.json").is_file():
            raise RunError(f"{run.path} is not a run directory: it has no config.json.")
        return run

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
        status = self.read("status.json")
        try:
            process = psutil.Process(status["pid"])
            return process.create_time() == status["create_time"] and process.status() != psutil.STATUS_ZOMBIE
        except (KeyError, TypeError, ValueError, psutil.Error):
            return False

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Add a row to metrics.csv and flush it; the first row sets the columns."""
        path = self.path / "metrics.csv"
        new = not path.exists() or not path.stat().st_size
        with open(path, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
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
            temporary.write_text("".join(lines[: rows + 1]), "utf-8")
            os.replace(temporary, path)
