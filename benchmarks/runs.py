"""``python -m benchmarks.runs [--json] [--quick]``: what runs cost, what the Train page costs them, and what
kills do to them.

Rates are compared within one training or one process, in turns (see ``benchmarks.timing``). Figures that need
Chromium are null without it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.input_rate import RECIPE, write_pictures
from benchmarks.live_page import line_delays, train_rates
from benchmarks.timing import ratio
from tests.support.app_in_browser import NoBrowser
from tests.support.kill_storm import Weather, storm

ROOT = Path(__file__).parents[1]
FIGURES = {
    "kills": "SIGKILLs at random moments to launchers, supervisors and trainings",
    "kills_of_real_trainings": "of these, in storms over real trainings",
    "false_states": "states that were not true afterwards (goal: 0)",
    "lost_runs": "runs that could not be resumed to their end (goal: 0)",
    "train_rate_ratio": (
        "training rate with the page open in Chromium, over the same training alone (goal: 0.98)"
    ),
    "page_cores": "processors kept busy by the app and Chromium while the page follows a run",
    "app_cores": "of these by the app: what the page costs where the browser runs on another machine",
    "input_rate_ratio": "fine-tuning fed by the input pipeline, over fed from memory (goal: 0.95)",
    "input_rate_ratio_first_epoch": "the same while every picture is still read from its file",
    "input_rate_ratio_frozen": (
        "the stage with a frozen backbone, fed by the input pipeline, over fed from memory"
    ),
    "input_rate_ratio_frozen_first_epoch": "the same while every picture is still read from its file",
    "images_per_second": "fine-tuning, images per second",
    "line_to_screen_s": "from a line in the log to the page, seconds, the slowest of all (goal: 1.5)",
    "line_to_screen_median_s": "from a line in the log to the page, seconds, median",
    "line_to_screen_long_log_s": "the slowest with 200 MB of log before it",
}


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    stand_ins, real: kills in the two storms. real_runs: trained in the second. turns, turn_seconds: of the
    training. lines: to wait for on the page. input_pipeline: arguments of ``benchmarks.input_rate``. recipe:
    of the training that the page is opened on, and that is fed.
    """

    stand_ins: int = 150
    real: int = 12
    real_runs: int = 2
    turns: int = 6
    turn_seconds: float = 25.0
    lines: int = 25
    input_pipeline: tuple[str, ...] = ()
    recipe: str = RECIPE


QUICK = Effort(20, 1, 1, 1, 3.0, 3, ("--pictures=20", "--batch=2", "--steps=1", "--rounds=1"))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.runs", description="What runs cost, and what kills do to them."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a few minutes instead of half an hour; the figures then say little",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the storms")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as here:
        measured = measure(Path(here).resolve(), QUICK if options.quick else Effort(), options.seed)
    print(json.dumps(measured) if options.json else table(measured))
    return 0


def measure(here: Path, effort: Effort, seed: int) -> dict[str, Any]:
    """All figures of ``FIGURES``. here: an empty folder to work in."""
    return kills(here, effort, seed) | input_rates(effort) | page(here, effort)


def kills(here: Path, effort: Effort, seed: int) -> dict[str, Any]:
    """Two storms: one over stand-ins, whose every step is known, one over real trainings of a tiny
    network."""
    pictures = write_pictures(here / "pictures", 40)
    real = Weather(
        trainer=(sys.executable, "-m", "train"),
        recipe="tiny-attention",
        overrides=("finetune.epochs=3",),
        data=str(pictures),
        kills=effort.real,
        runs=effort.real_runs,
        pause=8.0,
        patience=900.0,
    )
    damages = [
        storm(here / "stand-ins", Weather(kills=effort.stand_ins), seed),
        storm(here / "real", real, seed),
    ]
    for damage in damages:
        for sentence in (*damage.false_states, *damage.lost_runs):
            print(sentence, file=sys.stderr)
    struck = [sum(damage.kills.values()) for damage in damages]
    return {
        "kills": sum(struck),
        "kills_of_real_trainings": struck[1],
        "false_states": sum(len(damage.false_states) for damage in damages),
        "lost_runs": sum(len(damage.lost_runs) for damage in damages),
    }


def input_rates(effort: Effort) -> dict[str, Any]:
    """The figures of ``benchmarks.input_rate``, which has TensorFlow in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.input_rate",
        f"--recipe={effort.recipe}",
        *effort.input_pipeline,
    ]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3600)
    if process.returncode:
        raise RuntimeError(f"The input pipeline could not be measured:\n{process.stderr}")
    rates = json.loads(process.stdout.splitlines()[-1])
    return {
        "input_rate_ratio": rates["finetune_kept"],
        "input_rate_ratio_first_epoch": rates["finetune_read"],
        "input_rate_ratio_frozen": rates["frozen_kept"],
        "input_rate_ratio_frozen_first_epoch": rates["frozen_read"],
        "images_per_second": rates["finetune_images_per_second"],
    }


def page(here: Path, effort: Effort) -> dict[str, Any]:
    """What the open page costs and how soon it shows a line; None each without a Chromium."""
    names = (
        "train_rate_ratio",
        "page_cores",
        "app_cores",
        "line_to_screen_s",
        "line_to_screen_median_s",
        "line_to_screen_long_log_s",
    )
    folders = [here / name for name in ("rate", "lines", "long")]
    for folder in folders:
        folder.mkdir()
    try:
        rates = train_rates(folders[0], effort.turns, effort.turn_seconds, effort.recipe)
        delays = line_delays(folders[1], effort.lines, long_log=False)
        long = line_delays(folders[2], effort.lines, long_log=True)
    except NoBrowser as reason:
        print(reason, file=sys.stderr)
        return dict.fromkeys(names)
    figures = (
        ratio(rates, "page", "alone"),
        median(rates["cores"]),
        median(rates["app_cores"]),
        max(delays),
        median(delays),
        max(long),
    )
    return dict(zip(names, figures, strict=True))


def table(measured: dict[str, Any]) -> str:
    """The figures as text for people."""
    shown = {name: "-" if value is None else f"{value:,.4g}" for name, value in measured.items()}
    return "\n".join(f"{title:<100} {shown[name]:>10}" for name, title in FIGURES.items())


if __name__ == "__main__":
    sys.exit(main())
