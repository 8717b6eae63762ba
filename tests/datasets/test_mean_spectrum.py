"""The mean spectrum, against pictures whose frequencies are known."""

import numpy as np
import pytest
from PIL import Image

from detector.datasets.mean_spectrum import mean_spectrum, patch_side


@pytest.fixture
def waves(tmp_path):
    """Five pictures of 80 x 70 with stripes of 8 pixels across."""
    stripes = 128 + 100 * np.sin(2 * np.pi * np.arange(80) / 8)
    paths = []
    for number in range(5):
        pixels = np.tile(stripes.astype(np.uint8), (70, 1))
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def test_stripes_are_a_peak_at_their_frequency(waves):
    found = mean_spectrum(waves, 64)
    assert found.power.shape == (64, 64) and found.pictures == 5
    row, column = np.unravel_index(found.power.argmax(), found.power.shape)
    assert row == 32 and abs(column - 32) == 8  # 64 pixels hold eight waves
    assert found.frequencies[found.radial.argmax()] == pytest.approx(1 / 8, abs=0.01)


def test_pictures_that_are_too_small_or_broken_are_passed_over(waves, tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "small.png")
    (tmp_path / "broken.png").write_bytes(b"no")
    others = [tmp_path / "small.png", tmp_path / "broken.png", tmp_path / "gone.png"]
    assert mean_spectrum([*waves, *others], 64).pictures == 5
    assert mean_spectrum(others, 64) is None


def test_a_cancel_ends_it(waves):
    assert mean_spectrum(waves, 64, lambda: True) is None


@pytest.mark.parametrize(
    ("sides", "side"), [([300] * 5, 256), ([300] * 3 + [100] * 2, 64), ([32] * 5, 32), ([20] * 5, None)]
)
def test_the_patch_is_the_largest_that_most_pictures_have(sides, side):
    assert patch_side(np.array(sides)) == side
