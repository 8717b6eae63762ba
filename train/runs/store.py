"""The runs on this machine, as snapshots of what is true now. Reading only; ``train.runs.launcher`` starts and stops."""

from __future__ import annotations

import csv
import itertools
import math
import os
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from train.runs import state as states
from train.runs import waiting
from train.runs.commands import command, runs_folder
from train.runs.directory import FINAL, RunDirectory, RunError
from train.runs.stopping import moment

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LONGEST_NAME = 80
MOST_METRICS = 20_000
OURS = ("config.json", "launch.json", "status.json")


@dataclass(frozen=True)
class Run:
    """One run as it was when it was looked at."""

    id: str
    path: Path
    state: str
    """queued, running, stopping, completed, failed, stopped, lost (its process is gone without a word) or damaged (no run can be read there)."""
    reason: str = ""
    """A sentence that says why, or what comes next; "" where the state says it all."""
    returncode: int | None = None
    """Exit status, or minus the number of the signal that ended it; None while it goes on and where nobody saw it."""
    pid: int | None = None
    """The process that trains, or that waits for its turn; None if neither lives."""
    created: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    """Every setting, resolved; before training has begun only the recipe's "name"."""
    data: str = ""
    command: tuple[str, ...] = ()
    """What was started, for ``shlex.join``."""
    device: str = ""
    """"cpu" or "cuda:0"; "" for a run that was typed in a terminal and took what it found."""
    practice: bool = False
    progress: dict[str, Any] = field(default_factory=dict)
    """stage, epoch, epochs, step, steps, images_per_second, loss, seconds_left_at_most; {} before the first step."""
    queue_position: int | None = None
    """1 for the next on its device; None for a run that does not wait."""
    actions: frozenset[str] = frozenset()
    """Of "stop", "resume", "delete" and "promote" those that make sense now; none on a read-only Telltale."""
    supervised: bool = False
    """Whether a process of ours watches over it; a run typed in a terminal has none."""

    @property
    def live(self) -> bool:
        """Whether it waits, trains or is being stopped."""
        return self.state in states.LIVE

    @property
    def log_path(self) -> Path:
        return self.path / "train.log"

    @property
    def bundle(self) -> Path | None:
        """The finished model, if there is one."""
        return self.path / "bundle" if self.state == states.COMPLETED and (self.path / "bundle" / "card.json").is_file() else None

    def metrics(self) -> list[dict[str, float | str | None]]:
        """A row per epoch; figures as float (None where there is none or it is not finite), anything else as text. Damaged rows are left out."""
        try:
            with open(self.path / "metrics.csv", newline="", encoding="utf-8", errors="replace") as file:
                rows = itertools.islice(csv.DictReader(file), MOST_METRICS)
                return [{name: _figure(value) for name, value in row.items()} for row in rows if None not in row and None not in row.values()]
        except (OSError, csv.Error):
            return []


def readonly() -> bool:
    """Whether the environment variable TELLTALE_READONLY forbids everything that starts, stops or writes."""
    return os.environ.get("TELLTALE_READONLY", "").strip().lower() not in ("", "0", "no", "false", "off")


def valid_id(text: str) -> str | None:
    """What is wrong with a name proposed for a new run, as a sentence; None if nothing is."""
    if not text:
        return "Give the run a name."
    if len(text) > LONGEST_NAME:
        return f"The name is too long: at most {LONGEST_NAME} characters."
    if not _NAME.fullmatch(text):
        return "A run's name is made of letters without accents, digits, dots, dashes and underscores, and begins with a letter or digit."
    if text.endswith((".", ".partial")):
        return 'A run\'s name does not end in a dot or in ".partial".'
    return None


def all_runs(folder: Path | None = None) -> list[Run]:
    """Every run of a folder, the newest first. Raises RunError if the folder cannot be read."""
    folder = Path(folder or runs_folder())
    try:
        with os.scandir(folder) as entries:
            found = {entry.name: entry.stat() for entry in entries if not entry.name.startswith(".") and entry.is_dir()}
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"The folder of runs {folder} cannot be read: {error.strerror}.") from error
    places = waiting.positions(folder)
    runs = [_settled(folder / name, stat, places) for name, stat in found.items()]
    return sorted(runs, key=lambda run: (run.created or datetime.min.replace(tzinfo=UTC), run.id), reverse=True)


def find(run_id: str, folder: Path | None = None) -> Run:
    """One run. Raises RunError if there is none of that name."""
    folder = Path(folder or runs_folder())
    proper = isinstance(run_id, str) and run_id and not run_id.startswith(".") and not set(run_id) & {"/", "\\", "\0"}
    if not proper or not (folder / run_id).is_dir():
        raise RunError(f"There is no run named {str(run_id)[:LONGEST_NAME]!r}.")
    return _snapshot(folder / run_id, waiting.positions(folder))


_kept: dict[Path, tuple[tuple[int, int, bool], Run]] = {}
MOST_KEPT = 10_000
SETTLED_SECONDS = 2.0
"""Two changes of a folder may bear the same time, but not that long after."""


def _settled(path: Path, stat: os.stat_result, places: dict[str, int]) -> Run:
    """The run; one that is over, and whose files have not been replaced since it was looked at, as it was then."""
    key = (stat.st_ino, stat.st_mtime_ns, readonly())
    kept = _kept.get(path)
    if kept and kept[0] == key:
        return kept[1]
    run = _snapshot(path, places)
    if not run.live and time.time() - stat.st_mtime > SETTLED_SECONDS:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[path] = key, run
    return run


def _snapshot(path: Path, places: dict[str, int]) -> Run:
    directory = RunDirectory(path)
    facts, state, reason = states.assess(directory)
    launch, config, status, supervisor = facts.launch, facts.config, facts.status, facts.supervisor
    over = state not in states.LIVE
    said_by = status if state in FINAL and state == status.get("state") else {}
    try:
        progress = directory.read("progress.json")
    except RunError:
        progress = {}
    return Run(
        id=path.name,
        path=path,
        state=state,
        reason=reason,
        returncode=said_by["returncode"] if isinstance(said_by.get("returncode"), int) else None,
        pid=facts.trainer.get("pid") or (supervisor.get("pid") if facts.supervised else None),
        created=moment(launch.get("created")) or moment(config.get("created")) or _changed(path, "config.json"),
        started=moment(status.get("started")) if state != states.QUEUED else None,
        ended=(moment(said_by.get("updated")) or _changed(path, "train.log", "status.json")) if over else None,
        recipe=config.get("recipe") if isinstance(config.get("recipe"), dict) else {"name": launch["recipe"]} if launch.get("recipe") else {},
        data=next((source["data"] for source in (config, launch) if isinstance(source.get("data"), str)), ""),
        command=_command(launch, config, path),
        device=next((source["device"] for source in (supervisor, launch) if isinstance(source.get("device"), str)), ""),
        practice=config.get("practice") is True,
        progress=progress,
        queue_position=places.get(path.name) if state == states.QUEUED else None,
        actions=_actions(state, facts, path),
        supervised=facts.supervised,
    )


def _actions(state: str, facts: states.Facts, path: Path) -> frozenset[str]:
    if readonly():
        return frozenset()
    possible = {
        states.QUEUED: {"stop"},
        states.RUNNING: {"stop"},
        states.STOPPING: set() if facts.supervised else {"stop"},
        states.COMPLETED: {"delete"},
    }.get(state, {"resume", "delete"})
    if state == states.COMPLETED:
        possible |= {"promote"} if (path / "bundle" / "card.json").is_file() else {"resume"}
    if "resume" in possible and not (facts.config or facts.launch):
        possible -= {"resume"}
    if state == states.DAMAGED and not any((path / name).exists() for name in OURS) and any(path.iterdir()):
        possible -= {"delete"}  # somebody's folder that never was a run
    return frozenset(possible)


def _command(launch: dict[str, Any], config: dict[str, Any], path: Path) -> tuple[str, ...]:
    if isinstance(launch.get("recipe"), str):
        overrides = [text for text in launch.get("overrides", []) if isinstance(text, str)]
        return tuple(command(launch["recipe"], overrides, str(launch.get("data")), path.name, str(launch.get("device")), path.parent))
    return tuple(str(config["command"]).split()) if config.get("command") else ()


def _changed(path: Path, *names: str) -> datetime | None:
    """When the first of these files that exists was written last."""
    for name in names:
        try:
            return datetime.fromtimestamp((path / name).stat().st_mtime, UTC)
        except OSError:
            continue
    return None


def _figure(value: str) -> float | str | None:
    try:
        figure = float(value)
    except ValueError:
        return value or None
    return figure if math.isfinite(figure) else None
