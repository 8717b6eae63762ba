"""Pixels of pictures that were brought in: the right ones, once."""

import inspect

import numpy as np
import pytest

from detector.images import ImageReadError, read_image
from ui import encoding, pictures
from ui.pictures import Picture, Resolution


@pytest.fixture(autouse=True)
def fresh():
    pictures._photos.clear()
    pictures._encoded.clear()


def noise(height: int, width: int) -> Picture:
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    return Picture.of("noise.png", encoding.png(pixels))


@pytest.fixture
def reads(monkeypatch) -> list[int]:
    """The short side of every decoding."""
    short_sides = []

    def counted(content, short_side, name):
        short_sides.append(short_side)
        return read_image(content, short_side, name)

    monkeypatch.setattr(pictures, "read_image", counted)
    return short_sides


def test_the_models_resolution_is_the_one_that_the_command_line_decodes_at():
    default = inspect.signature(read_image).parameters["short_side"].default
    assert default == Resolution.MODEL


@pytest.mark.parametrize(("height", "width"), [(300, 400), (800, 1200), (1900, 1100)])
@pytest.mark.parametrize("resolution", Resolution)
def test_the_pixels_are_those_of_a_decoding_of_its_own(height, width, resolution):
    picture = noise(height, width)
    for each in Resolution:  # whatever was asked for before
        pictures.decoded(picture, each)
    photo = pictures.decoded(picture, resolution)
    own = read_image(picture.content, short_side=int(resolution))
    assert np.array_equal(photo.pixels, own.pixels)
    assert (photo.width, photo.height, photo.notes) == (own.width, own.height, own.notes)


def test_a_picture_that_is_not_reduced_is_decoded_once(reads):
    for resolution in Resolution:
        pictures.decoded(noise(700, 900), resolution)
    assert reads == [Resolution.MODEL]


def test_a_picture_that_is_reduced_is_decoded_once_for_each_resolution(reads):
    for resolution in [*Resolution, *Resolution]:
        pictures.decoded(noise(2000, 2100), resolution)
    assert reads == list(Resolution)


def test_nobody_can_change_the_pixels_that_others_use():
    with pytest.raises(ValueError, match="read-only"):
        pictures.decoded(noise(10, 10)).pixels[0, 0] = 0


def test_a_file_that_is_no_picture_raises_every_time():
    picture = Picture.of("x.png", b"hello")
    for _ in range(2):
        with pytest.raises(ImageReadError, match="not an image"):
            pictures.decoded(picture)


def test_memory_stays_bounded_with_many_pictures(monkeypatch):
    monkeypatch.setattr(pictures._photos, "max_bytes", 50_000)
    for number in range(1, 101):
        pictures.decoded(noise(64, 64 + number))
        assert pictures._photos.bytes <= 50_000


def test_a_copy_is_encoded_once_for_each_use():
    picture, calls = noise(10, 10), []

    def encode() -> bytes:
        calls.append(1)
        return b"copy"

    assert pictures.encoded(picture, "one", encode) is pictures.encoded(picture, "one", encode)
    pictures.encoded(picture, "another", encode)
    assert len(calls) == 2


def test_a_thumbnail_is_small_and_has_the_pictures_shape():
    from io import BytesIO

    from PIL import Image

    with Image.open(BytesIO(pictures.thumbnail(noise(300, 600)))) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (192, 96))


def test_two_names_of_one_content_are_two_pictures():
    assert Picture.of("a.png", b"x").id != Picture.of("b.png", b"x").id
    assert Picture.of("a.png", b"x") == Picture.of("a.png", b"x")
