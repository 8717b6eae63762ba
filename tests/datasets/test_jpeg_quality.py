"""The quality of a JPEG, read off its quantization table."""

import math
from io import BytesIO

import pytest

from detector.datasets.jpeg_quality import jpeg_quality
from tests.datasets.making import picture


def jpeg(**options) -> bytes:
    buffer = BytesIO()
    picture(1).save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 80, 92, 95, 100])
def test_the_quality_that_pillow_saved_with_is_found(quality):
    assert jpeg_quality(jpeg(quality=quality)) == quality


def test_it_is_found_behind_a_large_segment_of_metadata():
    assert jpeg_quality(jpeg(quality=80, exif=b"Exif\0\0" + bytes(60_000))) == 80


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n" + bytes(80), b"\xff\xd8\xff\xdb\x00"])
def test_what_has_no_table_has_no_quality(content):
    assert math.isnan(jpeg_quality(content))
