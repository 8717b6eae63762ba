"""Arrays by name from a file that PyTorch wrote (``torch.save`` of a state dict), without PyTorch.

Such a file is a zip: a pickle that says what arrays there are, and the values of each in a member of its own.
A pickle may run anything; this one may name an ordered dictionary, PyTorch's tensors and their kinds of
numbers, and nothing else.
"""

from __future__ import annotations

import math
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np

TYPES = {"HalfStorage": np.float16, "FloatStorage": np.float32, "LongStorage": np.int64}
MOST_PICKLE_BYTES = 2**20
MOST_BYTES = 2**30
"""Of all arrays together."""


def read(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The arrays of a file by their names.

    Raises OSError, and ValueError with a clause that says why the file is none, or holds more than arrays.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            found = _read(archive)
    except (zipfile.BadZipFile, pickle.UnpicklingError, EOFError, KeyError, RuntimeError) as error:
        raise ValueError(f"it is no file of PyTorch's: {error}") from error
    except (TypeError, AttributeError, IndexError, UnicodeDecodeError) as error:
        raise ValueError("what it says of its arrays makes no sense") from error
    if not isinstance(found, dict) or not all(isinstance(each, np.ndarray) for each in found.values()):
        raise ValueError("it holds something else than arrays by name")
    return dict(found)


def _read(archive: zipfile.ZipFile) -> Any:
    (listing,) = (name for name in archive.namelist() if name.split("/")[1:] == ["data.pkl"])
    if archive.getinfo(listing).file_size > MOST_PICKLE_BYTES:
        raise ValueError("what it says of its arrays is too long")
    if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
        raise ValueError(f"it holds more than {MOST_BYTES >> 30} GB")
    folder = listing.split("/")[0]
    return _Listing(archive.read(listing), lambda key: archive.read(f"{folder}/data/{key}")).load()


class _Listing(pickle.Unpickler):
    """The pickle. values: the bytes of an array's values by its key."""

    def __init__(self, content: bytes, values: Callable[[str], bytes]):
        super().__init__(BytesIO(content))
        self._values = values

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _array
        if module == "torch" and name in TYPES:
            return TYPES[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    def persistent_load(self, pid: Any) -> np.ndarray:
        _, kind, key, _, count = pid
        values = self._values(str(key))
        if len(values) != count * np.dtype(kind).itemsize:
            raise pickle.UnpicklingError("an array in it has another size than it says")
        return np.frombuffer(values, kind)


def _array(values: np.ndarray, offset: int, shape: tuple, strides: tuple, *_: object) -> np.ndarray:
    """What PyTorch's function of that name makes: an array of some of the values, in their order."""
    size = math.prod(shape)
    in_order = tuple(math.prod(shape[place + 1 :]) for place in range(len(shape)))
    if tuple(strides) != in_order or min(shape, default=0) < 0 or not 0 <= offset <= len(values) - size:
        raise pickle.UnpicklingError("an array in it is no part of its values")
    return values[offset : offset + size].reshape(shape)
