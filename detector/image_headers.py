"""What an untrusted file says of itself before a decoder sees it: how a picture's data are laid out.

Decoders walk through a file's segments, chunks, blocks or tags piece by piece, and make objects of them.
Files come from strangers: here the same walk is done with a limit, so that no decoder is given a file that
is all pieces and no picture.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["JpegScans", "JxlHeader", "is_camera_raw", "jpeg_scans", "jxl_header", "refuse_stuffed", "sniff"]

MAX_PIECES = 10_000
"""Segments, chunks, blocks or boxes before the picture; real files have a few dozen."""

MAX_PACKED = 500
"""Compressed chunks of a PNG; a decoder unpacks each."""

MAX_JOINED = 2**20
"""Bytes of one metadatum in many pieces: decoders join these one by one, in time that grows with the
square."""

_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8}
"""Bytes of one value of each TIFF type."""

_TIFF_BLOBS = (1, 2, 7)  # bytes, text and blobs stay as they are; of other values decoders make objects


class StuffedFileError(ValueError):
    """A file has more pieces than any real one."""


def sniff(data: bytes) -> str:
    """The format by a file's first bytes: Pillow's name, or "" if it is none of those that are read."""
    if data.startswith(b"\xff\xd8"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"GIF8"):
        return "GIF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith((b"II*\0", b"MM\0*")):
        return "TIFF"
    if data.startswith(b"BM"):
        return "BMP"
    if data.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")):
        return "JXL"
    if data[4:8] == b"ftyp":
        return _sniff_boxes(data)
    return ""


def _sniff_boxes(data: bytes) -> str:
    brands = data[8:64]
    if b"avif" in brands or b"avis" in brands:
        return "AVIF"
    if any(brand in brands for brand in (b"hei", b"hevc", b"hevx", b"mif1", b"msf1")):
        return "HEIF"
    return ""


def refuse_stuffed(data: bytes) -> None:
    """Raise StuffedFileError for a file of more pieces than any real one has before its picture."""
    walks = {
        "JPEG": _refuse_stuffed_jpeg,
        "PNG": _refuse_stuffed_png,
        "GIF": _refuse_stuffed_gif,
        "WEBP": _refuse_stuffed_webp,
        "TIFF": _refuse_stuffed_tiff,
        "AVIF": _refuse_stuffed_boxes,
        "HEIF": _refuse_stuffed_boxes,
        "JXL": _refuse_stuffed_boxes,
    }
    if walk := walks.get(sniff(data)):
        walk(data)


def _refuse_more_than(limit: int, number: int) -> None:
    if number > limit:
        raise StuffedFileError(f"more than {limit} pieces")


# -- JPEG

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
"""A marker that begins a segment or ends the picture: no stuffed byte, no restart, no fill byte."""

_MARKER_OF_HEADER = re.compile(rb"\xff[^\x00\x01\xd0-\xd9\xff]")
"""The same before the picture, where a start or an end has no meaning."""

_END, _SCAN = 0xD9, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_BETWEEN_SCANS = frozenset([0xC4, 0xCC, _SCAN, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE])
"""Tables, application data and comments: what libjpeg accepts once the picture has begun."""


@dataclass(frozen=True)
class JpegScans:
    """How the picture of a JPEG is stored.

    first: where its first scan begins. first_channels: colour channels in that one. count: scans. end: where
    the data of the last one stop. ended: the end marker follows. every_detail: all coefficients of all
    channels were sent to their last bit. arithmetic: coded so, and not by Huffman.
    """

    first: int
    first_channels: int
    count: int
    end: int
    ended: bool
    every_detail: bool
    arithmetic: bool


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, where it stands, where its body ends) up to the end marker or whatever no picture contains.

    What lies between segments, scans and stray bytes alike, is stepped over. The last one may be cut off: its
    body ends behind the file then.
    """
    at, in_picture = 2, False
    while found := (_MARKER if in_picture else _MARKER_OF_HEADER).search(data, at):
        start, marker = found.start(), data[found.start() + 1]
        length = 0
        if marker != _END:
            length = int.from_bytes(data[start + 2 : start + 4], "big") if start + 4 <= len(data) else 2**16
        yield marker, start, start + 2 + length
        if marker == _END or in_picture and marker not in _BETWEEN_SCANS:
            return
        in_picture = in_picture or marker == _SCAN
        at = start + 2 + length


def jpeg_scans(data: bytes) -> JpegScans | None:
    """The scans of a JPEG; None if it has not even one. Raises StuffedFileError."""
    first = first_channels = count = end = 0
    ended = arithmetic = progressive = False
    missing: dict[int, list[int]] = {}  # channel -> for each coefficient the lowest bit that was sent
    for number, (marker, start, stop) in enumerate(jpeg_segments(data)):
        _refuse_more_than(MAX_PIECES, number)
        if count and not end:
            end = start
        if marker == _END:
            ended = True
            break
        whole = stop <= len(data)
        body = data[start + 4 : stop]
        if marker in _FRAMES and not count and whole and len(body) >= 6:
            arithmetic, progressive = marker > 0xC8, marker in _PROGRESSIVE
            missing = {channel: [99] * 64 for channel in body[6 : 6 + 3 * body[5] : 3]}
        if marker != _SCAN or not whole or not body:
            continue
        count, end = count + 1, 0
        if count == 1:
            first, first_channels = start, body[0]
        _send(missing, body, progressive)
    if not count:
        return None
    every_detail = not any(any(lowest) for lowest in missing.values())
    return JpegScans(first, first_channels, count, end or len(data), ended, every_detail, arithmetic)


def _send(missing: dict[int, list[int]], scan: bytes, progressive: bool) -> None:
    """Note what a scan's header promises: which bits of which coefficients of which channels."""
    channels = scan[1 : 1 + 2 * scan[0] : 2]
    lowest, start, stop = 0, 0, 63
    if progressive and len(scan) >= 4:
        start, stop, lowest = scan[-3], min(scan[-2], 63), scan[-1] & 15
    for channel in channels:
        if channel in missing:
            for coefficient in range(start, stop + 1):
                missing[channel][coefficient] = lowest


def _refuse_stuffed_jpeg(data: bytes) -> None:
    exif = 0
    for number, (marker, start, stop) in enumerate(jpeg_segments(data)):
        _refuse_more_than(MAX_PIECES, number)
        if marker == _SCAN:
            return
        if marker == 0xE1 and data[start + 4 : start + 9] == b"Exif\0":
            exif += stop - start
            _refuse_more_than(MAX_JOINED, exif)


# -- PNG


def _refuse_stuffed_png(data: bytes) -> None:
    at, packed = 8, 0
    for _ in range(MAX_PIECES):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind in (b"IDAT", b"IEND"):
            return
        packed += kind in (b"iCCP", b"zTXt", b"iTXt")
        _refuse_more_than(MAX_PACKED, packed)
        at += 12 + length
    raise StuffedFileError("chunks")


# -- GIF


def _refuse_stuffed_gif(data: bytes) -> None:
    """Refuse comments and XMP beyond ``MAX_JOINED`` before the first frame."""
    at = 13 + (3 << (data[10] & 7) + 1 if len(data) > 10 and data[10] & 0x80 else 0)
    joined = 0
    for _ in range(MAX_PIECES):
        if data[at : at + 1] != b"!":
            return
        joins = data[at + 1 : at + 2] == b"\xfe" or data[at + 3 : at + 14] == b"XMP DataXMP"
        start = at = at + 2
        while at < len(data) and data[at]:
            at += 1 + data[at]
            _refuse_more_than(MAX_JOINED, at - start if joins else 0)
        joined += at - start if joins else 0
        _refuse_more_than(MAX_JOINED, joined)
        at += 1
    raise StuffedFileError("extensions")


# -- WebP and ISO media


def _refuse_stuffed_webp(data: bytes) -> None:
    at = 12
    for _ in range(MAX_PIECES):
        if at + 8 > len(data):
            return
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    raise StuffedFileError("chunks")


def iso_boxes(data: bytes, at: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """(kind, where the content begins, where it ends) of the outermost boxes of an ISO base media file."""
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1:
            if at + 16 > len(data):
                return
            length, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        if length == 0:  # up to the end of the file
            length = len(data) - at
        if length < head:
            return
        yield kind, at + head, at + length
        at += length


def _refuse_stuffed_boxes(data: bytes) -> None:
    for number, _ in enumerate(iso_boxes(data)):
        _refuse_more_than(MAX_PIECES, number)


# -- TIFF


def tiff_tags(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """(tag, type, number of values, the four bytes that hold or point to them) of the first directory."""
    order = "<" if data.startswith(b"II") else ">"
    if len(data) < 8:
        return
    start = struct.unpack_from(order + "I", data, 4)[0]
    if start + 2 > len(data):
        return
    count = struct.unpack_from(order + "H", data, start)[0]
    for at in range(start + 2, start + 2 + 12 * count, 12):
        if at + 12 > len(data):
            return
        yield struct.unpack_from(order + "HHI4s", data, at)


def _refuse_stuffed_tiff(data: bytes) -> None:
    """Refuse a directory that lists millions of values, or the same bytes over and over."""
    total = 0
    for _, kind, count, _ in tiff_tags(data):
        if kind not in _TIFF_BLOBS:
            _refuse_more_than(MAX_JOINED, count)
        total += count * _TIFF_SIZES.get(kind, 0)
        _refuse_more_than(len(data), total)


def is_camera_raw(data: bytes) -> bool:
    """Is this the raw data of a camera's sensor, of which a decoder of TIFF would show the thumbnail?"""
    if data.startswith((b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb")):
        return True
    if data[4:12] == b"ftypcrx " or data.startswith(b"II*\0") and data[8:10] == b"CR":
        return True
    if sniff(data) != "TIFF":
        return False
    little = data.startswith(b"II")
    dng_version, pixels_of_a_sensor = 0xC612, (32803, 34892)
    values = {}
    for tag, kind, _, value in tiff_tags(data):
        values[tag] = int.from_bytes(value[: _TIFF_SIZES.get(kind, 4)], "little" if little else "big")
    a_thumbnail_of_others = values.get(254, 0) & 1 and 330 in values
    return dng_version in values or values.get(262) in pixels_of_a_sensor or bool(a_thumbnail_of_others)


# -- JPEG XL


@dataclass(frozen=True)
class JxlHeader:
    """width, height: in pixels, as stored. extra_channels: besides colour, with transparency."""

    width: int
    height: int
    extra_channels: int
    animated: bool


class _Bits:
    """Bits of a JPEG XL codestream, the lowest of each byte first."""

    def __init__(self, data: bytes):
        self._bits, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("the header is cut off")
        value = self._bits & (1 << count) - 1
        self._bits >>= count
        self._left -= count
        return value

    def choose(self, *ways: tuple[int, int]) -> int:
        """A number in one of four ways, each of an offset and a count of bits to add."""
        offset, bits = ways[self.take(2)]
        return offset + self.take(bits)


_JXL_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def jxl_header(data: bytes) -> JxlHeader:
    """Size and channels by a JPEG XL codestream's header (ISO 18181-1). ValueError if it is cut off."""
    bits = _Bits(_jxl_codestream(data)[2:66])
    width, height = _jxl_size(bits)
    if bits.take(1):  # everything else is as usual
        return JxlHeader(width, height, 0, False)
    animated = False
    if bits.take(1):
        bits.take(3)  # orientation
        if bits.take(1):
            _jxl_size(bits)
        if bits.take(1):
            _jxl_preview_size(bits)
        animated = bool(bits.take(1))
        if animated:
            bits.choose((100, 0), (1000, 0), (1, 10), (1, 30))
            bits.choose((1, 0), (1001, 0), (1, 8), (1, 10))
            bits.choose((0, 0), (0, 3), (0, 16), (0, 32))
            bits.take(1)
    if bits.take(1):  # floating point
        bits.choose((32, 0), (16, 0), (24, 0), (1, 6))
        bits.take(4)
    else:
        bits.choose((8, 0), (10, 0), (12, 0), (1, 6))
    bits.take(1)
    extra_channels = bits.choose((0, 0), (1, 0), (2, 4), (1, 12))
    return JxlHeader(width, height, extra_channels, animated)


def _jxl_codestream(data: bytes) -> bytes:
    """The beginning of the codestream, out of its container if it has one."""
    if data.startswith(b"\xff\x0a"):
        return data[:128]
    for number, (kind, start, _) in enumerate(iso_boxes(data)):
        _refuse_more_than(MAX_PIECES, number)
        if kind == b"jxlc":
            return data[start : start + 128]
        if kind == b"jxlp":  # a part, after its number
            return data[start + 4 : start + 132]
    raise ValueError("no codestream")


def _jxl_size(bits: _Bits) -> tuple[int, int]:
    eighths = bits.take(1)

    def side() -> int:
        if eighths:
            return 8 * (1 + bits.take(5))
        return bits.choose((1, 9), (1, 13), (1, 18), (1, 30))

    height = side()
    ratio = bits.take(3)
    if not ratio:
        return side(), height
    wide, high = _JXL_RATIOS[ratio]
    return height * wide // high, height


def _jxl_preview_size(bits: _Bits) -> None:
    eighths = bits.take(1)
    ways = ((16, 0), (32, 0), (1, 5), (33, 9)) if eighths else ((1, 6), (65, 8), (321, 10), (1345, 12))
    bits.choose(*ways)
    if not bits.take(3):
        bits.choose(*ways)
