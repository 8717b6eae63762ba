"""detector.tiles: where tiles lie, and what is cut out."""

from __future__ import annotations

import numpy as np
import pytest

from detector.tiles import Tile, cut, tiles


def test_one_tile_is_the_middle():
    assert tiles(300, 500, 200, 1) == [Tile(150, 50, 200)]


def test_tiles_stand_in_the_middles_of_equal_cells_row_by_row():
    """800 x 400 in two cells of 400 x 400: their middles are at 200 and 600."""
    assert tiles(400, 800, 200, 2) == [Tile(100, 100, 200), Tile(500, 100, 200)]
    assert tiles(400, 400, 100, 4) == [
        Tile(50, 50, 100),
        Tile(250, 50, 100),
        Tile(50, 250, 100),
        Tile(250, 250, 100),
    ]


def test_cells_are_as_square_as_they_can_be():
    assert [tile.top for tile in tiles(224, 2000, 224, 4)] == [0, 0, 0, 0]
    assert [tile.left for tile in tiles(2000, 224, 224, 4)] == [0, 0, 0, 0]
    assert len({tile.left for tile in tiles(1000, 2000, 224, 8)}) == 4


def test_in_a_small_picture_they_are_moved_inwards_and_overlap():
    assert tiles(250, 250, 224, 4) == [
        Tile(0, 0, 224),
        Tile(26, 0, 224),
        Tile(0, 26, 224),
        Tile(26, 26, 224),
    ]


@pytest.mark.parametrize(("height", "width", "count"), [(223, 500, 1), (500, 223, 1), (500, 500, 0)])
def test_what_holds_no_tile_is_refused(height, width, count):
    with pytest.raises(ValueError, match="tile"):
        tiles(height, width, 224, count)


def test_a_tile_has_the_pictures_own_pixels_but_for_the_compression():
    pixels = np.zeros((64, 128, 3), np.uint8)
    pixels[:, 64:] = 200
    left, right = cut(pixels, 32, 2, jpeg_quality=90)
    assert left.shape == right.shape == (32, 32, 3)
    assert left.max() == 0 and abs(int(right.mean()) - 200) <= 1


def test_a_picture_smaller_than_a_tile_is_enlarged_to_one():
    pixels = np.full((10, 20, 3), 128, np.uint8)
    (only,) = cut(pixels, 32, 1, jpeg_quality=90)
    assert only.shape == (32, 32, 3) and abs(int(only.mean()) - 128) <= 1
