"""How long a run will take on this machine, from rates that were measured here: in earlier runs, or for the purpose."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from detector.practice import make_practice_set
from train.recipes import Recipe

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("frozen", "finetune")
STEPS, EPOCHS = 4, 2
"""Of a measurement, in each stage: the first epoch also builds the network's graph, so the last one counts."""
MEASURE_SECONDS = 400
"""After this long a measurement is given up."""

Rates = Mapping[str, float]
"""Stage -> images a second, validation and saving included."""


def seconds(recipe: Recipe, train_images: int, rates: Rates) -> float | None:
    """How long the training takes if no stage ends early; None if a stage was never measured."""
    per_epoch = recipe.sampling.images_per_epoch or train_images
    stages = [(name, getattr(recipe, name).epochs) for name in STAGES if getattr(recipe, name).epochs]
    if not per_epoch or any(not rates.get(name) for name, _ in stages):
        return None
    return sum(epochs * per_epoch / rates[name] for name, epochs in stages)


def of_earlier_runs(recipe: Recipe, device: str, runs: Iterable[tuple[str, dict, list[dict], int]]) -> Rates:
    """What the latest run that is like this one reached in each stage. runs: (device, recipe, rows of metrics.csv, steps of an epoch),
    the latest first. Alike are runs of one architecture on one device that train the same layers with the same batch size.
    """
    found: dict[str, float] = {}
    for its_device, settings, rows, steps in runs:
        for stage in STAGES:
            if stage in found or its_device != device or not steps or _kind(recipe.to_dict(), stage) != _kind(settings, stage):
                continue
            if taken := _epoch_seconds(rows, stage):
                found[stage] = steps * recipe.batch_size / taken
    return found


def measured(recipe_name: str, overrides: Iterable[str], recipe: Recipe, device: str) -> Rates:
    """Train a few steps of each stage, for real and on throw-away pictures, in a process of its own: a minute or so. {} if that fails.

    Nothing is downloaded: how fast a network is does not depend on what it has learned.
    """
    brief = [f"sampling.images_per_epoch={STEPS * recipe.batch_size}", "backbone_weights=none"]
    brief += [f"{stage}.{setting}={EPOCHS}" for stage in STAGES if getattr(recipe, stage).epochs for setting in ("epochs", "patience")]
    with tempfile.TemporaryDirectory(prefix="telltale-rate-") as folder:
        pictures, run = make_practice_set(Path(folder) / "pictures"), Path(folder) / "run"
        command = [sys.executable, "-m", "train", "--recipe", recipe_name, "--data", str(pictures), "--run-dir", str(run), "--device", device]
        for override in [*overrides, *brief]:
            command += ["--set", override]
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            process.wait(MEASURE_SECONDS)
        except subprocess.TimeoutExpired:
            return {}
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        try:
            with open(run / "metrics.csv", newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        except OSError:
            return {}
    return {stage: STEPS * recipe.batch_size / taken for stage in STAGES if (taken := _epoch_seconds(rows, stage))}


def _epoch_seconds(rows: Iterable[Mapping[str, Any]], stage: str) -> float | None:
    """The median of a stage's epochs, without the first one where there are more."""
    taken = []
    for row in rows:
        if row.get("stage") == stage:
            with suppress(TypeError, ValueError):
                taken.append(float(row.get("seconds")))
    taken = [value for value in taken[1:] or taken if value > 0]
    return median(taken) if taken else None


def _kind(settings: Mapping[str, Any], stage: str) -> tuple:
    part = settings.get(stage)
    return settings.get("architecture"), settings.get("batch_size"), part.get("unfreeze") if isinstance(part, dict) else None
