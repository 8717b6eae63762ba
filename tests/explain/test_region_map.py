"""Each part of a picture judged as a picture of its own."""

from __future__ import annotations

import numpy as np
import pytest

from detector.classifier import Classifier
from detector.explain import Cancelled, Unavailable
from detector.explain.region_map import cells, edges, grid, probability, region_map


@pytest.fixture(scope="module")
def classifier(tiny_bundle) -> Classifier:
    return Classifier.load(tiny_bundle)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (512, 512, (2, 2)),
        (600, 800, (2, 3)),
        (300, 1100, (1, 4)),
        (3000, 4000, (6, 8)),  # a cell is 500 pixels: the square root of 12 million over 48
        (256, 256 * 100, (1, 48)),
    ],
)
def test_there_are_as_many_parts_as_there_is_room_for_and_48_at_most(height, width, expected):
    assert grid(height, width, side=256) == expected


@pytest.mark.parametrize(("height", "width"), [(511, 511), (255, 4000), (400, 900)])
def test_a_picture_without_room_for_four_parts_says_so(height, width):
    with pytest.raises(Unavailable, match="too small to be judged in parts: a part needs 256 x 256 pixels"):
        grid(height, width, side=256)


def test_parts_cover_every_pixel_once():
    pixels = np.arange(10 * 7 * 3, dtype=np.uint8).reshape(10, 7, 3)
    assert edges(10, 3) == [0, 3, 7, 10] and edges(7, 2) == [0, 4, 7]
    parts = list(cells(pixels, 3, 2))
    rows = [np.concatenate(parts[place : place + 2], axis=1) for place in (0, 2, 4)]
    np.testing.assert_array_equal(np.concatenate(rows), pixels)


def test_a_part_gets_the_score_it_would_get_as_a_picture(classifier, photo):
    warm, cool = photo("warm", 64, 64), photo("cool", 64, 64)
    picture = np.concatenate([np.concatenate([cool, cool], 1), np.concatenate([cool, warm], 1)])
    heatmap = region_map(classifier.engine, picture)
    assert heatmap.signed and heatmap.cost.forward == heatmap.values.size
    rows, columns = heatmap.grid
    for place, part in enumerate(cells(picture, rows, columns)):
        score = classifier.analyse(part).y_score
        value = float(heatmap.values[divmod(place, columns)])
        assert probability(value) == pytest.approx(score, abs=1e-5)
    assert np.unravel_index(heatmap.values.argmax(), heatmap.grid) >= (rows // 2, columns // 2)


def test_a_part_of_any_logit_has_a_probability():
    assert [probability(logit) for logit in (-1e4, 0.0, 1e4)] == [0.0, 0.5, 1.0]


def test_it_says_how_far_it_is_and_stops_when_nobody_waits(classifier, photo):
    told = []
    region_map(classifier.engine, photo("warm", 128, 128), progress=lambda *far: told.append(far))
    assert told[-1][0] == told[-1][1] and len(told) > 1
    with pytest.raises(Cancelled):
        region_map(classifier.engine, photo("warm", 128, 128), cancelled=lambda: True)
