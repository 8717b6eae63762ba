"""train.torch_file: arrays out of files of PyTorch's, and nothing else out of them."""

from __future__ import annotations

import pickle
import sys
import zipfile
from collections import OrderedDict
from io import BytesIO
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from train.torch_file import read


class Storage:
    """What stands for PyTorch's values of an array while a file is written."""

    def __init__(self, values: np.ndarray, key: str):
        self.values, self.key = values, key


@pytest.fixture
def torch(monkeypatch):
    """PyTorch's names, as its files use them."""
    module, utils = ModuleType("torch"), ModuleType("torch._utils")
    for name in ("HalfStorage", "FloatStorage", "ByteStorage"):
        setattr(module, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2(*arguments):
        """Only named in files."""

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", module)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    module._utils = utils
    return module


class Tensor:
    """Pickled as PyTorch pickles one."""

    def __init__(self, torch, storage: Storage, shape: tuple, strides: tuple, offset: int = 0):
        self._parts = (torch._utils._rebuild_tensor_v2, storage, offset, shape, strides)

    def __reduce__(self):
        function, storage, offset, shape, strides = self._parts
        return function, (storage, offset, shape, strides, False, OrderedDict())


def write(path: Path, torch, content, values: dict[str, np.ndarray], kind: str = "HalfStorage") -> Path:
    stream = BytesIO()
    pickler = pickle.Pickler(stream, 2)
    pickler.persistent_id = lambda it: (
        ("storage", getattr(torch, kind), it.key, "cpu", len(it.values)) if isinstance(it, Storage) else None
    )
    pickler.dump(content)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("name/data.pkl", stream.getvalue())
        for key, array in values.items():
            archive.writestr(f"name/data/{key}", array.tobytes())
    return path


def test_arrays_come_by_their_names_in_shape_and_type(tmp_path, torch):
    values = np.arange(6, dtype=np.float16)
    tensor = Tensor(torch, Storage(values, "0"), (2, 3), (3, 1))
    part = Tensor(torch, Storage(values, "0"), (2,), (1,), offset=4)
    path = write(tmp_path / "a.pth", torch, OrderedDict(a=tensor, b=part), {"0": values})
    found = read(path)
    assert list(found) == ["a", "b"] and found["a"].dtype == np.float16
    assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]] and found["b"].tolist() == [4, 5]


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((2, 3), (1, 2), 0), ((7,), (1,), 0), ((2,), (1,), 5), ((2,), (1,), -1), ((-1,), (1,), 0)],
    ids=["transposed", "too large", "past the end", "before the start", "negative"],
)
def test_arrays_that_are_no_part_of_their_values_are_refused(tmp_path, torch, shape, strides, offset):
    values = np.arange(6, dtype=np.float16)
    tensor = Tensor(torch, Storage(values, "0"), shape, strides, offset)
    with pytest.raises(ValueError, match="no part of its values"):
        read(write(tmp_path / "a.pth", torch, OrderedDict(a=tensor), {"0": values}))


def test_values_of_another_length_are_refused(tmp_path, torch):
    values = np.arange(6, dtype=np.float16)
    tensor = Tensor(torch, Storage(values, "0"), (6,), (1,))
    with pytest.raises(ValueError, match="another size than it says"):
        read(write(tmp_path / "a.pth", torch, OrderedDict(a=tensor), {"0": values[:5]}))


def test_what_a_file_wants_to_run_is_not_run(tmp_path, torch):
    class Harm:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "harmed",))

    with pytest.raises(ValueError, match="asks for"):
        read(write(tmp_path / "a.pth", torch, OrderedDict(a=Harm()), {}))
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("content", [[1, 2], OrderedDict(a=3)], ids=["a list", "a number"])
def test_anything_but_arrays_by_name_is_refused(tmp_path, torch, content):
    with pytest.raises(ValueError, match="something else"):
        read(write(tmp_path / "a.pth", torch, content, {}))


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(ValueError):
        read(tmp_path / "a.pth")


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "a.pth")
