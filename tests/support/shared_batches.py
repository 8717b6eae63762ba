"""``python -m tests.support.shared_batches PICTURES FOLDER``: the same short runs on one device and on two of
``virtual_devices``, in a process of its own; what came out is printed as JSON."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from detector.datasets import load_dataset
from tests.support.virtual_devices import DEVICES, split_processor
from train.checkpoints import Position
from train.loop import Loop
from train.loss_trace import LossTrace
from train.recipes import load_recipe
from train.runs import RunDirectory, Stopped

WHOLE = ("finetune.epochs=6", "finetune.patience=6", "sampling.images_per_epoch=160")
"""A run whose dropout and batch norm train, as the recipe has it."""
EXACT = (
    "architecture_arguments.dropout=0",
    "finetune.batch_norm=frozen",
    "finetune.epochs=2",
    "finetune.optimizer=adamw",
    "finetune.weight_decay=0.01",
    "finetune.clip_norm=0.1",
    "finetune.ema_momentum=0.5",
    "finetune.warmup_steps=3",
)
"""In which nothing depends on how a batch is dealt out; the gradient is so large that it is clipped."""
FOCUS = (*EXACT, "attention_focus=0.5")
ONE_STEP = ("finetune.epochs=1", "sampling.images_per_epoch=16", "architecture_arguments.dropout=0")


@dataclass
class Told:
    """A run: its loop, the loss of each of its steps, and what it said."""

    loop: Loop = field(init=False)
    losses: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def main(pictures: Path, folder: Path) -> None:
    split_processor()
    dataset = load_dataset(pictures)

    def trained(name: str, overrides: tuple[str, ...], devices=DEVICES, stops_after: int = 10**9) -> Told:
        """One that trains to its end, or until it was asked so often whether to stop."""
        path, asked = folder / name, iter(range(10**9))
        run = RunDirectory(path) if path.exists() else RunDirectory.claim(path)
        told = Told()
        recipe = load_recipe("tiny-attention", overrides)

        def should_stop() -> bool:
            return next(asked) >= stops_after

        told.loop = Loop(run, recipe, dataset, should_stop, told.said.append, devices=devices)
        with mock.patch.object(LossTrace, "add", lambda trace, epochs, stage, loss: told.losses.append(loss)):
            try:
                told.loop.train()
            except Stopped:
                assert stops_after < 10**9
        return told

    found: dict[str, object] = {}
    for name, settings in {"exact": EXACT, "focus": FOCUS}.items():
        found[name] = {str(n): _curves(trained(f"{name}-{n}", settings, DEVICES[:n])) for n in (1, 2)}
    trained("goes-on", EXACT, DEVICES, stops_after=3)
    found["goes_on"] = _curves(trained("goes-on", EXACT, ()))
    whole = trained("whole", WHOLE)
    found["whole"], found["said"] = _curves(whole), whole.said
    found["statistics"] = {str(n): _statistics(trained(f"step-{n}", ONE_STEP, DEVICES[:n])) for n in (1, 2)}
    found["places"] = _places(trained("places", ONE_STEP).loop)
    keras.config.set_dtype_policy("mixed_float16")
    found["mixed"] = _curves(trained("mixed", EXACT))
    print(json.dumps(found))


def _curves(told: Told) -> dict[str, list]:
    """The loss of every step since it was made, and the rows of metrics.csv without the time taken."""
    with open(told.loop.run.path / "metrics.csv", newline="") as file:
        rows = [
            {key: float(value) for key, value in row.items() if key not in ("stage", "seconds")}
            for row in csv.DictReader(file)
        ]
    return {"losses": told.losses, "metrics": rows}


def _statistics(told: Told) -> list[float]:
    """What the first batch norm knows of its inputs."""
    return [float(value) for value in np.ravel(told.loop.network.get_layer("bn1").moving_variance)]


def _places(loop: Loop) -> dict[str, int]:
    """How many convolutions, on the way there and back, a step has on which device."""
    loop.position = Position(stage=1)
    model = loop._compile(loop.recipe.finetune)
    images, labels = next(loop.batches.epoch(0, 0))
    step = tf.function(lambda x, y: model.train_step((x, y)))
    graph = step.get_concrete_function(images.astype(np.float32), labels).graph
    return Counter(f"{op.type} {op.device}" for op in graph.get_operations() if op.type.startswith("Conv2D"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
