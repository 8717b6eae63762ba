"""`detector.images.read_image` on the files people upload, by mistake or on purpose. Every file is made
here."""

import io
import math
import os
import random
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from detector import images
from detector.images import (
    IMAGE_SUFFIXES,
    ImageReadError,
    Photo,
    TooMuchDetail,
    bands,
    drawing,
    is_hidden,
    read_image,
    reading,
)

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
ROOT = Path(__file__).parents[2]


# -- making files
# --------------------------------------------------------------------------------------------------


def encode(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def blocks(height, width, side=8, seed=0):
    """Random coloured squares: something every codec can store and every crop can be told apart by."""
    shape = (math.ceil(height / side), math.ceil(width / side), 3)
    colours = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return Image.fromarray(colours.repeat(side, 0).repeat(side, 1)[:height, :width].copy())


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def black_png(width, height, colour_type, depth=8, rows=50):
    """A valid PNG of zeros of any size in little time and memory: one deflated run of rows, repeated."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour_type]
    raw_rows = bytes(rows * (1 + width * channels * depth // 8))
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    run = deflate.compress(raw_rows) + deflate.flush(zlib.Z_FULL_FLUSH)
    assert height % rows == 0
    checksum = (len(raw_rows) * (height // rows) % 65521) << 16 | 1  # Adler-32 of that many zeros
    stream = b"\x78\x01" + run * (height // rows) + b"\x03\x00" + struct.pack(">I", checksum)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", stream) + chunk(b"IEND", b"")


def claim_size(jpeg, width, height):
    """The JPEG with another size in its header."""
    at = min(at for at in (jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2")) if at >= 0)
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def matrix_profile(red, green, blue):
    """A minimal ICC v2 display profile: three D50 primaries and the sRGB tone curve."""
    x = np.linspace(0, 1, 1024)
    curve = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)

    def xyz(*values):
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    trc = b"curv\0\0\0\0" + struct.pack(">I", 1024) + (curve * 65535).round().astype(">u2").tobytes()
    tags = {b"wtpt": xyz(0.9642, 1, 0.8249), b"rXYZ": xyz(*red), b"gXYZ": xyz(*green), b"bXYZ": xyz(*blue)}
    tags |= {b"rTRC": trc, b"gTRC": trc, b"bTRC": trc, b"cprt": b"text\0\0\0\0none\0\0\0\0"}
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78 + 1)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = (
        bytes(8) + b"\x02\x10\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28) + xyz(0.9642, 1, 0.8249)[8:]
    )
    head = struct.pack(">I", 128 + len(table) + len(body)) + head[4:] + bytes(128 - len(head))
    return head + table + body


DISPLAY_P3 = matrix_profile(
    (0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)
)

MEASURE = """
import io, sys
from PIL import Image
from detector.images import ImageReadError, read_image
def peak():  # not ru_maxrss: that one is inherited from the process that started this one
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
small = io.BytesIO(); Image.new("RGB", (8, 8)).save(small, "PNG"); read_image(small.getvalue())
before = peak()
try: read_image(sys.argv[1]); outcome = "read"
except ImageReadError as error: outcome = str(error)
print(peak() - before, outcome)
"""


def read_in_subprocess(path):
    """(MiB of memory that reading took at its peak, "read" or the complaint)"""
    command = [sys.executable, "-c", MEASURE, str(path)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    used, _, outcome = answer.strip().partition(" ")
    return float(used), outcome


def complaint(source, **options):
    with pytest.raises(ImageReadError) as caught:
        read_image(source, **options)
    sentence = str(caught.value)
    assert (
        sentence[0].isupper() and sentence.endswith(".") and "\n" not in sentence and "Error" not in sentence
    )
    return sentence


def close(pixel, colour, within=3):
    return np.abs(np.asarray(pixel, int) - colour).max() <= within


# -- the ordinary case
# ---------------------------------------------------------------------------------------------


def test_photo_has_contiguous_uint8_rgb_pixels_size_format_and_no_notes():
    photo = read_image(encode(blocks(300, 400), "PNG"))
    assert isinstance(photo, Photo)
    assert (
        photo.pixels.dtype == np.uint8
        and photo.pixels.shape == (300, 400, 3)
        and photo.pixels.flags.c_contiguous
    )
    assert (photo.width, photo.height, photo.format, photo.notes) == (400, 300, "PNG", ())
    assert np.array_equal(photo.pixels, np.asarray(blocks(300, 400)))


def test_path_string_and_bytes_give_equal_pixels(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(blocks(300, 400), "JPEG"))
    photos = [read_image(source) for source in (path, str(path), path.read_bytes())]
    assert all(np.array_equal(photo.pixels, photos[0].pixels) for photo in photos)


def test_content_decides_the_format_and_not_the_name(tmp_path):
    (tmp_path / "really_a_png.jpg").write_bytes(encode(blocks(300, 300), "PNG"))
    assert read_image(tmp_path / "really_a_png.jpg").format == "PNG"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_every_offered_format_is_read(format):
    if format not in images.FORMATS:
        pytest.skip("this Pillow was built without it")
    photo = read_image(encode(Image.new("RGB", (300, 300), (200, 100, 50)), format))
    assert photo.format == format and close(photo.pixels[150, 150], (200, 100, 50), within=4)


def test_mpo_gives_its_main_picture_without_a_note():
    photo = read_image(
        encode(blocks(300, 300), "MPO", save_all=True, append_images=[blocks(300, 300, seed=1)])
    )
    assert photo.format == "MPO" and photo.notes == ()
    assert close(photo.pixels[4, 4], blocks(300, 300).getpixel((4, 4)), 16)


def test_suffixes_are_lower_case_and_include_the_common_ones():
    assert {".jpg", ".jpeg", ".png", ".webp"} <= IMAGE_SUFFIXES
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in IMAGE_SUFFIXES)


def test_threads_reading_at_once_agree_with_one_reading_alone():
    files = [encode(blocks(200, 300, seed=i), "JPEG", icc_profile=DISPLAY_P3) for i in range(8)] * 4
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(read_image, files))
    assert all(np.array_equal(a.pixels, read_image(b).pixels) for a, b in zip(together, files, strict=True))


def test_pillow_is_left_as_it_was():
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)
    read_image(encode(blocks(100, 100), "JPEG"))
    complaint(encode(blocks(100, 100), "JPEG")[:-200])
    assert (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)) == before


# -- files that are not pictures
# -----------------------------------------------------------------------------------


def test_empty_file(tmp_path):
    (tmp_path / "empty.png").touch()
    assert complaint(b"") == complaint(tmp_path / "empty.png") == "This file is empty."


def test_text_named_jpg(tmp_path):
    path = tmp_path / "notes.JPG"
    path.write_text("Dear diary, this is not a picture.")
    assert "the name says .jpg, the content does not" in complaint(path)


def test_text_as_bytes_has_no_name_to_mention():
    assert complaint(b"Dear diary").startswith("This is not an image that can be read: use a JPEG, PNG")


def test_file_name_never_reaches_the_sentence(tmp_path):
    for name in ("<img src=x onerror=alert(1)>.jpg", "photo.<b>bold<b>"):
        (tmp_path / name).write_text("nothing")
        assert "<" not in complaint(tmp_path / name)


def test_formats_off_the_list_are_not_read():
    for format in ("PPM", "ICO", "TGA", "PDF", "EPS"):
        assert "not an image that can be read" in complaint(encode(blocks(64, 64), format))


def test_heic_photo_is_named_as_such():
    assert "HEIC" in complaint(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))
    assert "HEIC" in complaint(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(200))


def test_directory(tmp_path):
    assert complaint(tmp_path) == "This is a folder, not an image file."


def test_missing_path(tmp_path):
    assert complaint(tmp_path / "gone.jpg") == complaint("bad\0name.jpg") == "There is no file at this path."


def test_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert complaint(tmp_path / "pipe.jpg") == "There is no file at this path."


@pytest.mark.parametrize(
    "error, words", [(PermissionError(13, ""), "permissions"), (OSError(5, ""), "from the disk")]
)
def test_unreadable_path(tmp_path, monkeypatch, error, words):
    def fail(*_):
        raise error

    (tmp_path / "photo.jpg").write_bytes(b"...")
    monkeypatch.setattr(Path, "open", fail)
    assert words in complaint(tmp_path / "photo.jpg")


# -- cut off and damaged
# -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "format, options",
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("WEBP", {}),
    ],
)
def test_truncated_file_is_refused_wherever_it_was_cut(format, options):
    data = encode(blocks(100, 100, side=3), format, **options)
    for kept in range(len(data) // 10, len(data) - 40, len(data) // 40):
        sentence = complaint(data[:kept])
        assert "is cut off" in sentence or format == "GIF" and "incomplete" in sentence, (
            kept
        )  # cut inside its palette


def test_truncated_large_jpeg_is_refused_at_reduced_scale_too():
    data = encode(blocks(1500, 1500), "JPEG")
    assert complaint(data[: len(data) * 9 // 10]).startswith("The file is cut off")


def test_jpeg_download_padded_with_zeros_is_refused():
    data = encode(blocks(300, 300), "JPEG")
    assert complaint(data[: len(data) // 2] + bytes(len(data))).startswith("The file is cut off")


def test_jpeg_with_something_behind_its_end_is_read():
    data = encode(blocks(300, 300), "JPEG")
    assert np.array_equal(read_image(data + b"motion photo" * 99).pixels, read_image(data).pixels)


def test_damaged_png_is_refused():
    data = bytearray(encode(blocks(300, 300), "PNG"))
    data[len(data) // 2] ^= 0xFF
    assert complaint(bytes(data)).startswith("This image file is damaged")


@pytest.mark.filterwarnings("ignore")
def test_mutated_files_give_a_photo_or_a_sentence_and_nothing_else():
    chance = random.Random(20240607)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = blocks(60, 80)
    files = [
        encode(picture, "JPEG", exif=exif, icc_profile=DISPLAY_P3),
        encode(picture, "JPEG", progressive=True),
        encode(picture.convert("CMYK"), "JPEG"),
        encode(picture.quantize(16), "PNG", transparency=3, exif=exif),
        encode(picture.convert("RGBA"), "PNG", icc_profile=DISPLAY_P3),
        encode(picture, "GIF", save_all=True, append_images=[blocks(60, 80, seed=1)]),
        encode(picture, "WEBP", exif=exif),
        encode(picture.quantize(16), "BMP"),
        encode(picture, "TIFF", exif=exif),
        encode(picture, "TIFF", compression="tiff_lzw", save_all=True, append_images=[picture]),
        encode(picture.convert("F"), "TIFF"),
    ]
    files += [encode(picture, "AVIF")] if "AVIF" in images.FORMATS else []
    outcomes = {"read": 0, "refused": 0}
    for _ in range(50):
        for data in files:
            data = bytearray(data)
            reach = min(
                len(data), chance.choice((700, 10**9))
            )  # often the headers, where the decisions are taken
            for _ in range(chance.choice((1, 3, 20))):
                data[chance.randrange(reach)] = chance.randrange(256)
            if chance.random() < 0.1:
                del data[chance.randrange(len(data)) :]
            try:
                photo = read_image(bytes(data))
            except ImageReadError as error:
                assert str(error).endswith(".")
                outcomes["refused"] += 1
            else:
                assert (
                    photo.pixels.dtype == np.uint8 and photo.pixels.ndim == 3 and photo.pixels.shape[2] == 3
                )
                assert photo.pixels.size > 0 and photo.format and photo.width > 0 and photo.height > 0
                outcomes["read"] += 1
    assert min(outcomes.values()) > 120, outcomes  # the mutations are neither harmless nor all fatal


# -- size
# ----------------------------------------------------------------------------------------------------------


def test_bomb_of_30000_by_30000_pixels_is_refused_in_little_memory(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(black_png(30_000, 30_000, colour_type=2))
    assert 1 < path.stat().st_size / 1e6 < 10
    used, outcome = read_in_subprocess(path)
    assert outcome.startswith("This picture is too large") and used < 50


@pytest.mark.parametrize("side", [9_500, 12_000, 30_000])  # where Pillow is silent, warns and raises
@pytest.mark.parametrize("pillow_warnings", ["ignore", "error"])
def test_too_many_pixels_is_one_sentence_whatever_pillow_thinks(side, pillow_warnings):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    with warnings.catch_warnings():
        warnings.simplefilter(pillow_warnings)
        sentence = complaint(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(99))))
    assert sentence.startswith("This picture is too large")


def test_side_beyond_the_limit_is_refused():
    assert complaint(encode(Image.new("L", (70_000, 2)), "PNG")).startswith("This picture is too large")


def test_file_beyond_the_limit_is_refused_before_it_is_opened(monkeypatch, tmp_path):
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 1000)
    too_big = "This file is larger than 64 MB: save a smaller copy and try that."
    (tmp_path / "big.jpg").write_bytes(b"\xff" * 1001)
    assert complaint(b"\xff" * 1001) == complaint(tmp_path / "big.jpg") == too_big


def test_progressive_jpeg_is_refused_at_a_size_where_a_plain_one_is_not():
    plain, progressive = (encode(blocks(64, 64), "JPEG", progressive=p, subsampling=0) for p in (False, True))
    cut_off = complaint(claim_size(plain, 9000, 9000))  # it was decoded, and most of it is not there
    assert cut_off.startswith("The file is cut off")
    assert complaint(claim_size(progressive, 9000, 9000)).startswith("This picture is too large")


def test_where_the_detail_asked_for_takes_too_much_memory_the_least_that_is_enough_is_read(monkeypatch):
    progressive = encode(blocks(1600, 2400), "JPEG", progressive=True)
    monkeypatch.setattr(reading, "MAX_MEMORY", 2 * len(progressive) + 30_000_000)
    with pytest.raises(TooMuchDetail, match="too large"):
        read_image(progressive, 900)
    assert read_image(progressive, 900, least=200).pixels.shape == read_image(progressive, 200).pixels.shape


def test_jpeg_with_one_pass_per_colour_counts_as_progressive():
    data = bytearray(claim_size(encode(blocks(64, 64), "JPEG", subsampling=0), 9000, 9000))
    data[data.index(b"\xff\xda") + 4] = 1
    assert complaint(bytes(data)).startswith("This picture is too large")


def test_jpeg_of_very_many_passes_is_refused():
    data = encode(blocks(64, 64), "JPEG", progressive=True)
    last_pass = data[data.rindex(b"\xff\xda") : -2]
    assert read_image(data[:-2] + last_pass * 50 + data[-2:])
    assert complaint(data[:-2] + last_pass * 200 + data[-2:]).startswith("This picture is too large")


def test_tiff_with_a_tile_far_larger_than_the_picture_is_refused():
    tile = zlib.compress(bytes(99))
    tags = {
        256: 64,
        257: 64,
        258: 8,
        259: 8,
        262: 1,
        277: 1,
        322: 30_000,
        323: 30_000,
        324: 8,
        325: len(tile),
    }
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    data = (
        struct.pack("<2sHI", b"II", 42, 8 + len(tile))
        + tile
        + struct.pack("<H", len(tags))
        + directory
        + bytes(4)
    )
    assert complaint(data).startswith("This picture is too large")
    same_size = data.replace(struct.pack("<I", 30_000), struct.pack("<I", 64))
    assert complaint(same_size).startswith("This image file is damaged")


def test_tiff_that_lists_millions_of_strips_is_refused():
    tags = struct.pack("<H HHII HHII", 2, 256, 4, 1, 64, 273, 4, 2_000_000, 8)
    assert complaint(b"II*\0\x08\0\0\0" + tags + bytes(4)).startswith("This image file is damaged")


@pytest.mark.parametrize("format, stuffing", [("PNG", chunk(b"prVt", b"")), ("JPEG", b"\xff\xfe\0\x02")])
def test_file_stuffed_with_tiny_chunks_is_refused(monkeypatch, format, stuffing):
    monkeypatch.setattr(reading, "MAX_READS", 2_000)
    data, head = encode(blocks(64, 64), format), {"PNG": 33, "JPEG": 2}[format]
    assert read_image(data[:head] + stuffing * 100 + data[head:])
    assert complaint(data[:head] + stuffing * 2_000 + data[head:]).startswith("This image file is damaged")


def _progressive(path):
    Image.new("RGB", (6600, 6600), (9, 99, 199)).save(
        path, "JPEG", progressive=True, subsampling=0, quality=60
    )


def _lossless_webp(path):
    Image.new("RGBA", (4850, 4850), (9, 99, 199, 200)).save(path, "WEBP", lossless=True, quality=0, method=0)


def _one_strip_turned_tiff(path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGBA", (5000, 5600), (9, 99, 199, 200))
    image.save(path, "TIFF", compression="tiff_lzw", strip_size=2**31 - 1, exif=exif)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measures memory the Linux way")
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: path.write_bytes(black_png(9400, 9400, 2)), id="rgb png"),
        pytest.param(lambda path: path.write_bytes(black_png(65_500, 850, 6)), id="thin rgba png"),
        pytest.param(_progressive, id="progressive jpeg"),
        pytest.param(_lossless_webp, id="webp"),
        pytest.param(_one_strip_turned_tiff, id="tiff"),
    ],
)
def test_peak_memory_of_the_largest_accepted_files(make, tmp_path):
    make(tmp_path / "large")
    used, outcome = read_in_subprocess(tmp_path / "large")
    assert outcome == "read" and 50 < used < 420, (used, outcome)


def test_single_pixel():
    photo = read_image(encode(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG"))
    assert photo.pixels.tolist() == [[[1, 2, 3]]]


def test_20000_by_10_comes_back_whole():
    photo = read_image(encode(blocks(10, 20_000), "PNG"))
    assert np.array_equal(photo.pixels, np.asarray(blocks(10, 20_000)))


def test_small_picture_carries_a_note():
    assert read_image(encode(blocks(223, 900), "PNG")).notes == (
        "Small picture (900 x 223 pixels): it is enlarged for the model, so fine detail is missing.",
    )
    assert read_image(encode(blocks(224, 900), "PNG")).notes == ()


@pytest.mark.parametrize(
    "width, height, short_side, expected",  # width and height of the pixels
    [
        (1023, 2000, 512, (1023, 2000)),
        (1024, 2000, 512, (512, 1000)),
        (1535, 1535, 512, (768, 768)),
        (2049, 2048, 512, (513, 512)),
        (1000, 800, 100, (125, 100)),
        (640, 480, 10_000, (640, 480)),
    ],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_reduction_keeps_the_short_side_at_least_as_asked(format, width, height, short_side, expected):
    photo = read_image(encode(Image.new("RGB", (width, height), (90, 60, 30)), format), short_side)
    assert photo.pixels.shape == (expected[1], expected[0], 3)
    assert (photo.width, photo.height) == (width, height)
    assert close(photo.pixels, (90, 60, 30))


@pytest.mark.parametrize("progressive", [False, True])
def test_huge_jpeg_is_decoded_reduced(progressive):
    data = encode(blocks(4000, 5000, side=50), "JPEG", progressive=progressive)
    photo = read_image(data)
    assert (photo.width, photo.height) == (5000, 4000)
    assert 384 <= min(photo.pixels.shape[:2]) < 768
    middle = [(y * 50 + 25, x * 50 + 25) for y in range(0, 80, 7) for x in range(0, 100, 9)]
    full = np.asarray(blocks(4000, 5000, side=50))
    scale = photo.pixels.shape[0] / 4000
    assert all(close(photo.pixels[int(y * scale), int(x * scale)], full[y, x], 12) for y, x in middle)


def test_png_reduction_is_the_mean_of_each_square():
    full = np.random.default_rng(0).integers(0, 256, (1200, 1100, 3), dtype=np.uint8)
    means = full.reshape(600, 2, 550, 2, 3).mean((1, 3))
    assert np.abs(read_image(encode(Image.fromarray(full), "PNG")).pixels - means).max() <= 0.5


@pytest.mark.parametrize("orientation", [1, 6, 7])
def test_working_in_bands_changes_nothing(monkeypatch, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = blocks(701, 333, side=5)
    picture.putalpha(blocks(701, 333, side=7, seed=1).convert("L"))
    data = encode(picture, "PNG", exif=exif, icc_profile=DISPLAY_P3)
    whole = read_image(data, short_side=100).pixels
    monkeypatch.setattr(bands, "BAND_PIXELS", 5_000)
    assert np.array_equal(read_image(data, short_side=100).pixels, whole)


# -- the right way up
# ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    # of the upright picture, read like a page: top left, top right, bottom left, bottom right
    "orientation, corners",
    [
        (1, (RED, GREEN, BLUE, WHITE)),
        (2, (GREEN, RED, WHITE, BLUE)),
        (3, (WHITE, BLUE, GREEN, RED)),
        (4, (BLUE, WHITE, RED, GREEN)),
        (5, (RED, BLUE, GREEN, WHITE)),
        (6, (BLUE, RED, WHITE, GREEN)),
        (7, (WHITE, GREEN, BLUE, RED)),
        (8, (GREEN, WHITE, RED, BLUE)),
    ],
)
def test_exif_orientation_is_applied(format, orientation, corners):
    stored = Image.new("RGB", (64, 32), WHITE)  # red, green / blue, white
    stored.paste(RED, (0, 0, 32, 16))
    stored.paste(GREEN, (32, 0, 64, 16))
    stored.paste(BLUE, (0, 16, 32, 32))
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = read_image(encode(stored, format, exif=exif, **({"subsampling": 0} if format == "JPEG" else {})))
    assert (photo.width, photo.height) == ((64, 32) if orientation < 5 else (32, 64))
    assert photo.pixels.shape == (photo.height, photo.width, 3) and photo.pixels.flags.c_contiguous
    found = [photo.pixels[y, x] for y in (4, -5) for x in (4, -5)]
    assert all(close(pixel, corner, 12) for pixel, corner in zip(found, corners, strict=True)), found


@pytest.mark.filterwarnings("ignore")
def test_broken_exif_is_ignored():
    data = encode(blocks(300, 300), "JPEG", exif=b"Exif\0\0MM\0*\0\0\xff\xff" + b"junk" * 20)
    assert read_image(data).pixels.shape == (300, 300, 3)


# -- every kind of pixel
# -------------------------------------------------------------------------------------------


def test_cmyk_jpeg_with_adobe_inversion():
    inks = {
        (255, 0, 0, 0): (0, 255, 255),
        (0, 255, 0, 0): (255, 0, 255),
        (0, 0, 0, 255): (0, 0, 0),
        (0,) * 4: WHITE,
    }
    for ink, colour in inks.items():
        data = encode(Image.new("CMYK", (32, 32), ink), "JPEG", quality=95)
        assert b"Adobe" in data and close(read_image(data).pixels, colour, 4)


@pytest.mark.parametrize("format, dtype", [("PNG", np.uint16), ("TIFF", np.uint16), ("TIFF", ">u2")])
def test_16_bit_grey_is_scaled_and_not_clipped(format, dtype):
    values = np.array([[0, 257, 25_700, 32_896, 65_535]], dtype)
    pixels = read_image(encode(Image.fromarray(values), format)).pixels
    assert pixels[0].tolist() == [[v] * 3 for v in (0, 1, 100, 128, 255)]


@pytest.mark.parametrize(
    "values, expected, stretched",
    [
        (np.float32([0, 0.5, 1]), (0, 128, 255), False),
        (np.float32([0, 100, 255]), (0, 100, 255), False),
        (np.float32([0, 25_700, 65_535]), (0, 100, 255), False),
        (np.float32([-5, 0, 5]), (0, 128, 255), True),
        (np.float32([0, np.nan, np.inf]), (0, 0, 255), False),
        (np.int32([0, 100, 255]), (0, 100, 255), False),
        (np.int32([0, 1_001_000, 2_000_000]), (0, 128, 255), True),
    ],
)
def test_float_and_32_bit_tiff(values, expected, stretched):
    photo = read_image(encode(Image.fromarray(values[None]), "TIFF"))
    assert photo.pixels[0, :, 0].tolist() == list(expected)
    assert any("Brightness" in note for note in photo.notes) == stretched


def test_palette_png_with_transparency_lies_on_white():
    image = Image.new("P", (3, 1))
    image.putpalette([*RED, *GREEN, *BLUE])
    image.putdata([0, 1, 2])
    assert read_image(encode(image, "PNG")).pixels[0].tolist() == [list(c) for c in (RED, GREEN, BLUE)]
    assert read_image(encode(image, "PNG", transparency=1)).pixels[0].tolist() == [
        list(c) for c in (RED, WHITE, BLUE)
    ]
    half = read_image(encode(image, "PNG", transparency=bytes([255, 0, 128]))).pixels[0]
    assert close(half, (RED, WHITE, (127, 127, 255)), 1)


@pytest.mark.parametrize("mode, format", [("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "TIFF"), ("LA", "TIFF")])
def test_transparency_lies_on_white(mode, format):
    image = Image.new("LA", (3, 1))
    image.putdata([(0, 255), (0, 102), (0, 0)])
    assert read_image(encode(image.convert(mode), format)).pixels[0, :, 0].tolist() == [0, 153, 255]


def test_premultiplied_grey_tiff_lies_on_white():
    image = Image.new("LA", (3, 1))
    image.putdata([(100, 255), (40, 102), (0, 0)])
    extra_samples = struct.pack("<HHI", 338, 3, 1)
    data = encode(image, "TIFF").replace(
        extra_samples + b"\2", extra_samples + b"\1"
    )  # not associated -> associated
    assert Image.open(io.BytesIO(data)).mode == "La"
    assert close(read_image(data).pixels[0, :, 0], (100, 193, 255), 1)


def test_transparent_pixels_do_not_bleed_when_reduced():
    image = Image.new("RGBA", (1024, 1024), (0, 255, 0, 0))  # invisible green
    image.paste(
        (255, 0, 0, 255), (0, 0, 511, 1024)
    )  # red up to an odd column, so one column of means mixes both
    pixels = read_image(encode(image, "PNG")).pixels
    assert close(pixels[0, 255], (255, 128, 128), 1)


def test_one_bit_picture_is_black_and_white():
    image = Image.new("1", (2, 1))
    image.putdata([0, 255])
    for format in ("PNG", "TIFF", "BMP"):
        assert read_image(encode(image, format)).pixels[0].tolist() == [[0] * 3, [255] * 3]


@pytest.mark.parametrize("mode", ["LAB", "YCbCr"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg"])
def test_lab_and_ycbcr_tiff(mode, compression):
    if mode == "LAB" and compression == "jpeg":
        pytest.skip("not a kind of TIFF")
    image = Image.new("RGB", (32, 32), (200, 100, 50))
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(image, *profiles, outputMode="LAB")
    photo = read_image(encode(image.convert(mode), "TIFF", compression=compression))
    assert close(photo.pixels, (200, 100, 50))


# -- colour profiles
# -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "display_p3, srgb",  # the right-hand values are the published conversion of the left-hand ones
    [
        ((234, 51, 35), RED),
        ((117, 251, 76), GREEN),
        ((255, 0, 0), RED),  # redder than sRGB can show
        ((128, 128, 128), (128, 128, 128)),
        ((200, 100, 50), (214, 96, 35)),
    ],
)
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_wide_gamut_picture_is_converted_to_srgb(format, display_p3, srgb):
    options = {"lossless": True} if format == "WEBP" else {}
    data = encode(Image.new("RGB", (32, 32), display_p3), format, icc_profile=DISPLAY_P3, **options)
    assert close(read_image(data).pixels, srgb, 4), read_image(data).pixels[0, 0]


def test_srgb_profile_changes_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = blocks(300, 300)
    assert np.array_equal(read_image(encode(picture, "PNG", icc_profile=profile)).pixels, np.asarray(picture))
    assert drawing.srgb_transform(profile, "RGB") is None  # and costs nothing


@pytest.mark.parametrize(
    "profile",
    [
        b"not a profile",
        DISPLAY_P3[:300],
        DISPLAY_P3[:128] + bytes(500),
        DISPLAY_P3 + bytes(images.MAX_PROFILE_BYTES),
    ],
    ids=["junk", "cut", "empty", "huge"],
)
def test_corrupt_profile_is_ignored(profile):
    picture = Image.new("RGB", (32, 32), (200, 100, 50))
    assert close(read_image(encode(picture, "TIFF", icc_profile=profile)).pixels, (200, 100, 50), 0)


def test_profile_of_another_kind_of_picture_is_ignored():
    data = encode(
        Image.new("L", (32, 32), 77), "PNG", icc_profile=DISPLAY_P3
    )  # an RGB profile on a grey picture
    assert close(read_image(data).pixels, (77, 77, 77), 0)


# -- more than one picture in a file
# -------------------------------------------------------------------------------


@pytest.mark.parametrize("format, options", [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})])
def test_animation_gives_its_first_frame_and_a_note(format, options):
    first, second = Image.new("RGB", (300, 300), RED), Image.new("RGB", (300, 300), BLUE)
    photo = read_image(encode(first, format, save_all=True, append_images=[second], duration=50, **options))
    assert close(photo.pixels, RED, 0) and photo.notes == ("Animation: only the first frame is analysed.",)


def test_still_gif_has_no_note_about_animation():
    assert read_image(encode(Image.new("RGB", (300, 300), RED), "GIF")).notes == ()


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_tiff_of_several_pages_gives_the_first_and_a_note(compression):
    first, second = Image.new("RGB", (300, 300), RED), Image.new("RGB", (400, 400), BLUE)
    photo = read_image(encode(first, "TIFF", save_all=True, append_images=[second], compression=compression))
    assert close(photo.pixels, RED, 0) and photo.notes == ("Several pages: only the first page is analysed.",)
    assert (photo.width, photo.height) == (300, 300)


@pytest.mark.parametrize(
    "path", [".a.png", ".thumbs/a.png", "x/__MACOSX/a.png", "@eaDir/a.png", "Thumbs.db", "../.x/a.png"]
)
def test_what_is_hidden_or_left_behind_by_a_system_is_hidden_at_any_depth(path):
    assert is_hidden(path.split("/"))


@pytest.mark.parametrize("path", ["a.png", "x/a.b.png", "./a.png", "../a.png", "thumbs/a.png"])
def test_what_has_a_name_of_its_own_is_not_hidden(path):
    assert not is_hidden(path.split("/"))
