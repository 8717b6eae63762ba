"""Weights of a frozen encoder: int8 per output channel and back."""

from __future__ import annotations

import numpy as np
import pytest

from detector import encoder_weights


def test_a_kernel_keeps_its_largest_value_and_is_off_by_half_a_step_at_most():
    kernel = np.array([[1.0, -0.5], [-2.0, 0.25], [0.3, 0.1]], np.float32)
    stored, scale = encoder_weights.quantised(kernel)
    assert stored.dtype == np.int8 and stored.tolist() == [[64, -127], [-127, 64], [19, 25]]
    assert scale == pytest.approx([2 / 127, 0.5 / 127])
    assert np.abs(stored * scale - kernel).max() <= scale.max() / 2


def test_a_channel_of_zeros_stays_zero():
    stored, scale = encoder_weights.quantised(np.zeros((3, 2), np.float32))
    assert not stored.any() and scale.tolist() == [1, 1]


def test_what_is_written_is_read_back(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"a/kernel": rng.normal(size=(4, 4, 3, 8)), "a/bias": rng.normal(size=8)}
    encoder_weights.write(tmp_path / "encoder.npz", arrays)
    read = encoder_weights.read(tmp_path / "encoder.npz")
    assert read.keys() == arrays.keys() and all(array.dtype == np.float32 for array in read.values())
    assert (
        np.abs(read["a/kernel"] - arrays["a/kernel"]).max() <= np.abs(arrays["a/kernel"]).max() / 254 + 1e-6
    )
    assert np.abs(read["a/bias"] - arrays["a/bias"]).max() < 2e-3
    assert [path.name for path in tmp_path.iterdir()] == ["encoder.npz"]


def test_other_files_are_refused(tmp_path):
    for number, content in enumerate((b"", b"not an archive", b"PK\x03\x04 cut off")):
        file = tmp_path / str(number)
        file.write_bytes(content)
        with pytest.raises(ValueError):
            encoder_weights.read(file)


def test_pickled_objects_are_refused(tmp_path):
    np.savez(tmp_path / "objects.npz", a=np.array([{"code": 1}], dtype=object))
    with pytest.raises(ValueError):
        encoder_weights.read(tmp_path / "objects.npz")


def test_an_archive_that_unpacks_to_gigabytes_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(encoder_weights, "LARGEST", 10_000)
    np.savez_compressed(tmp_path / "large.npz", a=np.zeros(100_000, np.int8))
    with pytest.raises(ValueError, match="larger"):
        encoder_weights.read(tmp_path / "large.npz")
