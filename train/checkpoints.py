"""Checkpoints: everything ``--resume`` needs, replaced as a whole so that a crash leaves the previous one
intact."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from detector.atomic_files import replacing, to_disk

if TYPE_CHECKING:
    import keras
    import numpy as np

POSITION, STATE, SEEDS = "position.json", "training.weights.h5", "seeds.json"


@dataclass
class Position:
    """Where a run is: the next step to do, and the best epoch of this stage so far.

    stage 0 is the frozen one, 1 fine-tuning, 2 means that both are done. best is the monitored value,
    best_epoch its epoch. epochs_done counts the finished epochs of all stages. sums holds, per training
    metric, the sum over this epoch's batches so far and their count. frozen_best is what the frozen stage
    reached, while fine-tuning that watches the same figure goes on; else None. seconds: what all finished
    epochs took, validation included; epoch_seconds: what this one did so far.
    """

    stage: int = 0
    epoch: int = 0
    step: int = 0
    best: float | None = None
    best_epoch: int = -1
    epochs_done: int = 0
    sums: dict[str, tuple[float, int]] = field(default_factory=dict)
    frozen_best: float | None = None
    seconds: float = 0.0
    epoch_seconds: float = 0.0


class Checkpoints:
    """Numbered folders below ``folder``; the highest complete one counts, and older ones are removed."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def save(self, position: Position, model: keras.Model) -> None:
        """Write ``model`` with its optimizer and random seeds, and ``position``. The rename makes it
        count."""
        older = self._complete()
        number = int(older[-1].name) + 1 if older else 0
        partial = self.folder / f"{number:06d}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            save_weights(model, partial / STATE)
            seeds = [state.numpy().tolist() for state in seed_states(model)]
            (partial / SEEDS).write_text(json.dumps(seeds), "utf-8")
            (partial / POSITION).write_text(json.dumps(asdict(position)), "utf-8")
            for file in partial.iterdir():
                to_disk(file)  # a rename must not outrun the content when the power fails
        except Exception:  # most likely the disk is full: leave room for saying so
            shutil.rmtree(partial, ignore_errors=True)
            raise
        os.rename(partial, self.folder / f"{number:06d}")
        for folder in older:
            shutil.rmtree(folder, ignore_errors=True)

    def position(self) -> Position | None:
        """Where the newest checkpoint is, or None if there is none."""
        complete = self._complete()
        return Position(**json.loads((complete[-1] / POSITION).read_text("utf-8"))) if complete else None

    def load_into(self, model: keras.Model) -> None:
        """Load the newest checkpoint into a compiled model whose optimizer is built."""
        newest = self._complete()[-1]
        model.load_weights(newest / STATE)
        if (newest / SEEDS).exists():  # not in the first runs' checkpoints
            seeds = json.loads((newest / SEEDS).read_text("utf-8"))
            for state, value in zip(seed_states(model), seeds, strict=True):
                state.assign(value)

    def save_best(self, network: keras.Model, stage: int) -> None:
        """Keep these weights as the stage's best (without optimizer)."""
        self._keep(network, self._file("best", stage))

    def load_best_into(self, network: keras.Model, stage: int) -> None:
        network.load_weights(self._file("best", stage))

    def save_start(self, network: keras.Model, stage: int) -> None:
        """Keep these weights as those the stage begins with."""
        self._keep(network, self._file("start", stage))

    def load_start_into(self, network: keras.Model, stage: int) -> None:
        network.load_weights(self._file("start", stage))

    def _keep(self, network: keras.Model, path: Path) -> None:
        with replacing(path, self.folder / "partial.weights.h5", sync=True) as partial:
            save_weights(network, partial)

    def _file(self, what: str, stage: int) -> Path:
        return self.folder / f"{what}-of-stage-{stage}.weights.h5"

    def _complete(self) -> list[Path]:
        numbered = [path for path in self.folder.iterdir() if path.name.isdecimal()]
        return sorted(path for path in numbered if path.is_dir())


def save_weights(model: keras.Model, path: Path) -> None:
    """``model.save_weights`` with a look at the disk first: one that fills up meanwhile makes HDF5 crash
    the process. Raises OSError."""
    optimizer = getattr(model, "optimizer", None)
    variables = model.variables + (optimizer.variables if optimizer else [])
    size = 4 * sum(math.prod(variable.shape) for variable in variables)
    if shutil.disk_usage(path.parent).free < 1.1 * size + 4 * 2**20:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    model.save_weights(path)


def mixed(several: list[list[np.ndarray]], shares: list[float]) -> list[np.ndarray]:
    """The weighted sum of several networks' weights, each as ``get_weights`` gives them."""
    return [
        sum(share * array for share, array in zip(shares, arrays, strict=True))
        for arrays in zip(*several, strict=True)
    ]


def seed_states(model: keras.Model) -> list:
    """The variables from which dropout draws. Keras does not save them with the weights. (torch draws from
    its own generator, which starts over.)"""
    weights = set(map(id, model.weights))
    return [variable for variable in model.variables if id(variable) not in weights]
