"""The runs on this machine, as snapshots of what is true now. Reading only; ``train.runs.launcher`` starts
and stops."""

from __future__ import annotations

import csv
import itertools
import math
import os
import re
import shlex
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from detector.atomic_files import writable
from detector.printable import encodable, printable
from train.runs import queue
from train.runs.assessment import Facts, assess
from train.runs.commands import command, runs_folder
from train.runs.directory import RunDirectory, RunError
from train.runs.run_state import RunState, written_state
from train.runs.stopping import moment

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LONGEST_NAME = 80
MOST_METRICS, MOST_LOSSES = 20_000, 50_000
Content = dict[str, Any]
"""Of one of a run's files."""
OURS = ("config.json", "launch.json", "status.json")


@dataclass(frozen=True)
class Run:
    """One run as it was when it was looked at."""

    id: str
    path: Path
    state: RunState
    reason: str = ""
    """A sentence that says why, or what comes next; "" where the state says it all."""
    returncode: int | None = None
    """Exit status, or minus the number of the signal that ended it; None while it goes on and where nobody
    saw it."""
    pid: int | None = None
    """The process that trains, or that waits for its turn; None if neither lives."""
    created: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    """Every setting, resolved; before training has begun only the recipe's "name"."""
    data: str = ""
    command: tuple[str, ...] = ()
    """What repeats it, for ``shlex.join``."""
    device: str = ""
    """"cpu" or "cuda:0"; "" for a run that was typed in a terminal and took what it found."""
    practice: bool = False
    progress: dict[str, Any] = field(default_factory=dict)
    """stage, epoch, epochs, step, steps, images_per_second, loss, seconds_left_at_most; in a phase besides
    training done and total, pictures, instead of epochs and steps; {} before there is any."""
    queue_position: int | None = None
    """1 for the next on its device; None for a run that does not wait."""
    actions: frozenset[str] = frozenset()
    """Of "stop", "resume", "delete" and "promote" those that make sense now; none on a read-only Telltale."""
    supervised: bool = False
    """Whether a process of ours watches over it; a run typed in a terminal has none."""

    @property
    def live(self) -> bool:
        """Whether it waits, trains or is being stopped."""
        return self.state.live

    @property
    def log_path(self) -> Path:
        return self.path / "train.log"

    @property
    def bundle(self) -> Path | None:
        """The finished model, if there is one."""
        finished = self.state == RunState.COMPLETED and _has_bundle(self.path)
        return self.path / "bundle" if finished else None

    def metrics(self) -> list[dict[str, float | str | None]]:
        """A row per epoch; figures as float (None where there is none or it is not finite), anything else
        as text. Damaged rows are left out."""
        return _table(self.path / "metrics.csv", MOST_METRICS)

    def losses(self) -> list[dict[str, float | str | None]]:
        """The training loss within epochs, in the same way: "epochs" that were done, "stage", "loss"."""
        return _table(self.path / "steps.csv", MOST_LOSSES)


def readonly() -> bool:
    """Whether the environment variable TELLTALE_READONLY forbids everything that starts, stops or writes."""
    return os.environ.get("TELLTALE_READONLY", "").strip().lower() not in ("", "0", "no", "false", "off")


def why_locked(folder: Path | None = None) -> str:
    """Why nothing can be started, stopped or deleted in the folder of runs, as a sentence; "" if it can."""
    folder = Path(folder or runs_folder())
    if readonly():
        return (
            "This Telltale is read-only (TELLTALE_READONLY is set): runs can be looked at, but not started,"
            " stopped or deleted."
        )
    if not encodable(str(folder)):
        return (
            f"The name of the folder of runs is no UTF-8 text: {printable(folder)}. Set TELLTALE_RUNS to"
            " another folder."
        )
    if not writable(folder):
        return (
            f"The folder of runs {folder} cannot be written to: runs can be looked at, but not started,"
            " stopped or deleted. Set TELLTALE_RUNS to a folder that can."
        )
    return ""


def valid_id(text: str) -> str | None:
    """What is wrong with a name proposed for a new run, as a sentence; None if nothing is."""
    if not text:
        return "Give the run a name."
    if len(text) > LONGEST_NAME:
        return f"The name is too long: at most {LONGEST_NAME} characters."
    if not _NAME.fullmatch(text):
        return (
            "A run's name is made of letters without accents, digits, dots, dashes and underscores, and"
            " begins with a letter or digit."
        )
    if text.endswith((".", ".partial")):
        return 'A run\'s name does not end in a dot or in ".partial".'
    return None


def all_runs(folder: Path | None = None) -> list[Run]:
    """Every run of a folder, the newest first. Raises RunError if the folder cannot be read."""
    folder = Path(folder or runs_folder())
    try:
        with os.scandir(folder) as entries:
            found = {
                entry.name: entry.stat()
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir()
            }
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"The folder of runs {folder} cannot be read: {error.strerror}.") from error
    places = queue.positions(folder)
    runs = []
    for name, status in found.items():
        runs.append(_settled(folder / name, status, places))
    return sorted(runs, key=_age, reverse=True)


def _age(run: Run) -> tuple[datetime, str]:
    """For sorting, the oldest first; a run that does not say when it was made comes before all others."""
    return run.created or datetime.min.replace(tzinfo=UTC), run.id


def find(run_id: str, folder: Path | None = None) -> Run:
    """One run. Raises RunError if there is none of that name."""
    folder = Path(folder or runs_folder())
    proper = (
        isinstance(run_id, str)
        and run_id
        and not run_id.startswith(".")
        and not set(run_id) & {"/", "\\", "\0"}
    )
    if not proper or not os.path.isdir(folder / run_id):  # False, too, for a name that no folder can have
        raise RunError(f"There is no run named {str(run_id)[:LONGEST_NAME]!r}.")
    return _snapshot(folder / run_id, queue.positions(folder))


Unchanged = tuple[int, int, bool]
"""Inode and time of change of a run's folder, and whether nothing may be done: while these are the same, so
is a run that is over."""
_kept: dict[Path, tuple[Unchanged, Run]] = {}
MOST_KEPT = 10_000
SETTLED_SECONDS = 2.0
"""Two changes of a folder may bear the same time, but not that long after."""


def _settled(path: Path, status: os.stat_result, places: dict[str, int]) -> Run:
    """The run; one that is over, and whose files have not been replaced since it was looked at, as it was
    then."""
    key = (status.st_ino, status.st_mtime_ns, readonly())
    kept = _kept.get(path)
    if kept and kept[0] == key:
        return kept[1]
    run = _snapshot(path, places)
    if not run.live and time.time() - status.st_mtime > SETTLED_SECONDS:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[path] = key, run
    return run


def _snapshot(path: Path, places: dict[str, int]) -> Run:
    directory = RunDirectory(path)
    facts, state, reason = assess(directory)
    launch, config, status, supervisor = facts.launch, facts.config, facts.status, facts.supervisor
    queued = state == RunState.QUEUED
    return Run(
        id=path.name,
        path=path,
        state=state,
        reason=reason,
        returncode=_returncode(status, state),
        pid=facts.trainer.get("pid") or (supervisor.get("pid") if facts.supervised else None),
        created=_created(launch, config, path),
        started=None if queued else moment(status.get("started")),
        ended=_ended(status, state, path),
        recipe=_recipe(launch, config),
        data=_first_text("data", config, launch),
        command=_command(launch, config, path),
        device=_first_text("device", supervisor, launch),
        practice=config.get("practice") is True,
        progress=_progress(directory),
        queue_position=places.get(path.name) if queued else None,
        actions=_actions(state, facts, path),
        supervised=facts.supervised,
    )


def _returncode(status: Content, state: RunState) -> int | None:
    """Of the training that ended in this state; what an earlier one left is none of it."""
    code = status.get("returncode")
    said = state.final and written_state(status) == state
    return code if said and isinstance(code, int) else None


def _created(launch: Content, config: Content, path: Path) -> datetime | None:
    written = moment(launch.get("created")) or moment(config.get("created"))
    return written or _changed(path, "config.json")


def _ended(status: Content, state: RunState, path: Path) -> datetime | None:
    if state.live:
        return None
    said = state.final and written_state(status) == state
    written = moment(status.get("updated")) if said else None
    return written or _changed(path, "train.log", "status.json")


def _recipe(launch: Content, config: Content) -> Content:
    resolved = config.get("recipe")
    if isinstance(resolved, dict):
        return resolved
    return {"name": launch["recipe"]} if launch.get("recipe") else {}


def _first_text(key: str, *files: Content) -> str:
    """What the first of these files that has text there says; "" if none has."""
    for content in files:
        value = content.get(key)
        if isinstance(value, str):
            return value
    return ""


def _progress(directory: RunDirectory) -> Content:
    try:
        return directory.read("progress.json")
    except RunError:
        return {}


def _has_bundle(path: Path) -> bool:
    return (path / "bundle" / "card.json").is_file()


def _actions(state: RunState, facts: Facts, path: Path) -> frozenset[str]:
    if readonly():
        return frozenset()
    possible = _possible(state, facts.supervised, _has_bundle(path))
    if not (facts.config or facts.launch):
        possible -= {"resume"}
    if state == RunState.DAMAGED and _is_somebody_elses(path):
        possible -= {"delete"}
    return possible


def _possible(state: RunState, supervised: bool, has_bundle: bool) -> frozenset[str]:
    """What makes sense in a state, for all that is known of the run's files."""
    if state in (RunState.QUEUED, RunState.RUNNING):
        return frozenset({"stop"})
    if state == RunState.STOPPING:
        return frozenset() if supervised else frozenset({"stop"})
    if state == RunState.COMPLETED and has_bundle:
        return frozenset({"delete", "promote"})
    return frozenset({"delete", "resume"})


def _is_somebody_elses(path: Path) -> bool:
    """Whether this is a folder with something in it that never was a run."""
    ours = any((path / name).exists() for name in OURS)
    return not ours and any(path.iterdir())


def _command(launch: Content, config: Content, path: Path) -> tuple[str, ...]:
    """The words that repeat the run: from what was asked for, else from what was typed. Runs of earlier
    versions have no "words", but a "command" without this machine's paths."""
    recipe, words, line = launch.get("recipe"), config.get("words"), config.get("command")
    if isinstance(recipe, str):
        overrides = [text for text in launch.get("overrides", []) if isinstance(text, str)]
        data = str(launch.get("data"))
        device = _first_text("asked_for", launch) or str(launch.get("device"))
        return tuple(command(recipe, overrides, data, path.name, device, path.parent))
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return tuple(words)
    if not isinstance(line, str):
        return ()
    try:
        return tuple(shlex.split(line))
    except ValueError:  # somebody has been at the file
        return (line,)


def _changed(path: Path, *names: str) -> datetime | None:
    """When the first of these files that exists was written last."""
    for name in names:
        try:
            return datetime.fromtimestamp((path / name).stat().st_mtime, UTC)
        except OSError:
            continue
    return None


def _table(path: Path, most: int) -> list[dict[str, float | str | None]]:
    """The first rows of a CSV file that are whole; none if it cannot be read."""
    try:
        with open(path, newline="", encoding="utf-8", errors="replace") as file:
            rows = list(itertools.islice(csv.DictReader(file), most))
    except (OSError, csv.Error):
        return []
    whole = [row for row in rows if None not in row and None not in row.values()]
    return [{name: _figure(value) for name, value in row.items()} for row in whole]


def _figure(value: str) -> float | str | None:
    try:
        figure = float(value)
    except ValueError:
        return value or None
    return figure if math.isfinite(figure) else None
