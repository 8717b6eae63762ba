"""An adapter, what a low-rank adaptation added to a frozen encoder: arrays by name, "block6/q/a" (width,
heads, rank) and "block6/q/b" (rank, width / heads) and so on, in a file of NumPy's, and in a bundle the
weights of a layer (`detector.architectures.low_rank`)."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detector.architectures.low_rank import ADAPTER, PARTS
from detector.atomic_files import replacing

if TYPE_CHECKING:
    import keras

Adapter = Mapping[str, np.ndarray]


def rank_of(adapter: Adapter) -> int:
    return next(iter(adapter.values())).shape[-1]


def put(network: keras.Model, adapter: Adapter) -> None:
    """Give a network or a head of the adapter's rank its weights; the encoder's own are loaded after that.
    Raises ValueError for an adapter of another encoder."""
    layer = network.get_layer(ADAPTER)
    names = [f"{name}/{part}" for name in layer.pairs for part in PARTS]
    if sorted(names) != sorted(adapter):
        raise ValueError("The adapter is one of another encoder.")
    layer.set_weights([adapter[name] for name in names])


def write_adapter(path: Path, adapter: Adapter) -> None:
    """The file appears whole."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **adapter)


def read_adapter(path: Path) -> Adapter:
    """Raises OSError, and ValueError for a file that holds no adapter."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            adapter = {name: stored[name] for name in stored.files}
    except (zipfile.BadZipFile, EOFError, KeyError) as error:
        raise ValueError(f"{path.name} is no archive of arrays: {error}") from error
    if not adapter or not all(name.endswith(("/a", "/b")) for name in adapter):
        raise ValueError(f"{path.name} holds no adapter.")
    return adapter
