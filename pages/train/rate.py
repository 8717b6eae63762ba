"""How long a run will take on this machine, from rates that were seen here: in earlier runs, or in a
measurement made for the purpose."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from detector.practice_set import make_practice_set
from train.recipes import STAGES, Recipe, StageName

ROOT = Path(__file__).resolve().parents[2]
STEPS, EPOCHS = 4, 2
"""Of a measurement, in each stage: the first epoch also builds the network's graph, so the last one
counts."""
MEASURE_SECONDS = 400
"""After this long a measurement is given up."""
LOOK_SECONDS = 0.1

Rates = Mapping[str, float]
"""Stage -> images a second, validation and saving included."""


def seconds(recipe: Recipe, train_images: int, rates: Rates) -> float | None:
    """How long the training takes if no stage ends early, at most the recipe's limit; None if a stage was
    never measured."""
    per_epoch = recipe.sampling.images_per_epoch or train_images
    if not per_epoch:
        return None
    taken = 0.0
    for name in trained(recipe):
        if not rates.get(name):
            return None
        taken += recipe.stage(name).epochs * per_epoch / rates[name]
    return min(taken, 60 * recipe.max_minutes) if recipe.max_minutes else taken


def trained(recipe: Recipe) -> list[StageName]:
    """The stages that have any epochs."""
    return [name for name in STAGES if recipe.stage(name).epochs]


def kind(settings: Mapping[str, Any], stage: str) -> tuple:
    """What one stage of a recipe's settings has in common with all that are equally fast: the network, which
    of its layers train, and the batch size."""
    part = settings.get(stage)
    return (
        settings.get("architecture"),
        json.dumps(settings.get("architecture_arguments") or {}, sort_keys=True),
        settings.get("batch_size"),
        part.get("unfreeze") if isinstance(part, dict) else None,
    )


def of_earlier_runs(recipe: Recipe, device: str, runs: Iterable[tuple[str, dict, list[dict], int]]) -> Rates:
    """What the latest run that is like this one reached in each stage. runs: (device, recipe, rows of
    metrics.csv, steps of an epoch), the latest first. Alike are runs on one device, of one ``kind``."""
    found: dict[str, float] = {}
    own = recipe.to_dict()
    for its_device, settings, rows, steps in runs:
        if its_device != device or not steps:
            continue
        for stage in STAGES:
            if stage in found or kind(own, stage) != kind(settings, stage):
                continue
            if taken := _epoch_seconds(rows, stage):
                found[stage] = steps * recipe.batch_size / taken
    return found


def measure(
    recipe_name: str,
    overrides: Iterable[str],
    recipe: Recipe,
    device: str,
    should_stop: Callable[[], bool] = lambda: False,
) -> Rates:
    """Train a few steps of each stage, for real and on throw-away pictures, in a process of its own: a minute
    or so. {} if that fails, or should_stop() says so, which is asked all the time.

    Nothing is downloaded: how fast a network is does not depend on what it has learned.
    """
    brief = [f"sampling.images_per_epoch={STEPS * recipe.batch_size}", "backbone_weights=none"]
    for stage in trained(recipe):
        brief += [f"{stage}.epochs={EPOCHS}", f"{stage}.patience={EPOCHS}"]
    with tempfile.TemporaryDirectory(prefix="telltale-rate-") as folder:
        pictures, run = make_practice_set(Path(folder) / "pictures"), Path(folder) / "run"
        command = [sys.executable, "-m", "train", "--recipe", recipe_name, "--data", str(pictures)]
        command += ["--run-dir", str(run), "--device", device]
        for override in [*overrides, *brief]:
            command += ["--set", override]
        if not _run_to_its_end(command, should_stop):
            return {}
        try:
            with open(run / "metrics.csv", newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        except OSError:
            return {}
    found: dict[str, float] = {}
    for stage in STAGES:
        if taken := _epoch_seconds(rows, stage):
            found[stage] = STEPS * recipe.batch_size / taken
    return found


def _run_to_its_end(command: list[str], should_stop: Callable[[], bool]) -> bool:
    """Whether a command ended by itself, in time; whatever it started has ended with it."""
    silent = subprocess.DEVNULL
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=silent, stdout=silent, stderr=silent, start_new_session=True
    )
    until = time.monotonic() + MEASURE_SECONDS
    try:
        while process.poll() is None:
            if should_stop() or time.monotonic() > until:
                return False
            time.sleep(LOOK_SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return True


def _epoch_seconds(rows: Iterable[Mapping[str, Any]], stage: str) -> float | None:
    """The median of a stage's epochs, without the first one where there are more."""
    taken = []
    for row in rows:
        if row.get("stage") == stage:
            with suppress(KeyError, TypeError, ValueError):
                taken.append(float(row["seconds"]))
    taken = [value for value in taken[1:] or taken if value > 0]
    return median(taken) if taken else None
