"""SIGKILL, at random moments, whatever has to do with a run: the programs that start and stop runs, the
supervisors, the trainings.

Afterwards every run directory must read true and resume to its end. What is true is found out apart from the
runs' own files: by looking at the machine's processes, and at what each training left behind step by step
(``tests.support.stand_in``).
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import groupby, pairwise
from pathlib import Path

import psutil

from tests.support.stand_in import STEPS
from train import runs
from train.runs import Run, commands

ROOT = Path(__file__).parents[2]
STAND_IN = (sys.executable, str(ROOT / "tests" / "support" / "stand_in.py"))
SETTLE_SECONDS = 20.0
"""A claim that is wrong for that long is a false state; processes come and go while one looks."""
SHARES = {"app": 0.2, "supervisor": 0.35, "training": 0.45}
"""How often each kind of process is struck."""


@dataclass(frozen=True)
class Weather:
    """What is trained, and how hard it blows. trainer: the first words of a training's command. pause: the
    longest one between kills, seconds."""

    trainer: tuple[str, ...] = STAND_IN
    recipe: str = "finishes:0.05"
    overrides: tuple[str, ...] = ()
    data: str = str(ROOT / "weights")
    kills: int = 60
    runs: int = 6
    apps: int = 2
    pause: float = 0.15
    patience: float = 240.0
    """Seconds that each of the later phases may take."""


@dataclass
class Damage:
    """What a storm did. kills: by kind of process. false_states, lost_runs: sentences."""

    kills: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    false_states: list[str] = field(default_factory=list)
    lost_runs: list[str] = field(default_factory=list)
    runs: int = 0


def storm(folder: Path, weather: Weather, seed: int) -> Damage:
    """Let it blow over an empty folder of runs, then see what is left. Ends with every process it started
    gone."""
    damage, rng = Damage(), random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    apps: list[subprocess.Popen] = []
    try:
        until = time.monotonic() + weather.patience
        while sum(damage.kills.values()) < weather.kills and time.monotonic() < until:
            apps = [app for app in apps if app.poll() is None]
            while len(apps) < weather.apps:
                apps.append(_open_app(folder, weather, rng.random()))
            time.sleep(rng.uniform(0, weather.pause))
            _strike(folder, apps, damage, rng)
            damage.false_states += falsehoods(folder, _nothing_more)
        for app in apps:
            app.kill()
            app.wait()
        damage.false_states += falsehoods(folder, _steps_missing(weather))
        damage.lost_runs = mend(folder, weather)
        damage.false_states += falsehoods(folder, _steps_missing(weather))
        damage.false_states += side_by_side(folder)
        damage.runs = len(runs.all_runs(folder))
    finally:
        for app in apps:
            app.kill()
            app.wait()
        end_all(folder)
    return damage


def app(folder: Path, weather: Weather, seed: float) -> None:
    """What a page does all day, and then some: look, start, stop, resume. Never returns."""
    commands.TRAINER = weather.trainer
    rng = random.Random(seed)
    while True:
        with suppress(runs.RunError):
            found = runs.all_runs(folder)
            if len(found) < weather.runs:
                runs.start(
                    weather.recipe,
                    weather.overrides,
                    weather.data,
                    f"run-{rng.randrange(weather.runs)}",
                    folder=folder,
                )
            elif waiting := [run for run in found if "resume" in run.actions]:
                runs.resume(rng.choice(waiting).id, folder)
            elif rng.random() < 0.1 and (going := [run for run in found if "stop" in run.actions]):
                runs.stop(rng.choice(going).id, folder)
            elif all(run.state == "completed" for run in found):  # nothing left to strike
                runs.delete(rng.choice(found).id, folder)
        time.sleep(rng.uniform(0, 0.05))


def mend(folder: Path, weather: Weather) -> list[str]:
    """Resume every run until all are completed; a sentence for each that cannot be."""
    commands.TRAINER, before = weather.trainer, commands.TRAINER
    try:
        until = time.monotonic() + weather.patience
        while (
            found := [run for run in runs.all_runs(folder) if run.state != "completed"]
        ) and time.monotonic() < until:
            for run in found:
                if "resume" in run.actions:
                    with suppress(runs.RunError):
                        runs.resume(run.id, folder)
            time.sleep(0.2)
    finally:
        commands.TRAINER = before
    return [f"{run.id} is {run.state} ({run.reason}) after all attempts" for run in found]


def falsehoods(folder: Path, wrong: Callable[[Run], str]) -> list[str]:
    """A sentence for every claim of the store that is not true. wrong(run): what else is wrong with a
    completed run, "" if nothing."""
    until = time.monotonic() + SETTLE_SECONDS
    never: set[str] = set()
    while True:
        claims, at_once = _falsehoods_now(folder, wrong)
        never.update(at_once)
        if not claims or time.monotonic() > until:
            return [*claims, *sorted(never)]
        time.sleep(0.1)


def end_all(folder: Path) -> None:
    """Kill every process of a folder's runs, those that start meanwhile too."""
    while found := [process for one in processes_of(folder).values() for process in one]:
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(0.02)


def side_by_side(folder: Path) -> list[str]:
    """A sentence for every two stand-ins that trained at the same time, though there is one device."""
    spans: dict[tuple[str, str], list[float]] = defaultdict(list)
    for path in folder.glob("*/proof.txt"):
        for line in path.read_text().splitlines():
            _, pid, when = line.split()
            spans[path.parent.name, pid].append(float(when))
    turns = sorted((min(times), max(times), *who) for who, times in spans.items())
    return [
        f"one device, but {one[2:]} and {other[2:]} trained at once"
        for one, other in pairwise(turns)
        if other[0] < one[1]
    ]


def processes_of(folder: Path) -> dict[str, list[psutil.Process]]:
    """Run id -> its supervisors and trainings that live, by their command lines alone."""
    found: dict[str, list[psutil.Process]] = defaultdict(list)
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.uids().real != os.getuid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            words = process.cmdline()
            if path := next((Path(ROOT, word) for word in words if Path(ROOT, word).parent == folder), None):
                found[path.name].append(process)
    return found


def _falsehoods_now(folder: Path, wrong: Callable[[Run], str]) -> tuple[list[str], list[str]]:
    """(claims that are wrong now, what must not be for a moment)."""
    before, claims, after = _look(folder), runs.all_runs(folder), _look(folder)
    said: list[str] = []
    never: list[str] = []
    for run in claims:
        lives = after.get(run.id, {})
        if lives != before.get(run.id, {}):
            continue  # something came or went just then
        if bool(lives) != run.live:
            said.append(f"{run.id} is said to be {run.state} ({run.reason}), and its processes are {lives}")
        elif run.state == "damaged":
            said.append(f"{run.id} is damaged: {run.reason}")
        elif run.state == "completed" and (sentence := wrong(run)):
            said.append(f"{run.id} is said to be completed, but {sentence}")
        for path in run.path.glob("*.json"):
            with suppress(FileNotFoundError):
                try:
                    json.loads(path.read_text())
                except ValueError:
                    never.append(f"{path} is half-written")
    training = [
        {(id, pid) for id, found in look.items() for pid, kind in found.items() if kind == "training"}
        for look in (before, after)
    ]
    if len(training[0] & training[1]) > 1:
        never.append(f"one device, but these train at once: {sorted(training[0] & training[1])}")
    return said, never


def _look(folder: Path) -> dict[str, dict[int, str]]:
    """Run id -> pid -> "supervisor" or "training"."""
    return {
        id: {process.pid: "supervisor" if _supervises(process) else "training" for process in found}
        for id, found in processes_of(folder).items()
    }


def _steps_missing(weather: Weather) -> Callable[[Run], str]:
    def check(run: Run) -> str:
        proof = [line.split() for line in (run.path / "proof.txt").read_text().splitlines()]
        if {int(step) for step, *_ in proof} != set(range(1, STEPS + 1)):
            return f"its training did the steps {[step for step, *_ in proof]}"
        turns = [pid for pid, _ in groupby(pid for _, pid, _ in proof)]
        return "" if len(turns) == len(set(turns)) else f"two trainings took turns at it: {turns}"

    return check if weather.trainer == STAND_IN else _nothing_more


def _nothing_more(run: Run) -> str:
    return ""


def _strike(folder: Path, apps: list[subprocess.Popen], damage: Damage, rng: random.Random) -> None:
    """Kill one process, waiting for one of the kind that was drawn, or everything at once."""
    kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
    until = time.monotonic() + 2
    while not (targets := _targets(folder, apps))[kind] and time.monotonic() < until:
        time.sleep(rng.uniform(0, 0.05))
    victims = [(kind, rng.choice(targets[kind]))] if targets[kind] else []
    if rng.random() < 0.1:  # the power fails
        victims = [(kind, pid) for kind, pids in targets.items() for pid in pids]
        rng.shuffle(victims)
    for kind, pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            damage.kills[kind] += 1


def _targets(folder: Path, apps: list[subprocess.Popen]) -> dict[str, list[int]]:
    found = [process for one in processes_of(folder).values() for process in one]
    return {
        "app": [app.pid for app in apps],
        "supervisor": [process.pid for process in found if _supervises(process)],
        "training": [process.pid for process in found if not _supervises(process)],
    }


def _supervises(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "train.runs.supervisor" in process.cmdline()
    return True  # it is gone


def _open_app(folder: Path, weather: Weather, seed: float) -> subprocess.Popen:
    command = [
        sys.executable,
        "-m",
        "tests.support.kill_storm",
        f"--folder={folder}",
        json.dumps(asdict(weather)),
        str(seed),
    ]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    )


if __name__ == "__main__":
    given = json.loads(sys.argv[2])
    app(
        Path(sys.argv[1].removeprefix("--folder=")),
        Weather(**given | {"trainer": tuple(given["trainer"])}),
        float(sys.argv[3]),
    )
