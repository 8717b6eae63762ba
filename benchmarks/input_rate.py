"""``python -m benchmarks.input_rate``: the training's real input pipeline against the same steps fed from
memory, as JSON.

The steps are those of the shipped model's recipe: its network, optimizer, batch size and random changes, with
random initial weights. Pictures are JPEGs of a megapixel. ``kept``: as in every epoch but the first, with the
canonical pictures in memory. ``read``: as in the first epoch, each picture read and decoded. Both stages:
frozen, where a step is short, and fine-tuning, where nearly all time goes.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Any

from benchmarks.photographs import photograph
from benchmarks.timing import ratio, take_turns, timed

RECIPE = "efficientnetv2b0-attention-balanced"
READ_AHEAD_STEPS = 6
"""Steps before those that are timed: a pipeline made some ready while the others had their turn, and the
one before makes some ready still."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.input_rate",
        description="The input pipeline against a step fed from memory.",
    )
    parser.add_argument("--recipe", default=RECIPE)
    parser.add_argument("--pictures", type=int, default=192)
    parser.add_argument("--batch", type=int, default=32, help="images in a step; the recipe's is 32")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as here:
        print(
            json.dumps(
                measure(
                    Path(here), options.recipe, options.pictures, options.batch, options.steps, options.rounds
                )
            )
        )
    return 0


def measure(here: Path, recipe: str, pictures: int, batch: int, steps: int, rounds: int) -> dict[str, float]:
    """``{stage}_{kept, read}``: rate with the pipeline over rate from memory;
    ``{stage}_images_per_second`` with the pipeline, kept."""
    from detector.datasets import load_dataset
    from train.checkpoints import Position
    from train.loop import STAGES, Loop
    from train.recipes import load_recipe
    from train.runs import RunDirectory

    overrides = ["backbone_weights=none", f"batch_size={batch}", f"sampling.images_per_epoch={batch * 64}"]
    dataset = load_dataset(write_pictures(here / "pictures", pictures))
    loops = {
        name: Loop(
            RunDirectory.claim(here / name),
            load_recipe(recipe, [*overrides, *more]),
            dataset,
            lambda: False,
            lambda _: None,
        )
        for name, more in (("kept", []), ("read", ["cache_gb=0"]))
    }
    measured = {}
    for number, stage in enumerate(STAGES):
        loop = loops["kept"]
        loop.position = Position(stage=number)
        loop.network = loop._build(pretrained=False)
        model = loop._compile(getattr(loop.recipe, stage))
        feeds = {name: _batches(loop, number) for name, loop in loops.items()}
        ready = [next(feeds["kept"]) for _ in range(steps)]
        tasks = {name: _turn(model, feed, steps) for name, feed in {"memory": cycle(ready), **feeds}.items()}
        seconds = take_turns(tasks, rounds)
        for name, feed in feeds.items():
            feed.close()
            measured[f"{stage}_{name}"] = ratio(seconds, "memory", name)
        measured[f"{stage}_images_per_second"] = batch * steps / sorted(seconds["kept"])[rounds // 2]
    return measured


def write_pictures(root: Path, pictures: int) -> Path:
    """A manifest and that many JPEGs of a megapixel: 8 of 10 to train on, the others for validation and
    test; both classes, all paired."""
    (root / "images").mkdir(parents=True)
    with open(root / "manifest.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "label", "split", "source", "paired", "group"])
        for number in range(pictures):
            name, split = f"images/{number}.jpg", ("train",) * 8 + ("val", "test")
            (root / name).write_bytes(photograph(number))
            rows.writerow(
                [
                    name,
                    "ai" if number % 2 else "real",
                    split[number // 2 % 10],
                    "photographs",
                    True,
                    number // 2,
                ]
            )
    return root


def _batches(loop: Any, stage: int) -> Generator:
    for epoch in count():
        yield from loop.batches.epoch(stage, epoch)


def _turn(model: Any, batches: Iterator, steps: int) -> Callable[[], float]:
    def seconds() -> float:
        _step(model, batches, READ_AHEAD_STEPS)
        return timed(lambda: _step(model, batches, steps))()

    return seconds


def _step(model: Any, batches: Iterator, steps: int) -> None:
    """As ``Loop._epoch`` does it."""
    for _ in range(steps):
        images, labels = next(batches)
        model.reset_metrics()
        model.train_on_batch(images.astype("float32"), labels, return_dict=True)


if __name__ == "__main__":
    sys.exit(main())
