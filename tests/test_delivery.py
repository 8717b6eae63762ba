"""Delivery damage: each step does what its name says, and chains apply in order."""

from __future__ import annotations

import numpy as np
import pytest

from detector import delivery


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (120, 200, 3), np.uint8)


def test_at_most_shrinks_the_long_side_and_keeps_the_shape(noise):
    assert delivery.Delivery("x", "x", (delivery.at_most(100),))(noise).shape == (60, 100, 3)


def test_at_most_leaves_a_small_picture_as_it_is(noise):
    assert np.array_equal(delivery.Delivery("x", "x", (delivery.at_most(200),))(noise), noise)


def test_scaled_takes_the_share_of_both_sides(noise):
    assert delivery.Delivery("x", "x", (delivery.scaled(0.25),))(noise).shape == (30, 50, 3)


def test_cropped_keeps_the_middle(noise):
    assert np.array_equal(delivery.Delivery("x", "x", (delivery.cropped(0.5),))(noise), noise[30:90, 50:150])


def test_blur_lowers_the_contrast_of_noise(noise):
    assert delivery.Delivery("x", "x", (delivery.blurred(1.0),))(noise).std() < noise.std() / 2


def test_lower_jpeg_quality_changes_more(noise):
    smooth = np.asarray(np.linspace(0, 255, 200)[None, :, None] * np.ones((120, 1, 3)), np.uint8) // 2 + noise // 2

    def error(quality: int) -> float:
        return np.abs(delivery.Delivery("x", "x", (delivery.jpeg(quality),))(smooth).astype(int) - smooth).mean()

    assert 0 < error(90) < error(60) < error(30)


@pytest.mark.parametrize("damage", delivery.DELIVERIES, ids=lambda damage: damage.name)
def test_every_shipped_delivery_returns_a_picture_and_is_repeatable(damage, noise):
    arrived = damage(noise)
    assert arrived.dtype == np.uint8 and arrived.ndim == 3 and arrived.shape[2] == 3
    assert np.array_equal(arrived, damage(noise))


def test_a_strip_longer_than_a_jpeg_can_be_is_shrunk_first():
    assert delivery.CHAIN(np.zeros((1, 65_535, 3), np.uint8)).shape == (1, round(0.9 * 65_500), 3)


def test_a_picture_of_one_pixel_survives_every_delivery():
    for damage in delivery.DELIVERIES:
        assert damage(np.zeros((1, 1, 3), np.uint8)).shape == (1, 1, 3)
