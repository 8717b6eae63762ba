"""Starting, stopping, resuming and deleting runs, from a page or a terminal. None of these waits for a
training."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from detector import atomic_files
from train.runs import hardware, stopping, store
from train.runs.commands import ROOT, resume_command, runs_folder, start_command, wherever_started
from train.runs.directory import RunDirectory, RunError, require_text
from train.runs.exit_reason import last_line
from train.runs.log import tail
from train.runs.run_state import RunState
from train.runs.store import Run

LOCK_SECONDS = 20.0
"""How long to wait for another program that is just starting or stopping a run; that takes a fraction of a
second."""
READY_SECONDS = 60.0
NEW, DELETED = ".new-", ".deleted-"


def start(
    recipe: str,
    overrides: Sequence[str],
    data: str,
    run_id: str,
    device: str = "auto",
    token: str | None = None,
    folder: Path | None = None,
) -> Run:
    """Queue a new run; returns once a process of its own stands behind it.

    data: a folder of images or a manifest. device: one of ``devices()``, or "auto" for the first GPU, else
    the CPU. token: whatever names one press of a button; the second start with it returns the first one's
    run. Raises RunError if a name, path or device will not do, or if it cannot be started.
    """
    _writable(folder)
    if problem := store.valid_id(run_id):
        raise RunError(problem)
    _check(recipe, overrides, data)
    folder = Path(folder or runs_folder())
    with _locked(folder) as lock:
        if token and (first := _started_with(token, folder)):
            return first
        if os.path.lexists(folder / run_id):
            raise RunError(f"There is a run named {run_id} already. Give this one another name.")
        # Of launchers that were killed: under the lock nobody else is making one.
        for leftover in folder.glob(f"{NEW}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        asked_for, device = device, hardware.choose(device)
        data = str(Path(data).resolve())
        recipe = wherever_started(recipe)
        launch = {
            "recipe": recipe,
            "overrides": list(overrides),
            "data": data,
            "device": device,
            "asked_for": asked_for,
            "token": token,
            "created": _now(),
        }
        words = start_command(recipe, overrides, data, run_id, device, folder)
        new = atomic_files.new_folder(folder, NEW)
        try:
            RunDirectory(new).write("launch.json", launch)
            _supervise(folder / run_id, words, device, lock, new)
        except OSError as error:
            raise RunError(f"The run could not be started: {error.strerror}.") from error
        finally:
            shutil.rmtree(new, ignore_errors=True)  # it has been renamed if all went well
    return store.find(run_id, folder)


def resume(run_id: str, folder: Path | None = None) -> Run:
    """Queue a run that has stopped, failed or been lost, to go on from its last checkpoint. Raises
    RunError if it cannot be."""
    _writable(folder)
    folder = Path(folder or runs_folder())
    with _locked(folder) as lock:
        run = store.find(run_id, folder)
        if "resume" not in run.actions:
            raise RunError(f"The run {run_id} cannot be resumed: {_is(run)}.")
        directory = RunDirectory(run.path)
        (run.path / "stop.json").unlink(missing_ok=True)
        device = hardware.choose(run.device, or_another=True)
        if (run.path / "config.json").exists():
            words = resume_command(run.path, device)
        else:  # it never came to training
            launch = directory.read("launch.json")
            _check(launch["recipe"], launch["overrides"], launch["data"])
            asked = (launch["recipe"], launch["overrides"], launch["data"])
            words = start_command(*asked, run_id, device, folder)
        try:
            _supervise(run.path, words, device, lock)
        except OSError as error:
            raise RunError(f"The run could not be resumed: {error.strerror}.") from error
    return store.find(run_id, folder)


def stop(run_id: str, folder: Path | None = None) -> Run:
    """Ask a run to end, or take it out of the queue. Returns at once; ``train.runs.stopping`` says what
    happens then.

    Raises RunError if there is nothing to stop.
    """
    _writable(folder)
    folder = Path(folder or runs_folder())
    with _locked(folder) as lock:
        run = store.find(run_id, folder)
        if "stop" not in run.actions:
            if run.state == RunState.STOPPING:
                return run
            raise RunError(f"The run {run_id} is not going: {_is(run)}.")
        directory = RunDirectory(run.path)
        try:
            directory.write("stop.json", stopping.request())
            if not run.supervised:
                _supervise(run.path, [], run.device or "cpu", lock)
        except OSError as error:
            raise RunError(
                f"The run could not be stopped: {error.strerror}. From a terminal: kill {run.pid}"
            ) from error
    return store.find(run_id, folder)


def delete(run_id: str, folder: Path | None = None) -> None:
    """Delete a run with its checkpoints and its model. Raises RunError for one that is going, and if it
    cannot be deleted."""
    _writable(folder)
    folder = Path(folder or runs_folder())
    with _locked(folder):
        run = store.find(run_id, folder)
        if "delete" not in run.actions or _held(run.path):
            raise RunError(f"The run {run_id} cannot be deleted: {_is(run)}.")
        grave = atomic_files.new_folder(folder, DELETED)
        try:
            os.rename(run.path, grave / "run")  # at once; what follows may be cut short
        except OSError as error:
            raise RunError(f"The run {run_id} cannot be deleted: {error.strerror}.") from error
    for leftover in folder.glob(f"{DELETED}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _check(recipe: str, overrides: Sequence[str], data: str) -> None:
    """Raises RunError for what would be misunderstood on a command line; the training checks the rest."""
    for text in (recipe, data, *overrides):
        if not isinstance(text, str) or not text.strip() or "\0" in text:
            raise RunError("Recipe, data folder and settings must be text.")
    require_text("data folder", data)
    for text in (recipe, *overrides):
        require_text("recipe or weights file", text)
    well_formed = all(re.match(r"[A-Za-z_]", text) and "=" in text for text in overrides)
    if recipe.startswith("-") or not well_formed:
        raise RunError("Settings are written as name=value.")
    if not Path(data).exists():
        raise RunError(f"There is nothing at {data}.")


def _started_with(token: str, folder: Path) -> Run | None:
    for path in folder.glob("[!.]*/launch.json"):
        with suppress(RunError):
            launch = RunDirectory(path.parent).read("launch.json")
            if launch.get("token") == token:
                return store.find(path.parent.name, folder)
    return None


def _supervise(path: Path, words: list[str], device: str, lock: int, new: Path | None = None) -> None:
    """Start the process that stands behind a run, and wait until it does. Raises OSError, and RunError if
    it fails."""
    hear, ready = os.pipe()
    try:
        arguments = [sys.executable, "-m", "train.runs.supervisor", str(path)]
        arguments += ["--device", device, "--lock", str(lock), "--ready", str(ready)]
        arguments += ["--new", str(new)] if new else []
        with open((new or path) / "train.log", "ab") as log:
            process = subprocess.Popen(
                [*arguments, "--", *words],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock, ready),
            )
        os.close(ready)
        ready = -1
        threading.Thread(target=process.wait, name="reap a supervisor", daemon=True).start()
        answered, _, _ = select.select([hear], [], [], READY_SECONDS)
        if not answered:
            raise RunError(
                "The process that is to watch over the run is slow to start; look again in a minute."
            )
        if os.read(hear, 5) != b"ready":
            said = last_line(tail((new or path) / "train.log", 4096)[0])
            raise RunError(
                "The process that was to watch over the run has ended at once:"
                f" {said or 'nobody knows why; is the disk full?'}"
            )
    finally:
        os.close(hear)
        if ready >= 0:
            os.close(ready)


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """The folder's lock, as an open file descriptor: one start, stop, resume or delete at a time, over all
    programs. Raises RunError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise RunError(f"The folder of runs {folder} cannot be used: {error.strerror}.") from error
    try:
        until = time.monotonic() + LOCK_SECONDS
        while not atomic_files.lock(lock):
            if time.monotonic() > until:
                raise RunError(
                    "Another program is starting or stopping a run just now. Try again in a moment."
                )
            time.sleep(0.01)
        yield lock
    finally:
        os.close(lock)


def _held(path: Path) -> bool:
    """Whether a training holds the run, whatever its files say."""
    try:
        with open(path / "lock", "rb") as lock:
            return not atomic_files.lock(lock.fileno())
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _writable(folder: Path | None) -> None:
    if problem := store.why_locked(folder):
        raise RunError(problem)
    if os.name != "posix":
        raise RunError(
            "Runs are started from here on Linux and macOS only. Train in a terminal: python -m train"
        )


def _is(run: Run) -> str:
    if run.live or not run.reason:
        return f"it is {run.state}"
    return f"it is {run.state} ({run.reason.rstrip('.')})"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
