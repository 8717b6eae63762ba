"""`file_facts` on files of 64 MB meant to take its time, and on metadata in unusual places and encodings."""

import io
import struct
import time
import tracemalloc
import zlib

import pytest
from PIL import Image

from detector import images
from detector.provenance import file_facts

LARGEST = images.MAX_FILE_BYTES - 4096
AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
XMP = (
    '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:iptc="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    f'iptc:DigitalSourceType="{AI}"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
DECLARED = ("declared AI", "made by a generative AI model")


def picture(picture_format, **options):
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((32, 24)).convert("RGB").save(buffer, picture_format, **options)
    return buffer.getvalue()


def segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def jpeg_with(packed):
    content = picture("JPEG")
    return content[:2] + packed + content[2:]


def png_with(packed):
    content = picture("PNG")
    return content[:33] + packed + content[33:]


def gif_with(packed):
    content = picture("GIF")
    at = 13 + (3 << (content[10] & 7) + 1)
    return content[:at] + packed + content[at:]


def many(piece, size=LARGEST):
    return piece * (size // len(piece))


def said(content):
    return {entry.label: (entry.kind, entry.value) for entry in file_facts(content).findings}


def manifest():
    description = struct.pack(">I4s", 30, b"jumd") + b"c2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\x03c2pa\0"
    return struct.pack(">I4s", 8 + len(description), b"jumb") + description


# -- bounded


STUFFED = {
    "jpeg segments": lambda: jpeg_with(many(b"\xff\xe5\0\2")),
    "jpeg starts": lambda: b"\xff\xd8" + many(b"\xff\xd8"),
    "jpeg comments": lambda: jpeg_with(many(segment(0xFE, b""))),
    "jpeg exif": lambda: jpeg_with(many(segment(0xE1, b"Exif\0\0II*\0" + bytes(65_000)))),
    "jpeg nested xmp": lambda: jpeg_with(
        many(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<a>" * 20_000))
    ),
    "png chunks": lambda: png_with(many(chunk(b"abCd", b""))),
    "png bombs": lambda: png_with(many(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**6))))),
    "png text": lambda: png_with(chunk(b"tEXt", b"a\0" + bytes(LARGEST))),
    "webp chunks": lambda: picture("WEBP") + many(b"abcd\0\0\0\0"),
    "gif comments": lambda: gif_with(many(b"!\xfe\1a\0")),
    "gif pieces": lambda: gif_with(b"!\xfe" + many(b"\1a") + b"\0"),
    "gif xmp": lambda: gif_with(b"!\xff\x0bXMP DataXMP" + many(b"\xff" + b"<a>" * 85) + b"\0"),
    "tiff directory": lambda: (
        struct.pack("<4sIH", b"II*\0", 8, 65_535)
        + b"".join(struct.pack("<HHII", tag, 1, 10**6, 8) for tag in range(65_535))
        + bytes(LARGEST - 12 * 65_535)
    ),
    "boxes": lambda: b"\0\0\0\x10ftypavif\0\0\0\0" + many(b"\0\0\0\x08free"),
}


@pytest.mark.parametrize("kind", STUFFED)
def test_sixty_four_megabytes_of_tiny_pieces_take_two_seconds_and_little_memory(kind):
    content = STUFFED[kind]()
    assert len(content) <= images.MAX_FILE_BYTES
    tracemalloc.start()
    try:
        file_facts(content)
        assert tracemalloc.get_traced_memory()[1] < 130 * 2**20  # the file itself makes it 200 MB
    finally:
        tracemalloc.stop()
    start = time.process_time()
    facts = file_facts(content)
    assert time.process_time() - start < 2
    assert facts.notes


# -- read wherever it stands


def extended(guid, length, offset, piece):
    head = b"http://ns.adobe.com/xmp/extension/\0" + guid + struct.pack(">II", length, offset)
    return segment(0xE1, head + piece)


def test_extended_xmp_is_joined_by_its_offsets_whatever_their_order():
    packet = XMP.encode().replace(b"<x:xmpmeta", b" " * 70_000 + b"<x:xmpmeta")
    pieces = [packet[:60_000], packet[60_000:]]
    guid, other = b"A" * 32, b"B" * 32
    packed = extended(guid, len(packet), 60_000, pieces[1]) + extended(other, 4, 0, b"<a/>")
    content = jpeg_with(packed + extended(guid, len(packet), 0, pieces[0]))
    assert said(content)["Digital source type"] == DECLARED
    assert file_facts(content).notes == ()


def test_extended_xmp_with_a_gap_is_noted():
    content = jpeg_with(extended(b"A" * 32, 10_000, 5_000, b"x" * 5_000))
    assert any("extended XMP" in note for note in file_facts(content).notes)


@pytest.mark.parametrize("stray", [b"\0", b"\xff\xff\xff", b"stray bytes", b"\xff\0\xff\0", b"\xff\xd0"])
def test_what_comes_behind_stray_bytes_between_jpeg_segments_is_found(stray):
    credentials = segment(0xEB, b"JP\0\1\0\0\0\1" + manifest())
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP.encode())
    found = said(jpeg_with(segment(0xE5, b"x") + stray + credentials + stray + xmp))
    assert found["Digital source type"] == DECLARED
    assert found["Content Credentials"][0] == "content credentials"


def test_a_gif_comment_is_read_from_its_block_and_not_found_in_pixels():
    content = picture("GIF", comment=b"made by hand")
    assert said(content)["Comment"] == ("text", "made by hand")
    image = Image.frombytes("P", (16, 16), b"!\xfe\x08deceived\0" * 21 + bytes(256 - 21 * 12))
    buffer = io.BytesIO()
    image.save(buffer, "GIF")
    pixels = buffer.getvalue()
    at = pixels.index(b",", 13)  # a frame of raw pieces that spell a comment
    deceiving = pixels[:at] + b",\0\0\0\0\x10\0\x10\0\0\x08" + b"\x0d!\xfe\x08deceived\0x" + b"\0;"
    assert b"!\xfe\x08deceived" in deceiving and said(deceiving) == {}


def test_xmp_in_a_gif_is_read():
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    content = gif_with(b"!\xff\x0bXMP DataXMP" + XMP.encode() + trailer)
    assert said(content)["Digital source type"] == DECLARED
    assert file_facts(content).notes == ()


@pytest.mark.parametrize("format", ["HEIF", "AVIF"])
def test_exif_and_xmp_of_heic_and_avif_are_read(format):
    if format not in images.FORMATS:
        pytest.skip("not readable here")
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    found = said(picture(format, exif=exif, xmp=XMP.encode()))
    assert found["Camera"] == ("camera", "Canon") and found["Digital source type"] == DECLARED


def test_boxes_of_a_jpeg_xl_are_read_without_decoding_it(monkeypatch):
    def box(kind, body):
        return struct.pack(">I4s", 8 + len(body), kind) + body

    exif = Image.Exif()
    exif[0x010F] = "Canon"
    start = b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    codestream = box(b"jxlc", b"\xff\x0a" + bytes(64))
    boxes = box(b"Exif", bytes(4) + exif.tobytes().removeprefix(b"Exif\0\0")) + box(b"xml ", XMP.encode())
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    found = said(start + codestream + boxes + manifest())
    assert found["Camera"] == ("camera", "Canon") and found["Digital source type"] == DECLARED
    assert "Content Credentials" in found
    assert file_facts(start + codestream + box(b"brob", b"Exif")).notes


# -- read in any order of bytes


@pytest.mark.parametrize("mark", [True, False], ids=["mark", "no mark"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_xmp_is_read_in_every_encoding(encoding, mark):
    packet = (("\ufeff" if mark else "") + XMP).encode(encoding)
    content = jpeg_with(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet))
    assert said(content)["Digital source type"] == DECLARED
    assert file_facts(content).notes == ()


@pytest.mark.parametrize(
    "text", ["Steps: 20, Sampler: Euler, Seed: 1", "一只猫坐在垫子上，背景是山和水", "Кошка на ковре"]
)
@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("block", ["<", ">"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_an_exif_comment_in_utf_16_is_read_in_either_order_in_either_block(text, order, block, mark):
    comment = b"UNICODE\0" + (mark + text).encode(order)
    head = b"II*\0" if block == "<" else b"MM\0*"
    sub = struct.pack(block + "IH HHII", 8, 1, 0x8769, 4, 1, 26) + bytes(4)
    entry = struct.pack(block + "H HHII", 1, 0x9286, 7, len(comment), 44) + bytes(4)
    found = said(jpeg_with(segment(0xE1, b"Exif\0\0" + head + sub + entry + comment)))
    assert any(value == text for _, value in found.values())


def test_a_text_in_a_png_is_read_as_latin_1_as_utf_8_and_packed():
    cases = {
        b"tEXt": "Zoë".encode("latin-1"),
        b"zTXt": b"\0" + zlib.compress("Zoë".encode("latin-1")),
        b"iTXt": b"\1\0\0\0" + zlib.compress("Zoë".encode()),
    }
    for kind, text in cases.items():
        assert said(png_with(chunk(kind, b"Author\0" + text)))["Author"] == ("text", "Zoë")


@pytest.mark.parametrize(
    "packed",
    [
        chunk(b"zTXt", b"a\0\0not zlib"),
        chunk(b"tEXt", b"no end of the keyword"),
        chunk(b"iTXt", b"a\0\1\0no end"),
    ],
)
def test_a_text_in_a_png_that_cannot_be_read_is_noted(packed):
    assert any("not read" in note for note in file_facts(png_with(packed)).notes)


def test_a_long_list_does_not_hide_what_comes_behind_it():
    items = "<rdf:li>xmp.did:1</rdf:li>" * 5_000
    ancestors = (
        f'<p:Ancestors xmlns:p="http://ns.adobe.com/photoshop/1.0/"><rdf:Bag>{items}</rdf:Bag></p:Ancestors>'
    )
    late = f'<rdf:Description xmlns:i="http://iptc.org/i/"><i:DigitalSourceType>{AI}</i:DigitalSourceType>'
    packet = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description>'
        f"{ancestors}</rdf:Description>{late}</rdf:Description></rdf:RDF>"
    )
    content = png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet.encode()))
    assert said(content)["Digital source type"] == DECLARED


def test_xmp_that_breaks_off_is_noted():
    packet = XMP[: XMP.index("</rdf:RDF>")].replace("/>", "><a>")
    content = png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet.encode()))
    assert said(content)["Digital source type"] == DECLARED
    assert any("part was left out" in note for note in file_facts(content).notes)
