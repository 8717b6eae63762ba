"""detector.preprocessing: sizes, crops and regions worked out by hand."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from detector.images import read_image
from detector.preprocessing import MAX_ASPECT, Preprocessing, Region

STANDARD = Preprocessing(size=224, short_side=256, jpeg_quality=75)
EXACT = Preprocessing(size=224, short_side=256, jpeg_quality=None)


def smooth(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A smooth random photo, uint8 (height, width, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


# ---- the canonical form


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (256, 256, (256, 256)),
        (512, 512, (256, 256)),
        (100, 100, (256, 256)),
        (256, 512, (256, 288)),  # cut to 1.125 : 1
        (1000, 400, (288, 256)),
        (1000, 950, (269, 256)),  # 1000 / 950 < 1.125: nothing is cut
        (1, 1, (256, 256)),
        (10, 20000, (256, 282)),  # 11 of 20000 columns, times 25.6
        (20000, 10, (282, 256)),
        (1, 5000, (256, 256)),
        (7, 20, (256, 288)),  # 8 columns would make 293
    ],
)
def test_canonical_size(height, width, expected):
    assert EXACT.canonical(smooth(height, width)).shape == (*expected, 3)


@pytest.mark.parametrize("side", [*range(1, 40), 63, 101, 255, 257, 1007])
def test_canonical_keeps_its_short_side_and_its_aspect_bound(side):
    height, width, _ = EXACT.canonical(np.zeros((side, 3 * side, 3), np.uint8)).shape
    assert height == 256 and 256 <= width <= 256 * MAX_ASPECT


@pytest.mark.parametrize("shape", [(300, 900), (900, 300), (40, 41), (256, 288)])
def test_canonical_of_canonical_keeps_the_size(shape):
    once = STANDARD.canonical(smooth(*shape))
    assert STANDARD.canonical(once).shape == once.shape


def test_photo_already_canonical_is_only_recompressed():
    pixels = smooth(256, 280)
    np.testing.assert_array_equal(EXACT.canonical(pixels), pixels)


def test_what_is_beyond_the_aspect_bound_is_cut_off_symmetrically():
    pixels = np.zeros((256, 512, 3), np.uint8)
    pixels[:, :112] = 255  # 512 - 288 = 224 columns go, 112 on each side
    pixels[:, 400:] = 255
    assert not EXACT.canonical(pixels).any()


def test_jpeg_round_trip_is_applied_at_the_cards_quality():
    pixels = smooth(256, 256)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=75, subsampling="4:2:0")
    np.testing.assert_array_equal(STANDARD.canonical(pixels), np.asarray(Image.open(buffer)))


def test_png_and_jpeg_of_one_picture_give_nearly_the_same_input():
    picture = Image.fromarray(smooth(700, 900))
    inputs = []
    for format, options in (("PNG", {}), ("JPEG", {"quality": 85}), ("WEBP", {"quality": 90})):
        buffer = BytesIO()
        picture.save(buffer, format, **options)
        inputs.append(STANDARD(read_image(buffer.getvalue()).pixels).astype(int))
    for other in inputs[1:]:
        assert np.abs(other - inputs[0]).mean() < 2


def test_reduced_decoding_changes_the_input_little():
    buffer = BytesIO()
    Image.fromarray(smooth(2400, 3200)).save(buffer, "JPEG", quality=95)
    whole, reduced = (
        STANDARD(read_image(buffer.getvalue(), short_side=side).pixels).astype(int) for side in (2400, 384)
    )
    assert np.abs(whole - reduced).mean() < 2


# ---- the model's input


@pytest.mark.parametrize("shape", [(256, 256), (500, 300), (31, 700), (1, 1)])
def test_input_is_the_central_square_of_the_canonical_form(shape):
    pixels = smooth(*shape)
    canonical = STANDARD.canonical(pixels)
    top, left = (canonical.shape[0] - 224) // 2, (canonical.shape[1] - 224) // 2
    np.testing.assert_array_equal(STANDARD(pixels), canonical[top : top + 224, left : left + 224])


def test_input_is_contiguous_uint8():
    image = STANDARD(smooth(300, 400))
    assert image.shape == (224, 224, 3) and image.dtype == np.uint8 and image.flags.c_contiguous


def test_same_photo_gives_the_same_bytes():
    np.testing.assert_array_equal(STANDARD(smooth(333, 444)), STANDARD(smooth(333, 444)))


# ---- the region


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (256, 256, Region(0.0625, 0.0625, 0.9375, 0.9375)),  # 16 of 256 pixels on each side
        (256, 512, Region(0.28125, 0.0625, 0.71875, 0.9375)),  # 224 of 512 columns
        (1024, 512, Region(0.0625, 0.28125, 0.9375, 0.71875)),
        (1, 1, Region(0.0625, 0.0625, 0.9375, 0.9375)),
    ],
)
def test_region_by_hand(height, width, expected):
    assert STANDARD.region(height, width) == expected


def test_region_is_the_whole_photo_where_nothing_is_cut():
    assert Preprocessing(size=64, short_side=64).region(80, 80) == Region(0, 0, 1, 1)


@pytest.mark.parametrize("shape", [(600, 400), (400, 600), (90, 130), (512, 2000)])
def test_region_says_where_the_inputs_pixels_come_from(shape):
    """A black square painted at a place inside the region turns up at that place of the input."""
    height, width = shape
    region = STANDARD.region(height, width)
    for across, down in ((0.1, 0.1), (0.5, 0.3), (0.9, 0.8)):
        x = round((region.left + across * (region.right - region.left)) * width)
        y = round((region.top + down * (region.bottom - region.top)) * height)
        radius = min(shape) // 20
        pixels = np.full((height, width, 3), 255, np.uint8)
        pixels[y - radius : y + radius, x - radius : x + radius] = 0
        rows, columns = np.nonzero(EXACT(pixels)[..., 0] < 128)
        assert abs(columns.mean() + 0.5 - 224 * (x / width - region.left) / (region.right - region.left)) < 1
        assert abs(rows.mean() + 0.5 - 224 * (y / height - region.top) / (region.bottom - region.top)) < 1


def test_paint_outside_the_region_does_not_reach_the_input():
    pixels = np.full((300, 500, 3), 200, np.uint8)
    region = EXACT.region(300, 500)
    margin = 4  # pixels: Lanczos looks a little beyond
    pixels[:, : int(region.left * 500) - margin] = 0
    pixels[:, int(region.right * 500) + 1 + margin :] = 0
    pixels[: int(region.top * 300) - margin] = 0
    assert (EXACT(pixels) == 200).all()


# ---- settings


@pytest.mark.parametrize(
    "settings",
    [
        {"size": 300, "short_side": 256},
        {"size": 4},
        {"size": 224, "short_side": 5000},
        {"jpeg_quality": 0},
        {"jpeg_quality": 101},
        {"size": 224.0},
        {"size": "224"},
        {"short_side": float("nan")},
        {"jpeg_quality": 75.5},
        {"size": True},
        {"size": 10**400, "short_side": 10**400},
    ],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match="preprocessing"):
        Preprocessing(**settings)


def test_card_form_round_trips():
    assert Preprocessing(**STANDARD.to_card()) == STANDARD


def test_a_region_within_the_middle_part_of_a_photo_keeps_its_place():
    within = Region(0.4, 0.25, 0.6, 0.75).within(
        0.5, 1.0
    )  # of the middle half of the width, all of the height
    assert (within.left, within.top, within.right, within.bottom) == pytest.approx((0.3, 0.25, 0.7, 0.75))


# ---- views


def test_a_preprocessing_without_tiles_has_one_view_the_old_input():
    pixels = smooth(300, 500)
    assert np.array_equal(STANDARD.views(pixels), STANDARD(pixels)[None])
    assert STANDARD.tile_regions(300, 500) == [] and STANDARD.decoded_short_side == 384


def test_tiles_are_cut_where_their_regions_say():
    """A photo of 128 x 64, each pixel its own grey, in two tiles of 32: the middles of its halves."""
    pixels = np.repeat(np.arange(128 * 64, dtype=np.int32).reshape(64, 128, 1) % 251, 3, axis=2).astype(
        np.uint8
    )
    preprocessing = Preprocessing(size=32, short_side=32, jpeg_quality=None, tiles=2)
    views = preprocessing.views(pixels)
    assert views.shape == (3, 32, 32, 3)
    assert preprocessing.tile_regions(64, 128) == [
        Region(0.125, 0.25, 0.375, 0.75),
        Region(0.625, 0.25, 0.875, 0.75),
    ]
    np.testing.assert_array_equal(views[1], pixels[16:48, 16:48])
    np.testing.assert_array_equal(views[2], pixels[16:48, 80:112])


def test_the_tiles_of_a_photo_smaller_than_one_lie_in_it():
    preprocessing = Preprocessing(size=32, short_side=32, tiles=2)
    assert preprocessing.views(smooth(10, 40)).shape == (3, 32, 32, 3)
    left, right = preprocessing.tile_regions(10, 40)
    assert (left.top, left.bottom, right.right) == (0, 1, pytest.approx(0.875))


@pytest.mark.parametrize("tiles", [-1, 25, 2.0, True])
def test_a_number_of_tiles_that_makes_no_sense_is_refused(tiles):
    with pytest.raises(ValueError, match="tiles"):
        Preprocessing(tiles=tiles)
