"""Perturbations: each step does what its name says, chains apply in order, and an entry is all it takes."""

from __future__ import annotations

import numpy as np
import pytest

from detector import perturbations
from detector.preprocessing import Preprocessing


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (120, 200, 3), np.uint8)


def test_at_most_shrinks_the_long_side_and_keeps_the_shape(noise):
    assert perturbations.Perturbation("x", "x", (perturbations.at_most(100),))(noise).shape == (60, 100, 3)


def test_at_most_leaves_a_small_picture_as_it_is(noise):
    assert np.array_equal(perturbations.Perturbation("x", "x", (perturbations.at_most(200),))(noise), noise)


def test_scaled_takes_the_share_of_both_sides(noise):
    assert perturbations.Perturbation("x", "x", (perturbations.scaled(0.25),))(noise).shape == (30, 50, 3)


def test_cropped_keeps_the_middle(noise):
    assert np.array_equal(
        perturbations.Perturbation("x", "x", (perturbations.cropped(0.5),))(noise), noise[30:90, 50:150]
    )


def test_blur_lowers_the_contrast_of_noise(noise):
    assert perturbations.Perturbation("x", "x", (perturbations.blurred(1.0),))(noise).std() < noise.std() / 2


def test_lower_jpeg_quality_changes_more(noise):
    smooth = (
        np.asarray(np.linspace(0, 255, 200)[None, :, None] * np.ones((120, 1, 3)), np.uint8) // 2 + noise // 2
    )

    def error(quality: int) -> float:
        return np.abs(
            perturbations.Perturbation("x", "x", (perturbations.jpeg(quality),))(smooth).astype(int) - smooth
        ).mean()

    assert 0 < error(90) < error(60) < error(30)


@pytest.mark.parametrize("name", perturbations.PERTURBATIONS)
def test_every_perturbation_returns_a_picture_and_is_repeatable(name, noise):
    perturbation = perturbations.PERTURBATIONS[name]
    arrived = perturbation(noise)
    assert arrived.dtype == np.uint8 and arrived.ndim == 3 and arrived.shape[2] == 3
    assert np.array_equal(arrived, perturbation(noise))


def test_a_strip_longer_than_a_jpeg_can_be_is_shrunk_first():
    assert perturbations.PERTURBATIONS["chain"](np.zeros((1, 65_535, 3), np.uint8)).shape == (
        1,
        round(0.9 * 65_500),
        3,
    )


def test_a_picture_of_one_pixel_survives_every_perturbation():
    for perturbation in perturbations.PERTURBATIONS.values():
        assert perturbation(np.zeros((1, 1, 3), np.uint8)).shape == (1, 1, 3)


def test_the_scoreboard_measures_the_entries_that_say_so():
    assert [each.name for each in perturbations.DELIVERY_CHAINS] == ["web", "hard", "chain"]


def test_an_entry_is_all_that_a_new_delivery_chain_takes(monkeypatch):
    entry = perturbations.Perturbation("mail", "Mail: JPEG 55", (perturbations.jpeg(55),), scored=True)
    monkeypatch.setitem(perturbations.PERTURBATIONS, entry.name, entry)
    assert perturbations.DELIVERY_CHAINS[-1] is entry
    assert len(perturbations.DELIVERY_CHAINS) == 4
    assert entry not in perturbations.STRIP


def test_a_jpeg_is_the_same_in_every_delivery_and_in_the_canonical_form(noise):
    square = noise[:100, :100]
    plain = Preprocessing(size=100, short_side=100, jpeg_quality=75).canonical(square)
    assert np.array_equal(plain, perturbations.Perturbation("x", "x", (perturbations.jpeg(75),))(square))
