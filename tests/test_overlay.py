"""detector.overlay: every pixel worked out by hand."""

import cv2
import numpy as np
import pytest

from detector.explain import Heatmap
from detector.explain.heatmap import LOGIT
from detector.overlay import COLORMAPS, SIGNED_COLOURS, colour, overlay, signed_shades
from detector.preprocessing import Region

WHOLE = Region(0, 0, 1, 1)
MIDDLE = Region(0.25, 0.25, 0.75, 0.75)


def shade(level: int, name: str = "inferno") -> np.ndarray:
    """RGB of one level of a colour map, asked of OpenCV the direct way."""
    return cv2.applyColorMap(np.array([[level]], np.uint8), COLORMAPS[name])[0, 0, ::-1]


def heatmap(relative) -> Heatmap:
    """A heatmap given as multiples of the uniform share."""
    values = np.array(relative, np.float32)
    return Heatmap(values / values.size, "test")


def photo(height=40, width=40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_opacity_0_shows_the_photo_alone():
    pixels = photo()
    np.testing.assert_array_equal(overlay(pixels, heatmap([[4, 0], [0, 0]]), WHOLE, 0), pixels)


def test_opacity_1_shows_the_heatmap_alone():
    drawn = overlay(photo(), heatmap([[4, 0], [0, 0]]), WHOLE, 1, smooth=False)
    assert (drawn[:20, :20] == shade(255)).all()
    assert (drawn[20:] == shade(0)).all() and (drawn[:20, 20:] == shade(0)).all()


def test_opacity_is_the_heatmaps_weight():
    grey = np.full((4, 4, 3), 200, np.uint8)
    drawn = overlay(grey, heatmap([[4.0]]), WHOLE, 0.25)
    np.testing.assert_array_equal(drawn[0, 0], np.rint(0.75 * 200 + 0.25 * shade(255).astype(float)))


def test_colour_starts_at_zero_and_is_not_stretched_for_a_flat_map():
    flat = colour(heatmap([[1, 1], [1, 1]]), 8, 8)  # 1 of at least 4: a quarter of the colour map
    assert (flat == shade(64)).all()


def test_strong_map_fills_the_colour_map_up_to_its_own_peak():
    drawn = colour(heatmap(np.diag([8.0, 0, 0, 0, 0, 0, 0, 0])), 8, 8, smooth=False)
    assert (drawn[0, 0] == shade(255)).all()
    halves = colour(heatmap([[8.0, 4.0, 2.0, 0.0]]), 1, 4, smooth=False)
    for column, level in enumerate((255, 128, 64, 0)):
        assert (halves[0, column] == shade(level)).all()


def test_cells_are_flat_rectangles_without_smoothing():
    drawn = colour(heatmap([[4, 2, 0]]), 5, 9, smooth=False)
    assert (
        (drawn[:, :3] == shade(255)).all()
        and (drawn[:, 3:6] == shade(128)).all()
        and (drawn[:, 6:] == shade(0)).all()
    )


def test_smoothing_interpolates_values_between_cell_centres():
    drawn = colour(heatmap([[0, 4]]), 1, 4)  # centres at 1/4 and 3/4: samples at 1/8, 3/8, 5/8, 7/8
    for column, level in enumerate((0, 64, 191, 255)):
        assert (drawn[0, column] == shade(level)).all(), column


def test_heatmap_covers_the_region_only():
    pixels = photo()
    drawn = overlay(pixels, heatmap([[4.0]]), MIDDLE, 1, mark_unseen=False)
    assert (drawn[10:30, 10:30] == shade(255)).all()
    drawn[10:30, 10:30] = pixels[10:30, 10:30]
    np.testing.assert_array_equal(drawn, pixels)


def test_unseen_part_is_dimmed():
    drawn = overlay(np.full((40, 40, 3), 255, np.uint8), heatmap([[4.0]]), MIDDLE, 0.5)
    np.testing.assert_array_equal(drawn[0, 0], [112, 112, 114])  # 0.38 * 255 + 0.62 * (24, 24, 28), rounded


def test_outline_runs_around_the_region_and_not_over_it():
    pixels = np.full((40, 40, 3), 90, np.uint8)
    drawn = overlay(pixels, heatmap([[4.0]]), MIDDLE, 0)
    np.testing.assert_array_equal(drawn[10:30, 10:30], pixels[10:30, 10:30])
    assert (
        (drawn[9, 9:31] == 255).all()
        and (drawn[30, 9:31] == 255).all()
        and (drawn[9:31, 9] == 255).all()
        and (drawn[9:31, 30] == 255).all()
    )
    assert (drawn[8, 8:32] == 0).all() and (drawn[8:32, 31] == 0).all()


def test_outline_stops_at_the_edge_of_the_photo():
    drawn = overlay(photo(40, 80), heatmap([[4.0]]), Region(0.25, 0, 0.75, 1), 1)
    assert (drawn[:, 20:60] == shade(255)).all()
    assert (drawn[:, 19] == 255).all() and (drawn[:, 60] == 255).all()


def test_nothing_is_marked_when_the_region_is_the_whole_photo():
    pixels, relevance = photo(), heatmap([[4, 1], [1, 1]])
    np.testing.assert_array_equal(
        overlay(pixels, relevance, WHOLE, 0.5), overlay(pixels, relevance, WHOLE, 0.5, mark_unseen=False)
    )


def test_photo_itself_is_left_as_it_was():
    pixels = photo()
    before = pixels.copy()
    for mark_unseen in (True, False):
        overlay(pixels, heatmap([[4.0]]), MIDDLE, 1, mark_unseen=mark_unseen)
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("name", COLORMAPS)
def test_every_colormap_is_opencvs(name):
    assert (overlay(photo(), heatmap([[4.0]]), WHOLE, 1, name) == shade(255, name)).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (3000, 2), (7, 5)])
def test_odd_photos_keep_their_size(size):
    drawn = overlay(photo(*size), heatmap(np.ones((7, 7))), Region(0.4, 0.4, 0.6, 0.6), 0.5)
    assert drawn.shape == (*size, 3) and drawn.dtype == np.uint8


def test_pixels_may_be_a_view():
    pixels = photo()[::2, ::-1]
    np.testing.assert_array_equal(
        overlay(pixels, heatmap([[4.0]]), MIDDLE, 0.3), overlay(pixels.copy(), heatmap([[4.0]]), MIDDLE, 0.3)
    )


@pytest.mark.parametrize("opacity", [-0.1, 1.1, float("nan")])
def test_opacity_outside_0_to_1_is_refused(opacity):
    with pytest.raises(ValueError, match="opacity"):
        overlay(photo(), heatmap([[4.0]]), WHOLE, opacity)


def test_unknown_colormap_is_refused():
    with pytest.raises(ValueError, match="inferno"):
        overlay(photo(), heatmap([[4.0]]), WHOLE, 0.5, "jet")


def signed(values) -> Heatmap:
    return Heatmap(np.array(values, np.float32), "test", signed=True, unit=LOGIT)


def test_signed_heatmap_runs_from_blue_over_dark_to_red():
    drawn = colour(signed([[-2, 0, 2]]), 1, 3, smooth=False)[0]
    ends = [list(bytes.fromhex(SIGNED_COLOURS[place][1:])) for place in (0, -1)]
    np.testing.assert_array_equal(drawn[[0, 2]], ends)
    assert drawn[1].max() < 30


def test_signed_heatmap_has_the_same_scale_on_both_sides():
    shades = signed_shades().astype(int)
    np.testing.assert_array_equal(
        colour(signed([[1, -2]]), 1, 2, smooth=False)[0], [shades[191], shades[0]]
    )  # 127.5 + 127.5 / 2, rounded


def test_signed_heatmap_that_moves_nothing_stays_dark():
    assert colour(signed([[0.001, -0.001]]), 1, 2, smooth=False).max() < 40


def test_where_a_signed_heatmap_says_nothing_the_photo_stays_the_photo():
    pixels = photo()
    drawn = overlay(pixels, signed([[0, 2], [0, 0]]), WHOLE, 1, smooth=False)
    np.testing.assert_array_equal(drawn[:, :20], pixels[:, :20])
    assert (drawn[:20, 20:] == signed_shades()[255]).all()


def test_a_signed_colour_is_as_opaque_as_its_value_is_far_from_zero():
    grey = np.full((2, 2, 3), 200, np.uint8)
    drawn = overlay(grey, signed([[-1, 2]]), WHOLE, 0.5, smooth=False)
    # Half the way to the end of the scale, at half the opacity: a quarter of level 64 of the colours.
    np.testing.assert_array_equal(drawn[0, 0], np.rint(0.75 * 200 + 0.25 * signed_shades()[64].astype(float)))


def test_a_colormap_does_not_matter_to_a_signed_heatmap():
    pixels, relevance = photo(), signed([[1, -2], [0, 0.5]])
    np.testing.assert_array_equal(
        overlay(pixels, relevance, WHOLE, 0.5, "viridis"), overlay(pixels, relevance, WHOLE, 0.5)
    )


def test_both_sides_of_signed_colours_are_equally_light():
    """What is left of the colours for those who see no hue: nothing may look stronger for being blue."""
    lightness = cv2.cvtColor(signed_shades()[None], cv2.COLOR_RGB2LAB)[0, :, 0].astype(int) / 2.55
    assert (
        np.abs(lightness - lightness[::-1]).max() < 12
        and (np.diff(lightness[128:]) > -0.5).all()
        and lightness[127] < 10 < 70 < lightness[0]
    )
