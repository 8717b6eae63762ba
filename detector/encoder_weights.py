"""Weights of a frozen encoder, in a file of their own: int8 per output channel, or float16.

Such a file is committed once; what training changes lies in the bundles, which name the file's hash. Matrices
are stored as int8 with one float32 scale for each output channel, symmetric: w = scale * q, |q| <= 127.
Everything else, a thousandth of the numbers, is float16. The file is a NumPy archive without pickles, so
reading it runs no code.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from detector.atomic_files import replacing

SCALE = "#scale"
"""Ends the name of the array with the scales of the int8 array of the same name."""
LARGEST = 2**30
"""Bytes that a file's arrays may unpack to."""


def quantised(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float (..., channels) -> int8 of the same shape and float32 (channels,): scale * q is the nearest."""
    kernel = kernel.astype(np.float32)
    largest = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1)))
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return np.rint(kernel / scale).astype(np.int8), scale


def write(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Store named float arrays; those whose name ends in ``kernel`` as int8. The file appears whole."""
    stored: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if name.endswith("kernel"):
            stored[name], stored[name + SCALE] = quantised(array)
        else:
            stored[name] = np.asarray(array, np.float16)
    with replacing(Path(path)) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **stored)


def read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Named float32 arrays. Raises OSError, and ValueError for a file that is none of ours."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
                raise ValueError("its arrays are larger than any encoder's")
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (zipfile.BadZipFile, EOFError, KeyError) as error:
        raise ValueError(f"it is no archive of arrays: {error}") from error
    return {name: _restored(name, arrays) for name in arrays if not name.endswith(SCALE)}


def _restored(name: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    array = arrays[name].astype(np.float32)
    scale = arrays.get(name + SCALE)
    return array if scale is None else array * scale
