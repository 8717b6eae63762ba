"""train.deliveries: what happens to training pictures on their way."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from train import deliveries
from train.deliveries import SHORTEST, STEPS, compressed, cropped, deliver, limited


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    """640 x 400 pixels that tell where they are: red grows to the right, green downwards."""
    across, down = np.meshgrid(np.linspace(0, 255, 640), np.linspace(0, 255, 400))
    return Image.fromarray(np.dstack([across, down, np.full_like(across, 90)]).astype(np.uint8))


def generators(count: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(count)]


def test_the_same_state_gives_the_same_picture_and_another_gives_another(photo):
    first, again, other = (deliver(np.asarray(photo), np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_what_arrives_is_the_same_picture_no_larger_and_no_side_below_the_shortest(photo):
    """Grey means differ little, whatever was done; edges keep their order of brightness."""
    for rng in generators(60):
        arrived = deliver(np.asarray(photo), rng)
        height, width = arrived.shape[:2]
        assert arrived.dtype == np.uint8 and SHORTEST <= height <= 400 and width <= 640
        assert abs(arrived.mean() - np.asarray(photo).mean()) < 6
        assert arrived[:, -1, 0].mean() > 200 and arrived[-1, :, 1].mean() > 200


@pytest.mark.parametrize("size", [(40, 30), (224, 224), (3000, 230), (1, 500)])
def test_pictures_that_are_small_or_long_are_delivered_too(size):
    pixels = np.asarray(Image.new("RGB", size, (10, 200, 30)))
    for rng in generators(20):
        arrived = deliver(pixels, rng)
        assert arrived.shape[0] >= min(size[1], SHORTEST) and arrived.shape[1] >= min(size[0], SHORTEST)


def test_crops_begin_anywhere_off_the_grid_of_eight(photo):
    starts = {round(cropped(photo, rng).getpixel((0, 0))[0] * 639 / 255) % 8 for rng in generators(60)}
    assert len(starts) > 4


def test_a_limit_is_one_of_those_that_sites_have(photo):
    assert {max(limited(photo, rng).size) for rng in generators(60)} == {512, 640}


def test_each_step_changes_sizes_in_proportion(photo):
    for step in STEPS:
        for rng in generators(10):
            width, height = step(photo, rng).size
            assert width / height == pytest.approx(1.6, rel=0.26 if step is cropped else 0.01)


def test_all_three_formats_are_used(photo, monkeypatch):
    used = []
    original = deliveries.round_trip
    monkeypatch.setattr(
        deliveries,
        "round_trip",
        lambda picture, format, **s: used.append(format) or original(picture, format, **s),
    )
    for rng in generators(60):
        compressed(photo, rng)
    assert set(used) == {"JPEG", "WEBP", "AVIF"} and used.count("JPEG") > 30


@pytest.mark.parametrize(
    ("side", "formats"),
    [
        (deliveries.AVIF_SIDE, {"JPEG", "WEBP", "AVIF"}),
        (deliveries.AVIF_SIDE + 1, {"JPEG", "WEBP"}),
        (deliveries.WEBP_SIDE + 1, {"JPEG"}),
    ],
)
def test_formats_get_pictures_that_they_can_take(monkeypatch, side, formats):
    used = []
    monkeypatch.setattr(deliveries, "round_trip", lambda picture, format, **s: used.append(format) or picture)
    for rng in generators(200):
        compressed(Image.new("RGB", (side, 300)), rng)
    assert set(used) == formats


def test_noise_of_the_largest_size_and_quality_fits_into_webp():
    """What compresses worst: each block needs its own words in a table of limited size."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (deliveries.WEBP_SIDE, deliveries.WEBP_SIDE, 3)).astype(np.uint8)
    assert deliveries.round_trip(Image.fromarray(noise), "WEBP", quality=95, method=1).size == noise.shape[:2]
