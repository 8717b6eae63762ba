"""train.augmentation: geometry checked by hand, and what each kind of damage does."""

from __future__ import annotations

import numpy as np
import pytest

from detector.preprocessing import Preprocessing
from train.augmentation import augment, cutmix
from train.recipes import Augmentation, load_recipe

SIZE = 32
NOTHING = Augmentation(flip=False)


class Always:
    """A generator whose every draw falls on one place of its range: 0 the lowest value, 1 the highest."""

    def __init__(self, place: float):
        self.place = place

    def random(self) -> float:
        return min(self.place, 1 - 2**-53)

    def uniform(self, low: float, high: float) -> float:
        return low + self.place * (high - low)

    def integers(self, low: int, high: int | None = None) -> int:
        low, high = (0, low) if high is None else (low, high)
        return int(low + self.place * (high - 1 - low))


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def flat(value) -> np.ndarray:
    return np.full((40, 40, 3), value, np.uint8)


def dot(x: float, y: float, side: int = 64) -> np.ndarray:
    """A soft white dot on black whose middle is x, y pixels right of and below the middle of the picture."""
    across = np.arange(side) - (side - 1) / 2
    bump = np.exp(-((across[None] - x) ** 2 + (across[:, None] - y) ** 2) / 8)
    return np.repeat((255 * bump)[..., None], 3, axis=2).astype(np.uint8)


def centroid(square: np.ndarray) -> tuple[float, float]:
    """(x, y) of the mean brightness, from the middle of the picture."""
    weight, across = square[..., 0].astype(float), np.arange(len(square)) - (len(square) - 1) / 2
    return (weight * across[None]).sum() / weight.sum(), (weight * across[:, None]).sum() / weight.sum()


# ---- geometry


@pytest.mark.parametrize("shape", [(36, 36), (36, 40), (39, 36), (37, 39), (32, 32)])
def test_with_nothing_to_do_it_cuts_what_the_classifier_sees(shape):
    canonical = noise(*shape)
    seen = Preprocessing(SIZE, min(shape), None)(canonical)
    assert np.array_equal(augment(canonical, SIZE, NOTHING, np.random.default_rng(0)), seen)


@pytest.mark.parametrize(("place", "mirrored"), [(0.49, True), (0.5, False)])
def test_flip_mirrors_left_and_right_half_of_the_time(place, mirrored):
    canonical = noise(SIZE, SIZE)
    square = augment(canonical, SIZE, Augmentation(flip=True), Always(place))
    assert np.array_equal(square, canonical[:, ::-1] if mirrored else canonical)


def test_a_shift_by_whole_pixels_moves_the_crop_and_resamples_nothing():
    canonical = noise(60, 70)
    square = augment(
        canonical, SIZE, Augmentation(flip=False, width_shift=4 / SIZE, height_shift=3 / SIZE), Always(1.0)
    )
    top, left = (60 - SIZE) // 2 + 3, (70 - SIZE) // 2 + 4
    assert np.array_equal(square, canonical[top : top + SIZE, left : left + SIZE])


@pytest.mark.parametrize("place", [0.0, 1.0])
def test_a_shift_past_the_edge_mirrors_what_is_missing(place):
    canonical = noise(SIZE, SIZE)
    square = augment(
        canonical, SIZE, Augmentation(flip=False, width_shift=5 / SIZE, height_shift=2 / SIZE), Always(place)
    )
    padded = np.pad(canonical, ((8, 8), (8, 8), (0, 0)), mode="reflect")
    sign = 1 if place else -1
    top, left = 8 + sign * 2, 8 + sign * 5
    assert np.array_equal(square, padded[top : top + SIZE, left : left + SIZE])


@pytest.mark.parametrize("turn", [90, -90])
def test_a_quarter_turn_is_about_the_middle_of_the_square_to_the_pixel(turn):
    canonical = noise(48, 48)
    square = augment(
        canonical, SIZE, Augmentation(flip=False, rotation_degrees=90.0), Always(1.0 if turn > 0 else 0.0)
    )
    expected = np.rot90(canonical[8 : 8 + SIZE, 8 : 8 + SIZE], 1 if turn > 0 else -1)
    assert np.abs(square.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(("place", "scale"), [(1.0, 1.5), (0.0, 0.5)])
def test_zoom_moves_a_marker_away_from_the_middle_or_towards_it(place, scale):
    square = augment(dot(6, -4), SIZE, Augmentation(flip=False, zoom=0.5), Always(place))
    assert centroid(square) == pytest.approx((6 * scale, -4 * scale), abs=0.1)


def test_zoom_keeps_the_middle_where_it_is():
    square = augment(dot(0, 0), SIZE, Augmentation(flip=False, zoom=0.5), Always(1.0))
    assert centroid(square) == pytest.approx((0, 0), abs=0.02)


def test_rotation_turns_a_marker_about_the_middle():
    square = augment(dot(8, 0), SIZE, Augmentation(flip=False, rotation_degrees=30.0), Always(1.0))
    assert centroid(square) == pytest.approx(
        (8 * np.cos(np.pi / 6), -8 * np.sin(np.pi / 6)), abs=0.1
    )  # y grows downwards


def test_a_shift_moves_a_turned_picture_by_the_same_pixels():
    both = Augmentation(flip=False, rotation_degrees=90.0, width_shift=4 / SIZE)
    assert centroid(augment(dot(4, 3), SIZE, both, Always(1.0))) == pytest.approx((3, 0), abs=0.1)


def test_geometry_that_is_improbable_leaves_a_plain_crop():
    canonical = noise(SIZE, SIZE)
    settings = Augmentation(flip=False, zoom=0.3, rotation_degrees=20, geometry_probability=0.0)
    assert np.array_equal(augment(canonical, SIZE, settings, np.random.default_rng(1)), canonical)


def test_crop_anywhere_reaches_every_place_and_both_corners_equally():
    canonical = noise(34, 35)
    crops = {
        canonical[top : top + SIZE, left : left + SIZE].tobytes(): (top, left)
        for top in range(3)
        for left in range(4)
    }
    settings = Augmentation(flip=False, crop_anywhere=True)
    found = [
        crops[augment(canonical, SIZE, settings, np.random.default_rng(seed)).tobytes()]
        for seed in range(1200)
    ]
    counts = [found.count(place) for place in crops.values()]
    assert (
        len(counts) == 12 and min(counts) > 60 and max(counts) < 140
    )  # 100 expected, standard deviation under 10


# ---- colour and damage


@pytest.mark.parametrize(("place", "expected"), [(1.0, 120), (0.0, 80)])
def test_brightness_multiplies(place, expected):
    assert (
        augment(flat(100), SIZE, Augmentation(flip=False, brightness=0.2), Always(place)) == expected
    ).all()


def test_brightness_stops_at_white():
    assert (augment(flat(250), SIZE, Augmentation(flip=False, brightness=0.2), Always(1.0)) == 255).all()


@pytest.mark.parametrize(("place", "expected"), [(1.0, (60, 180)), (0.0, (80, 160))])
def test_contrast_multiplies_the_distance_from_the_mean_grey(place, expected):
    """Half of the picture is 70, half 170: the mean is 120, and both lie 50 from it."""
    halves = flat(70)
    halves[:, halves.shape[1] // 2 :] = 170
    square = augment(halves, SIZE, Augmentation(flip=False, contrast=0.2), Always(place))
    assert (square[0, 0, 0], square[0, -1, 0]) == expected


def test_contrast_stops_at_black_and_white():
    halves = flat(2)
    halves[:, halves.shape[1] // 2 :] = 254
    square = augment(halves, SIZE, Augmentation(flip=False, contrast=0.5), Always(1.0))
    assert (square[0, 0, 0], square[0, -1, 0]) == (0, 255)


def test_no_saturation_is_the_grey_of_the_same_luma():
    square = augment(flat((200, 100, 50)), SIZE, Augmentation(flip=False, saturation=1.0), Always(0.0))
    assert (square == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)).all()


def test_saturation_leaves_grey_alone():
    assert (augment(flat(90), SIZE, Augmentation(flip=False, saturation=0.5), Always(1.0)) == 90).all()


@pytest.mark.parametrize(
    "settings",
    [
        Augmentation(flip=False, jpeg_probability=1.0, jpeg_quality=(40, 40)),
        Augmentation(flip=False, blur_probability=1.0, blur_sigma=2.0),
        Augmentation(flip=False, downscale_probability=1.0, downscale=0.5),
        Augmentation(flip=False, sharpen_probability=1.0, sharpen=1.0),
    ],
    ids=["jpeg", "blur", "downscale", "sharpen"],
)
def test_damage_changes_the_pixels_but_not_the_picture(settings):
    canonical = dot(3, 3, 40) // 2 + noise(40, 40) // 8
    plain = augment(canonical, SIZE, NOTHING, np.random.default_rng(0)).astype(int)
    damaged = augment(canonical, SIZE, settings, np.random.default_rng(0)).astype(int)
    assert 0 < np.abs(damaged - plain).mean() < 12


def test_sharpening_leaves_flat_areas_alone_and_steepens_an_edge():
    canonical = np.full((40, 40, 3), 100, np.uint8)
    canonical[:, 20:] = 150
    square = augment(
        canonical, SIZE, Augmentation(flip=False, sharpen_probability=1.0, sharpen=1.0), Always(0.9)
    )[16, :, 0].astype(int)
    assert square[2] == 100 and square[-3] == 150
    assert square[15] < 100 and square[16] > 150


def test_jpeg_keeps_red_red_and_blue_blue():
    settings = Augmentation(flip=False, jpeg_probability=1.0, jpeg_quality=(95, 95))
    red, _, blue = augment(flat((220, 20, 60)), SIZE, settings, np.random.default_rng(0)).mean(axis=(0, 1))
    assert abs(red - 220) < 4 and abs(blue - 60) < 4


# ---- the whole

EVERYTHING = load_recipe("efficientnetv2b0-attention-balanced").augmentation


def test_the_same_generator_gives_the_same_pixels():
    canonical = noise(36, 40)
    first, second = (augment(canonical, SIZE, EVERYTHING, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, second)


def test_other_generators_give_other_pixels():
    canonical = noise(36, 40)
    assert (
        len(
            {
                augment(canonical, SIZE, EVERYTHING, np.random.default_rng(seed)).tobytes()
                for seed in range(20)
            }
        )
        == 20
    )


def test_the_canonical_picture_itself_is_never_written_to():
    canonical = noise(36, 40)
    canonical.flags.writeable = False
    before = canonical.copy()
    for seed in range(30):
        augment(canonical, SIZE, EVERYTHING, np.random.default_rng(seed))
    assert np.array_equal(canonical, before)


def test_the_result_is_always_a_contiguous_square_of_bytes():
    for seed in range(60):
        square = augment(noise(36, 40), SIZE, EVERYTHING, np.random.default_rng(seed))
        assert square.shape == (SIZE, SIZE, 3) and square.dtype == np.uint8 and square.flags.c_contiguous


# ---- between images


def batch_of_flats(*classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Image i is i + 1 everywhere."""
    images = np.stack([np.full((SIZE, SIZE, 3), place + 1, np.uint8) for place in range(len(classes))])
    return images, np.float32(classes)[:, None]


def test_cutmix_never_pastes_from_the_other_class():
    images, labels = batch_of_flats(0, 0, 1, 1, 1)
    for seed in range(20):
        mixed = cutmix(images, labels, 1.0, np.random.default_rng(seed))
        assert mixed[:2].max() <= 2 and mixed[2:].min() >= 3


def test_cutmix_pastes_one_rectangle_at_its_own_place():
    images, labels = batch_of_flats(1, 1)
    images[1] = noise(SIZE, SIZE)
    mixed = next(
        m
        for m in (cutmix(images, labels, 1.0, np.random.default_rng(seed)) for seed in range(50))
        if (m[0] != images[0]).any()
    )
    rows, columns = (np.flatnonzero((mixed[0] != images[0]).any(axis=(axis, 2))) for axis in (1, 0))
    inside = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert np.array_equal(mixed[0][inside], images[1][inside])


def test_cutmix_leaves_its_input_and_the_only_one_of_a_class_alone():
    images, labels = batch_of_flats(0, 1)
    before = images.copy()
    assert np.array_equal(cutmix(images, labels, 1.0, np.random.default_rng(0)), before) and np.array_equal(
        images, before
    )


def test_grey_takes_the_colour_and_keeps_the_brightness():
    red = flat((200, 0, 0))
    grey = augment(red, SIZE, Augmentation(flip=False, grey_probability=1.0), np.random.default_rng(0))
    assert (grey == 60).all()  # 0.299 x 200
