"""Arrays from a safetensors file, and files that claim to be one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from detector import safetensors_file
from tests.support.timm_checkpoints import write


def file_of(header: object, values: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + values


def entry(**changed) -> dict:
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changed}}


def test_arrays_are_read_as_they_were_written(tmp_path):
    arrays = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "count": np.array(7, np.int64),
        "none": np.zeros((0, 4), np.float32),
    }
    read = safetensors_file.read(write(tmp_path / "a.safetensors", arrays))
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array, strict=True)


def test_values_may_begin_at_any_byte(tmp_path):
    path = tmp_path / "a.safetensors"
    header = json.dumps(entry()).encode()
    padded = header + b" " * (1 - len(header) % 2)  # after eight bytes of length: an odd place
    path.write_bytes(file_of(padded, np.float32([1.5, -2]).tobytes()))
    assert safetensors_file.read(path)["a"].tolist() == [1.5, -2]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "does not begin"),
        (b"\x05\x00\x00", "does not begin"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "does not begin"),
        (bytes(64), "does not begin"),
        (file_of(b"{not json"), "no JSON"),
        (file_of(b"\xff\xfe{}"), "no JSON"),
        (file_of(b"[" * 100_000), "no JSON"),
        (file_of(b"[1, 2]"), "does not say what arrays"),
        (file_of({"a": 1}), "does not say what arrays"),
        (file_of({"a": {"dtype": "F32"}}), "does not say what arrays"),
        (file_of(entry(shape="2"), bytes(8)), "does not say what arrays"),
        (file_of(entry(dtype="BF16"), bytes(8)), "type BF16; F64, F32, F16, I64 can be read"),
        (file_of(entry(shape=[3]), bytes(8)), "another size than its shape"),
        (file_of(entry(shape=[-2, -1]), bytes(8)), "another size than its shape"),
        (file_of(entry(data_offsets=[8, 0]), bytes(8)), "another size than its shape"),
        (file_of(entry(data_offsets=[-8, 0]), bytes(8)), "another size than its shape"),
        (file_of(entry(shape=[2**40], data_offsets=[0, 2**42]), bytes(8)), "ends before"),
        (file_of(entry(), bytes(7)), "ends before"),
    ],
)
def test_what_is_no_whole_file_is_refused_in_a_clause(tmp_path, content, said):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said):
        safetensors_file.read(path)
