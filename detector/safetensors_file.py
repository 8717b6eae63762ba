"""Arrays by name from a safetensors file, the form in which weights are shared on the Hugging Face hub.

The length of a header in 8 bytes, the header (JSON: of each array its type, its shape and where its values
lie), the values. Reading one runs no code, and what it claims is compared with its size before anything is
taken from it.
"""

from __future__ import annotations

import json
import math
import os

import numpy as np

LENGTH_BYTES = 8
MOST_HEADER_BYTES = 10 * 2**20
"""Those of ConvNeXt V2 Base, the longest here, take 40 kB."""
TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8"}


def read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The arrays of a file by their names, read-only; their values stay on the disk until somebody looks.

    Raises OSError, and ValueError with a clause that says why the file is none, or not whole.
    """
    values = np.memmap(path, np.uint8, "r") if os.path.getsize(path) else np.empty(0, np.uint8)
    start = LENGTH_BYTES + int.from_bytes(values[:LENGTH_BYTES].tobytes(), "little")
    if not LENGTH_BYTES < start <= min(len(values), MOST_HEADER_BYTES):
        raise ValueError("it does not begin as a safetensors file does")
    try:
        header = json.loads(values[LENGTH_BYTES:start].tobytes())
    except (ValueError, RecursionError) as error:
        raise ValueError("its header is no JSON") from error
    try:
        header.pop("__metadata__", None)
        return {name: _array(values[start:], **entry) for name, entry in header.items()}
    except (AttributeError, TypeError) as error:
        raise ValueError("its header does not say what arrays it holds") from error


def _array(values: np.ndarray, dtype: str, shape: list[int], data_offsets: list[int]) -> np.ndarray:
    begin, end = data_offsets
    if dtype not in TYPES:
        raise ValueError(f"its numbers are of the type {dtype}; {', '.join(TYPES)} can be read")
    kind = np.dtype(TYPES[dtype])
    if not 0 <= begin <= end or min(shape, default=0) < 0 or end - begin != math.prod(shape) * kind.itemsize:
        raise ValueError("an array in it has another size than its shape says")
    if end > len(values):
        raise ValueError("it ends before its last array does")
    return values[begin:end].view(kind).reshape(shape)
