"""train.upscaler: real networks in ncnn's form, written by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from train.upscaler import Upscaler

HEAD = "7767517\n2 2\nInput input 0 1 data\n"
REPEATS = "Interp larger 1 1 data output 0=1 1={scale}.0 2={scale}.0\n"
"""Repeats every pixel."""


def written(folder: Path, layers: str) -> Path:
    """The network's graph; its layers have no numbers."""
    file = folder / "repeats.param"
    file.write_text(HEAD + layers)
    file.with_suffix(".bin").write_bytes(b"")
    return file


def test_without_ncnn_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ncnn", None)
    with pytest.raises(ValueError, match="pip install ncnn"):
        Upscaler(written(tmp_path, REPEATS.format(scale=2)))


@pytest.mark.parametrize("scale", [2, 4])
def test_a_photo_is_made_smaller_and_comes_back_at_its_size(tmp_path, scale):
    """Squares of one colour survive both ways; within a square of four colours their mean is left."""
    pytest.importorskip("ncnn", reason="ncnn, the extra `ncnn`, is not installed")
    upscaler = Upscaler(written(tmp_path, REPEATS.format(scale=scale)))
    photo = np.full((1, 16, 24, 3), 0.2, np.float32)
    photo[0, :, 12:] = [0.8, 0.6, 0.4]
    answer = upscaler(photo)
    assert upscaler.scale == scale and upscaler.name == "repeats" and answer.shape == photo.shape
    np.testing.assert_allclose(answer[0, :, :4], photo[0, :, :4], atol=0.02)
    np.testing.assert_allclose(answer[0, :, -4:], photo[0, :, -4:], atol=0.02)


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ("Interp larger 1 1 data output 0=1 1=3.0 2=3.0\n", "does not make pictures 2, 4 or 8 times larger"),
        ("Nonesuch larger 1 1 data output\n", "cannot read"),
        ("", "cannot read"),
    ],
    ids=["three times", "unknown layer", "cut off"],
)
def test_a_network_that_is_no_upscaler_is_refused(tmp_path, layers, sentence):
    pytest.importorskip("ncnn", reason="ncnn, the extra `ncnn`, is not installed")
    with pytest.raises(ValueError, match=sentence):
        Upscaler(written(tmp_path, layers))


def test_files_that_are_not_there_are_an_error_of_the_system(tmp_path):
    pytest.importorskip("ncnn", reason="ncnn, the extra `ncnn`, is not installed")
    with pytest.raises(FileNotFoundError):
        Upscaler(tmp_path / "nonesuch.param")
