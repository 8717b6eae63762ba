"""`read_image` where programs differ in what they show: brightness without a scale, JPEGs that end early,
transparency, the right way up, and files that are no pictures. Every file is made here."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from detector import images
from detector.images import ImageReadError, drawing, read_image

CUT_OFF = "The file is cut off"
XMP_UPRIGHT = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="1"/>'
    b"</rdf:RDF></x:xmpmeta>"
)

UPRIGHT, TURNED = b'Orientation="1"', b'Orientation="6"'


def encode(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def squares(height, width, side=8):
    colours = np.random.default_rng(0).integers(0, 256, (-(-height // side), -(-width // side), 3), np.uint8)
    return Image.fromarray(colours.repeat(side, 0).repeat(side, 1)[:height, :width].copy())


def tiff_of(values):
    return encode(Image.fromarray(values), "TIFF")


def notes_but_size(photo):
    return [note for note in photo.notes if not note.startswith("Small picture")]


def ramp(low, high, dtype=np.float32):
    """300 x 300 from ``low`` on the left to ``high`` on the right."""
    return np.tile(np.linspace(low, high, 300).astype(dtype), (300, 1))


# -- brightness without a scale


@pytest.mark.parametrize(
    "low, high", [(0, 1.0001), (0, 1.5), (0, 300), (0, 270), (-5, 250), (-0.05, 1.05), (0, 4095), (-1e4, 1e4)]
)
def test_a_float_ramp_beyond_a_scale_stays_a_ramp_and_is_noted(low, high):
    photo = read_image(tiff_of(ramp(low, high)))
    assert 115 < photo.pixels.mean() < 140
    assert photo.pixels.min() < 10 and photo.pixels.max() > 245
    assert any(note.startswith("Brightness") for note in photo.notes)


@pytest.mark.parametrize("high", [1, 255, 65535])
def test_a_float_ramp_on_a_scale_needs_no_note(high):
    photo = read_image(tiff_of(ramp(0, high)))
    assert 126 < photo.pixels.mean() < 129 and photo.notes == ()


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("high", [1, 255])
def test_pixels_without_a_value_leave_the_others_as_they_are_and_are_noted(odd, high):
    values = ramp(0, high)
    expected = read_image(tiff_of(values)).pixels[1:]
    values[0] = odd
    photo = read_image(tiff_of(values))
    assert np.array_equal(photo.pixels[1:], expected)
    assert any("no value" in note for note in photo.notes)


def test_a_picture_of_nothing_but_nan_is_refused():
    with pytest.raises(ImageReadError, match="holds no brightness"):
        read_image(tiff_of(np.full((300, 300), np.nan, np.float32)))


def test_a_few_stray_values_do_not_turn_the_picture_black():
    values = ramp(0, 1)
    values[0, 0], values[0, 1] = -3.4e38, 1e30
    photo = read_image(tiff_of(values))
    assert 125 < photo.pixels.mean() < 130
    assert any("cut off" in note for note in photo.notes)


def signed_8_bit_tiff(values):
    """Pillow does not write these: an unsigned one, told to be signed."""
    tags = {256: (4, values.shape[1]), 257: (4, values.shape[0]), 258: (3, 8), 259: (3, 1), 262: (3, 1)}
    tags |= {273: (4, 8), 277: (3, 1), 278: (4, values.shape[0]), 279: (4, values.size), 339: (3, 2)}
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in tags.items())
    start = struct.pack("<2sHI", b"II", 42, 8 + values.size)
    return start + values.tobytes() + struct.pack("<H", len(tags)) + directory + bytes(4)


@pytest.mark.parametrize(
    "data",
    [
        signed_8_bit_tiff(ramp(-128, 127, np.int8)),
        tiff_of(ramp(-30_000, 30_000, np.int32)),
        tiff_of(ramp(0, 2e9, np.int32)),
        tiff_of(ramp(0, 4e9, np.int64).astype(np.uint32).view(np.int32)).replace(
            struct.pack("<HHIHH", 339, 3, 1, 2, 0), struct.pack("<HHIHH", 339, 3, 1, 1, 0)
        ),
    ],
    ids=["signed 8 bit", "signed", "32 bit", "unsigned 32 bit"],
)
def test_integers_of_any_sign_and_size_stay_a_ramp_from_dark_to_bright(data):
    photo = read_image(data)
    columns = photo.pixels[150, :, 0].astype(int)
    assert (np.diff(columns) >= 0).all() and columns[0] < 5 and columns[-1] > 250
    assert any(note.startswith("Brightness") for note in photo.notes)


def test_deep_grey_with_white_at_zero_is_no_negative():
    values = ramp(0, 65535, np.uint16)
    photometric = struct.pack("<HHIHH", 262, 3, 1, 1, 0)
    data = tiff_of(values).replace(photometric, struct.pack("<HHIHH", 262, 3, 1, 0, 0))
    assert read_image(data).pixels[0, 0, 0] == 255 and read_image(data).pixels[0, -1, 0] == 0


# -- JPEGs that end early

KINDS = [{}, {"progressive": True}, {"restart_marker_blocks": 4}]


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("end", [b"", b"\xff\xd9"], ids=["no end marker", "end marker"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_jpeg_whose_data_end_early_is_refused(options, mode, end, share):
    data = encode(squares(300, 300).convert(mode), "JPEG", **options)
    with pytest.raises(ImageReadError, match=CUT_OFF):
        read_image(data[: int(len(data) * share)] + end)


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize(
    "trailer",
    [b"", bytes(5000), b"\xff" * 99, bytes(40) + b"SEFH\x6b\0\0\0SEFT", b"\xff\xd8\xff\xe0\0\x10JFIF"],
)
def test_a_jpeg_that_lacks_only_its_end_marker_is_read(options, mode, trailer):
    data = encode(squares(300, 300).convert(mode), "JPEG", **options)
    photo = read_image(data[:-2] + trailer)
    assert np.array_equal(photo.pixels, read_image(data).pixels) and photo.notes == ()


def test_a_progressive_jpeg_without_its_last_pass_is_noted():
    data = encode(squares(300, 300), "JPEG", progressive=True)
    without_last = data[: data.rindex(b"\xff\xda")]
    tables = without_last.rindex(b"\xff\xc4")
    photo = read_image(without_last[:tables] + b"\xff\xd9")
    assert any("finest detail" in note for note in photo.notes)


@pytest.mark.parametrize("grey", [127, 128])
def test_a_picture_that_is_grey_at_its_end_is_whole(grey):
    for end in (-2, None):
        data = encode(Image.new("L", (300, 300), grey), "JPEG", optimize=True)[:end]
        assert read_image(data).pixels.max() == grey


# -- transparency


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(rows, width, colour_type, depth, clear):
    header = struct.pack(">IIBBBBB", width, len(rows), depth, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = chunk(b"IHDR", header) + chunk(b"tRNS", clear) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(
    "row, depth, clear, expected",
    [
        (b"\x50", 1, 1, [0, 255, 0, 255]),  # 0 1 0 1
        (b"\x50", 1, 0, [255, 255, 255, 255]),
        (b"\x1b", 2, 1, [0, 255, 170, 255]),  # 0 1 2 3
        (b"\x1b", 2, 0x0100 | 2, [0, 85, 255, 255]),  # only the lowest bits count
        (b"\x01\x2f", 4, 2, [0, 17, 255, 255]),
        (b"\x00\x12\x80\xff", 8, 0x12, [0, 255, 128, 255]),
        (b"\x00\x12\x80\xff", 8, 0x0112, [0, 255, 128, 255]),
        (struct.pack(">4H", 0, 0x1234, 0x1200, 0xFFFF), 16, 0x1234, [0, 255, 18, 255]),
    ],
)
def test_a_transparent_grey_of_any_depth_lies_on_white(row, depth, clear, expected):
    data = png([row], 4, 0, depth, struct.pack(">H", clear))
    assert np.abs(read_image(data).pixels[0, :, 0].astype(int) - expected).max() <= 1


@pytest.mark.parametrize("depth, code, size", [(8, "B", 1), (16, "H", 257)])
def test_a_transparent_colour_of_8_and_16_bits_lies_on_white(depth, code, size):
    values = [18 * size, 86 * size, 154 * size, 1, 2, 3]
    data = png([struct.pack(f">6{code}", *values)], 2, 2, depth, struct.pack(">3H", *values[:3]))
    photo = read_image(data)
    assert photo.pixels[0, 0].tolist() == [255] * 3 and photo.pixels[0, 1].max() < 4


def test_16_bit_colours_that_differ_in_their_low_bytes_only_are_told_apart():
    row = struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0x1235, 0x5678, 0x9ABC)
    pixels = read_image(png([row], 2, 2, 16, struct.pack(">3H", 0x1234, 0x5678, 0x9ABC))).pixels
    assert pixels[0].tolist() == [[255, 255, 255], [0x12, 0x56, 0x9A]]


@pytest.mark.parametrize(
    "format, options", [("PNG", {}), ("WEBP", {"lossless": True}), ("AVIF", {}), ("TIFF", {})]
)
def test_a_picture_of_which_nearly_nothing_is_opaque_lies_on_white_and_is_noted(format, options):
    if format not in images.FORMATS:
        pytest.skip("this Pillow was built without it")
    image = Image.new("RGBA", (300, 300), (200, 0, 0, 0))
    image.paste((0, 0, 200, 255), (0, 0, 16, 16))
    photo = read_image(encode(image, format, **options))
    assert photo.pixels[200, 200].min() >= 252 and photo.pixels[4, 4, 0] < 20
    assert notes_but_size(photo) == [drawing.TRANSPARENT]


def test_an_alpha_channel_of_zero_everywhere_is_ignored_and_that_is_said():
    for mode, format in (("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "TIFF")):
        photo = read_image(encode(Image.new("RGBA", (300, 300), (90, 90, 90, 0)).convert(mode), format))
        assert photo.pixels[5, 5].tolist() == [90, 90, 90] and photo.notes == (drawing.UNHIDDEN,)


def test_a_transparent_colour_that_covers_everything_is_white_and_that_is_said():
    gif = encode(Image.new("P", (300, 300), 0), "GIF", transparency=0)
    for data in (gif, png([b"\x12" * 300] * 300, 300, 0, 8, b"\0\x12")):
        photo = read_image(data)
        assert photo.pixels.min() == 255 and photo.notes == (drawing.ALL_TRANSPARENT,)


# -- the right way up


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_an_orientation_in_xmp_turns_nothing(format):
    if format not in images.FORMATS:
        pytest.skip("not readable here")
    options = {"xmp": XMP_UPRIGHT}
    if format == "TIFF":
        exif = Image.Exif()
        exif[700] = XMP_UPRIGHT
        options = {"exif": exif}
    data = encode(squares(240, 300), format, **options)
    assert UPRIGHT in data  # written upright: pillow-heif would turn the container itself
    photo = read_image(data.replace(UPRIGHT, TURNED))
    assert (photo.width, photo.height) == (300, 240)


@pytest.mark.parametrize("behind_the_picture", [False, True])
def test_an_orientation_in_the_xmp_of_a_png_turns_nothing(behind_the_picture):
    packet = XMP_UPRIGHT.replace(UPRIGHT, TURNED)
    text = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)
    data = encode(squares(240, 300), "PNG")
    at = -12 if behind_the_picture else 33
    photo = read_image(data[:at] + text + data[at:])
    assert (photo.width, photo.height) == (300, 240)


def test_a_text_in_a_png_that_looks_like_exif_turns_nothing():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(squares(240, 300), "PNG")
    for text in (
        b"exif\0" + exif.tobytes(),
        b"Raw profile type exif\0\nexif\n  9\n" + exif.tobytes().hex().encode(),
    ):
        assert read_image(data[:33] + chunk(b"tEXt", text) + data[33:]).width == 300


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
def test_the_rotation_in_the_container_of_avif_and_heic_is_applied_once(format):
    if format not in images.FORMATS:
        pytest.skip("not readable here")
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(squares(240, 300), format, exif=exif.tobytes())
    assert b"irot" in data
    photo = read_image(data)
    assert (photo.width, photo.height) == (240, 300) and photo.pixels.shape == (300, 240, 3)


# -- HEIC and JPEG XL


@pytest.mark.parametrize("format, suffix", [("HEIF", ".heic"), ("JXL", ".jxl")])
def test_heic_and_jpeg_xl_are_read_like_any_other_format(format, suffix):
    if format not in images.FORMATS:
        pytest.skip("its package is not installed")
    photo = read_image(encode(Image.new("RGB", (400, 300), (200, 100, 50)), format))
    assert (photo.format, photo.width, photo.height, photo.notes) == (format, 400, 300, ())
    assert np.abs(photo.pixels.astype(int) - (200, 100, 50)).max() <= 6
    assert suffix in images.IMAGE_SUFFIXES


def test_a_heic_photo_with_a_thumbnail_gives_the_photo():
    if "HEIF" not in images.FORMATS:
        pytest.skip("its package is not installed")
    data = encode(squares(1200, 1200), "HEIF", thumbnails=[512])
    assert read_image(data).width == 1200


def test_a_heic_photo_that_states_a_smaller_size_than_it_has_is_refused():
    if "HEIF" not in images.FORMATS:
        pytest.skip("its package is not installed")
    data = encode(squares(800, 800), "HEIF")
    size, forged = (b"ispe\0\0\0\0" + struct.pack(">II", side, side) for side in (800, 64))
    with pytest.raises(ImageReadError):
        read_image(data.replace(size, forged))


def jxl_claiming(width, height, extra_channels=0):
    """The header of a JPEG XL codestream of any size, and nothing behind it."""
    bits, count = 0, 0
    extra = [(3, 2), (extra_channels - 1, 12)]
    fields = [(0, 1), (3, 2), (height - 1, 30), (0, 3), (3, 2), (width - 1, 30)]
    fields += [(0, 1), (0, 1), (0, 1), (0, 2), (1, 1)] + (extra if extra_channels else [(0, 2)])
    for value, size in fields:
        bits |= value << count
        count += size
    return b"\xff\x0a" + bits.to_bytes(64, "little")


@pytest.mark.skipif("JXL" not in images.FORMATS, reason="its package is not installed")
def test_a_jpeg_xl_is_refused_by_its_header_before_anything_is_decoded(monkeypatch):
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    for data in (jxl_claiming(30_000, 30_000), jxl_claiming(70_000, 2), jxl_claiming(300, 300, 4000)):
        with pytest.raises(ImageReadError, match="too large"):
            read_image(data)


# -- files that are no pictures


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("a.pdf", b"%PDF-1.7\n", "PDF"),
        ("holiday.zip", b"PK\x03\x04\x14\0", "unpack it"),
        ("a.jpg", b"%PDF-1.7\n", "PDF"),
        ("a.svg", b'<?xml version="1.0"?>\n<!-- x --><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        ("a.png", b"<svg></svg>", "SVG"),
        ("a.mp4", b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", "video"),
        ("a.mov", b"\0\0\0\x14ftypqt  \0\0\0\0", "video"),
        ("a.avi", b"RIFF\0\0\0\0AVI LIST", "video"),
        ("a.webm", b"\x1a\x45\xdf\xa3webm", "video"),
        ("a.raf", b"FUJIFILMCCD-RAW 0201", "sensor"),
        ("a.cr3", b"\0\0\0\x18ftypcrx \0\0\0\0", "sensor"),
        ("a.x3f", b"whatever", "sensor"),
    ],
)
def test_what_people_take_for_a_picture_gets_its_own_sentence(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=words):
        read_image(path)


def test_a_camera_raw_in_the_form_of_a_tiff_is_not_taken_for_its_thumbnail():
    dng = encode(Image.new("RGB", (160, 120)), "TIFF", tiffinfo={0xC612: b"\1\4\0\0"})
    with pytest.raises(ImageReadError, match="sensor"):
        read_image(dng)


def test_a_tiff_whose_tags_all_name_the_same_bytes_is_refused():
    entries = b"".join(struct.pack("<HHII", tag, 1, 10_000, 8) for tag in range(300, 1000))
    data = b"II*\0" + struct.pack("<I", 10_008) + bytes(10_000) + struct.pack("<H", 700) + entries + bytes(4)
    with pytest.raises(ImageReadError, match="damaged"):
        read_image(data)
