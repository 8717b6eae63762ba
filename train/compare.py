"""``python -m train.compare RECIPES... --data DIR --budget 20m``: train several recipes on the same data, one
after another under one budget, and print how they did side by side.

The budget is training time, shared equally; starting up and judging the test pictures come on top. The same
command goes on where it was interrupted, and prints the table again once all is done. A recipe that fails is
a row with its sentence.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from detector.atomic_files import write_whole
from detector.bundle import BundleError, read_bundle
from detector.engine import Engine
from detector.evaluation.intervals import Estimate
from detector.evaluation.predictions import PredictionsError
from train import runs
from train.comparison_table import Row, Speed, as_json, as_markdown, as_text, judged
from train.exit_status import DONE, ends_with_a_sentence
from train.recipes import RecipeError, load_recipe
from train.runs import Run, RunError, RunState
from train.runs.recipe_comparison import Comparison, minutes_of, names_recipes

FAILED = 1
POLL_SECONDS = 0.5
PASSES = 21
"""One-picture passes that are timed. Of 21 ordered times the 6th and the 16th hold their median with 97%
(binomial distribution), whatever theirs is."""
LOW, HIGH = 5, 15
SPEED = "speed.json"


@ends_with_a_sentence(
    "train.compare", RunError, RecipeError, interrupted="the same command goes on from here"
)
def main(argv: list[str] | None = None) -> int:
    """Exit status: 0, 1 if no recipe could be trained, 2 for what cannot be compared at all, 130 after
    Ctrl-C."""
    arguments = _parse(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    comparison = _comparison(arguments)
    rows = [_row(comparison, recipe) for recipe in comparison.recipes]
    formats = {"text": as_text, "markdown": as_markdown, "json": _json_lines}
    table = formats[arguments.format](rows)
    print(table, end="")
    if arguments.out:
        write_whole(arguments.out / f"{comparison.name}.json", _json_lines(rows))
        write_whole(arguments.out / f"{comparison.name}.md", as_markdown(rows))
    return FAILED if all(row.error for row in rows) else DONE


def _comparison(arguments: argparse.Namespace) -> Comparison:
    """Checked as far as it can be without training: RecipeError for a recipe or setting that does not exist,
    RunError for the rest."""
    names_recipes(arguments.set, arguments.recipes)
    comparison = Comparison(
        name=arguments.name,
        recipes=tuple(arguments.recipes),
        data=arguments.data,
        minutes=minutes_of(arguments.budget),
        settings=tuple(map(_with_whole_path, arguments.set)),
        device=arguments.device,
        folder=arguments.out,
    )
    for recipe in comparison.recipes:
        load_recipe(recipe, comparison.overrides(recipe))
    return comparison


def _row(comparison: Comparison, recipe: str) -> Row:
    """Train the recipe, or go on with it, and judge what came of it."""
    run = comparison.begin(recipe)
    if run.state in (RunState.STOPPED, RunState.LOST, RunState.FAILED):
        run = runs.resume(run.id, comparison.folder)
    run = _finished(run, comparison)
    if run.bundle is None:
        return Row(recipe, run.id, error=run.reason or f"The run {run.id} is {run.state}.")
    try:
        bundle = read_bundle(run.bundle)
        name, n, estimates = judged(bundle)
        speed = _speed(run, bundle.path)
    except (BundleError, PredictionsError) as error:
        return Row(recipe, run.id, error=str(error))
    seconds = [row.get("seconds") for row in run.metrics()]
    minutes = sum(each for each in seconds if isinstance(each, float)) / 60
    return Row(recipe, run.id, rows=name, n=n, estimates=estimates, speed=speed, minutes=minutes)


def _finished(run: Run, comparison: Comparison) -> Run:
    """The run once it is over. Ctrl-C stops it first."""
    told = ""
    try:
        while run.live:
            if (line := _progress(run)) != told:
                told = line
                print(line, file=sys.stderr, flush=True)
            time.sleep(POLL_SECONDS)
            run = runs.find(run.id, comparison.folder)
    except KeyboardInterrupt:
        runs.stop(run.id, comparison.folder)
        raise
    print(f"{run.id}: {run.state}", file=sys.stderr, flush=True)
    return run


def _progress(run: Run) -> str:
    """How far a run is, to an epoch: a line for each is enough."""
    stage, epoch = run.progress.get("stage"), run.progress.get("epoch")
    where = f", stage {stage}, epoch {epoch}" if stage and run.state.training else ""
    return f"{run.id}: {run.state}{where}"


def _speed(run: Run, bundle: Path) -> Speed:
    """Measured once for a run, and kept in its folder."""
    directory = runs.RunDirectory(run.path)
    weights = read_bundle(bundle).weights_sha256
    try:
        known = directory.read(SPEED)
        if known.get("weights_sha256") == weights:
            return Speed(int(known["parameters"]), Estimate(*map(float, known["milliseconds"])))
    except (RunError, KeyError, TypeError, ValueError):
        pass  # measured again
    speed = measured(bundle)
    time_taken = speed.milliseconds
    content: dict[str, Any] = {
        "weights_sha256": weights,
        "parameters": speed.parameters,
        "milliseconds": [time_taken.value, time_taken.low, time_taken.high],
    }
    directory.write(SPEED, content)
    return speed


def measured(bundle: Path) -> Speed:
    """Load a bundle and send one picture through its network in Keras, again and again. Raises
    BundleError."""
    engine = Engine(read_bundle(bundle), compiled=False)
    size = engine.bundle.preprocessing.size
    picture = np.zeros((1, size, size, 3), np.uint8)
    engine.forward(picture)  # compiles
    seconds = []
    for _ in range(PASSES):
        began = time.perf_counter()
        engine.forward(picture)
        seconds.append(time.perf_counter() - began)
    ordered = np.sort(seconds) * 1e3
    middle = Estimate(*(float(ordered[place]) for place in (PASSES // 2, LOW, HIGH)))
    return Speed(engine.network.count_params(), middle)


def _json_lines(rows: list[Row]) -> str:
    return json.dumps(as_json(rows), indent=1, ensure_ascii=False) + "\n"


def _with_whole_path(setting: str) -> str:
    """A setting that names a file, so that it can be read from another folder: runs start in Telltale's."""
    key, _, value = setting.partition("=")
    file = Path(value.strip().strip("'\""))
    is_file = key.strip().endswith("backbone_weights") and file.is_file()
    return f"{key}={json.dumps(str(file.resolve()))}" if is_file else setting


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m train.compare", description="Train several recipes and print how they did."
    )
    parser.add_argument("recipes", nargs="+", metavar="RECIPE", help="recipes that ship, or .toml files")
    parser.add_argument("--data", required=True, help="folder of images, or a manifest CSV")
    parser.add_argument("--budget", required=True, help="training time for all together: 20m, 90s, 1.5h")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for the runs and the table; usual runs without it"
    )
    parser.add_argument("--name", default="compare", help="what the runs' names begin with")
    parser.add_argument(
        "--set",
        metavar="[RECIPE:]KEY=VALUE",
        action="append",
        default=[],
        help="override a setting of all recipes, or of one",
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda:0 for the first GPU, or all GPUs")
    parser.add_argument("--format", choices=("text", "markdown", "json"), default="text")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
