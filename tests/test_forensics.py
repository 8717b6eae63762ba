"""Forensic views: values worked out by hand."""

import numpy as np
import pytest

from detector.forensics import VIEWS
from detector.forensics.error_level import error_level
from detector.forensics.frequency_spectrum import frequency_spectrum
from detector.forensics.noise_residual import noise_residual

FLAT = np.full((32, 48, 3), 128, np.uint8)


def test_a_flat_picture_has_no_noise_and_a_lone_pixel_is_all_of_it():
    pixels = FLAT.copy()
    pixels[10, 20] = 133
    expected = np.zeros((32, 48))
    expected[10, 20] = 5  # the median of nine is that of the eight others
    np.testing.assert_array_equal(noise_residual(pixels), expected)


def test_the_noise_view_is_grey_where_there_is_none_and_eight_times_as_strong_elsewhere():
    pixels = FLAT.copy()
    pixels[10, 20], pixels[20, 10] = 133, 120
    drawn = VIEWS["noise residual"].draw(pixels)
    assert drawn[0, 0].tolist() == [128] * 3
    assert drawn[10, 20].tolist() == [168] * 3  # 128 + 8 * 5
    assert drawn[20, 10].tolist() == [64] * 3  # 128 - 8 * 8


def test_an_edge_is_no_noise():
    pixels = FLAT.copy()
    pixels[:, 24:] = 30
    assert not noise_residual(pixels).any()


def test_one_more_compression_changes_texture_and_leaves_what_is_flat():
    pixels = FLAT.copy()
    pixels[:, 24:] = np.random.default_rng(0).integers(0, 256, (32, 24, 3), np.uint8)
    levels = error_level(pixels)
    assert not levels[:, :15].any()  # colours are in blocks of 16, and smoothed over one pixel beyond
    assert levels[:, 32:].mean() > 5


def test_a_wave_is_two_dots_in_the_spectrum():
    """128 + 100 cos(2 pi 5 x / 64): |F| is 100 / 2 * 64 * 64 at +-5, and small elsewhere."""
    wave = np.rint(128 + 100 * np.cos(2 * np.pi * 5 * np.arange(64) / 64)).astype(np.uint8)
    spectrum = frequency_spectrum(np.repeat(np.tile(wave, (64, 1))[..., None], 3, axis=2))
    brightest = np.argwhere(spectrum > spectrum.max() - 0.01).tolist()
    assert brightest == [[32, 27], [32, 37]]
    assert spectrum.max() == pytest.approx(np.log1p(50 * 64 * 64), abs=0.01)


def test_a_flat_picture_has_an_empty_spectrum():
    assert not VIEWS["frequency spectrum"].draw(FLAT).any()


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (17, 5)])
def test_every_view_stands_odd_pictures_and_leaves_them_as_they_were(name, shape):
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    before = pixels.copy()
    drawn = VIEWS[name].draw(pixels)
    assert drawn.shape == (*shape, 3) and drawn.dtype == np.uint8
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_says_what_it_can_show_and_what_it_cannot(name):
    assert VIEWS[name].name == name
    assert "can show" in VIEWS[name].sentence and "cannot tell" in VIEWS[name].sentence
