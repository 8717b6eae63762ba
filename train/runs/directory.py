"""Run directories on disk: claiming one, and the files through which a run tells the world how it is doing.

``config.json``      the resolved recipe, data folder, command for the card and words that repeat the run
``status.json``      state (running, completed, failed, stopped), reason, returncode, pid and its create_time
``progress.json``    stage or phase, epoch, step, rate and time left, rewritten about once a second
``metrics.csv``      one row per epoch
``steps.csv``        the training loss within epochs, see `train.loss_trace`
``train.log``        what the run printed
``startup.log``      what libraries printed while they started
``lock``             held by the process that trains
``checkpoints/``     what ``--resume`` continues from
``bundle/``          the finished model

Only in runs that were launched rather than typed:

``launch.json``      what was asked for: recipe, overrides, data, device
``supervisor.json``  who watches over the run, and which process trains
``stop.json``        a stop was asked for
"""

from __future__ import annotations

import csv
import errno
import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from detector.atomic_files import lock_file, put_in_place, to_disk, write_whole
from detector.printable import encodable, printable
from train.runs import processes
from train.runs.run_state import WRITTEN, RunState

LAUNCHED = "TELLTALE_RUN"
"""Environment variable by which a supervisor tells the training it starts which run directory was claimed
for it."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
MOST_BYTES = 4 * 2**20
"""A larger JSON file is none of ours."""
ROOM = ".room"
ROOM_BYTES = 4096


class RunError(ValueError):
    """The run or its directory cannot be used; the message is a sentence for the user."""


class TrainingFailed(RuntimeError):
    """Training cannot go on; the message says why and what to try."""


class Stopped(Exception):
    """A stop was asked for; training ends where it is."""


def require_text(what: str, path: str) -> None:
    """Raises RunError for a path that is no text: cards and tables, which name it, are UTF-8. what: it is, in
    the user's words."""
    if not encodable(path):
        raise RunError(
            f"The name of the {what} is no UTF-8 text: {printable(path)}. Rename it, or take another one; in"
            " a terminal with an old encoding, set PYTHONUTF8=1."
        )


@dataclass(frozen=True)
class RunDirectory:
    """The folder of one run; the module's docstring lists what lies in it."""

    path: Path

    @classmethod
    def claim(cls, path: str | os.PathLike) -> RunDirectory:
        """Make the directory; raises RunError if it exists, so that two starts can never share one, or cannot
        be made.

        One that a supervisor claimed for the process it then started is handed over.
        """
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir()
        except OSError as error:
            if path.exists():
                run = cls(path)
                if run.launched() and not (path / "config.json").exists():
                    return run
                raise RunError(
                    f"The run directory {path} exists already. Give another one, or continue that run with"
                    f" --resume {path}."
                ) from None
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
        """Keep the run for this process until that ends; raises RunError if another process holds it, so that
        two can never resume one.

        Whoever watched over the run before, and any stop asked of it, are then forgotten, unless a supervisor
        started this process.
        """
        lock = lock_file(self.path / "lock")  # never closed: closing it would let the run go
        if lock is None:
            raise RunError(f"The run {self.path} is still going.")
        if not self.launched():
            for name in ("supervisor.json", "stop.json"):
                (self.path / name).unlink(missing_ok=True)

    def launched(self) -> bool:
        """Whether a supervisor started this process to train this run."""
        return os.environ.get(LAUNCHED) == str(self.path.resolve())

    @property
    def id(self) -> str:
        return self.path.resolve().name

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def bundle(self) -> Path:
        return self.path / "bundle"

    @property
    def log(self) -> Path:
        return self.path / "train.log"

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Replace a JSON file at once: a reader sees the old content or the new, never half of it. Raises
        OSError."""
        fleeting = name == "progress.json"  # often written, and worth nothing once the power has failed
        write_whole(self.path / name, json.dumps(content, indent=1), sync=not fleeting)

    def read(self, name: str) -> dict[str, Any]:
        """A JSON file of the run, or {} if it is not there yet. Raises RunError if it is damaged."""
        path = self.path / name
        try:
            found = path.stat()
            ordinary = stat.S_ISREG(found.st_mode)  # opening a pipe would wait for ever
            if not ordinary or found.st_size > MOST_BYTES:
                raise RunError(f"{path} does not hold what a run writes there.")
            content = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except RunError:
            raise
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{path} cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise RunError(f"{path} does not hold what a run writes there.")
        return content

    def set_status(self, state: RunState, reason: str = "", returncode: int | None = None) -> None:
        """Write status.json for this process. returncode: its exit status, once that is known."""
        self.record_status(state, reason, returncode, processes.identity())

    def record_status(
        self, state: RunState, reason: str, returncode: int | None, process: dict[str, Any]
    ) -> None:
        """Write status.json for the process of that ``processes.identity``, even onto a full disk if
        ``keep_room`` was called in time."""
        state = RunState(state)
        assert state in WRITTEN, state
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        before: dict[str, Any] = {}
        with suppress(RunError):
            before = self.read("status.json")
        started = before.get("started")  # a resumed run began when it was first started
        if not started and state == RunState.RUNNING:
            started = now
        content = {
            "state": state,
            "reason": reason,
            "returncode": returncode,
            **process,
            "started": started,
            "updated": now,
        }
        try:
            self.write("status.json", content)
        except OSError as error:
            if error.errno not in DISK_FULL or not self._write_into_room("status.json", content):
                raise
        if state.final:
            (self.path / ROOM).unlink(missing_ok=True)

    def keep_room(self) -> None:
        """Set a block of the disk aside, so that the last words of a run that fills the disk can still be
        written."""
        with suppress(OSError):
            (self.path / ROOM).write_bytes(b" " * ROOM_BYTES)

    def _write_into_room(self, name: str, content: dict[str, Any]) -> bool:
        room = self.path / ROOM
        text = json.dumps(content).encode()
        kept = room.is_file() and room.stat().st_size == ROOM_BYTES
        if not kept or len(text) > ROOM_BYTES:
            return False
        with open(room, "r+b") as file:
            file.write(text.ljust(ROOM_BYTES))
        put_in_place(room, self.path / name, sync=True)
        return True

    def alive(self) -> bool:
        """Whether the process that wrote status.json still runs (same pid and creation time, not a
        zombie)."""
        try:
            return processes.is_alive(self.read("status.json"))
        except RunError:
            return False

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Add a row to metrics.csv and flush it; the first row sets the columns."""
        to_disk(self._append("metrics.csv", row))

    def append_steps(self, row: dict[str, Any]) -> None:
        """Add a row to steps.csv; the first one sets the columns."""
        self._append("steps.csv", row)

    def _append(self, name: str, row: dict[str, Any]) -> Path:
        path = self.path / name
        with open(path, "a+", newline="", encoding="utf-8") as file:
            file.seek(0)
            columns = next(csv.reader(file), None)
            writer = csv.DictWriter(
                file, columns or list(row), restval="", extrasaction="ignore", lineterminator="\n"
            )
            if not columns:
                writer.writeheader()
            writer.writerow(row)
        return path

    def keep_metrics(self, rows: int) -> None:
        """Cut metrics.csv back to its first ``rows`` rows: those that the checkpoint being resumed had
        seen."""
        path = self.path / "metrics.csv"
        if path.exists():
            lines = path.read_text("utf-8").splitlines(keepends=True)
            write_whole(path, "".join(lines[: rows + 1]) if rows else "")

    def keep_steps(self, epochs: float) -> None:
        """Cut steps.csv back to the rows of the first ``epochs`` epochs, which may be a part of one."""
        path = self.path / "steps.csv"
        if not path.exists():
            return
        head, *lines = path.read_text("utf-8").splitlines(keepends=True) or [""]
        kept = [line for line in lines if _number(line.partition(",")[0]) <= epochs]
        write_whole(path, "".join([head, *kept]) if kept else "")


def _number(text: str) -> float:
    """Infinity where it is none."""
    try:
        return float(text)
    except ValueError:
        return float("inf")
