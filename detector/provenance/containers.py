"""Where the metadata lies in the files of each format: bytes -> blocks. Nothing is decoded but what is
compressed, and that within limits.

Time and memory are bounded for any file. Where a limit is reached, or something cannot be understood, a block
of the kind "unread" says so: nothing is left out in silence.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from detector.image_headers import iso_boxes, jpeg_segments, sniff

MAX_BLOCKS = 500
"""Blocks looked at in one file; real ones have a dozen."""
MAX_STEPS = 200_000
"""Segments, chunks or boxes walked past: a file of a million empty chunks is not walked to its end."""
MAX_GIF_STEPS = 600_000
"""Of the pieces of at most 255 bytes that a GIF is made of: 64 MB have 250,000."""
MAX_BYTES = 2**20
"""Bytes kept of a text or profile after decompression; Content Credentials, which carry thumbnails, are
kept whole."""
MAX_EXTENDED_XMP = 8 * MAX_BYTES
"""Bytes of XMP that goes on over many segments, as phones store whole pictures in it."""
MAX_TOTAL = 12 * MAX_BYTES
"""Bytes of all blocks together, but for Content Credentials, after which no more are looked for."""

C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
XMP_KEYWORD = b"XML:com.adobe.xmp"
XMP_SEGMENT = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_XMP_SEGMENT = b"http://ns.adobe.com/xmp/extension/\0"
TOO_MUCH = "more than is looked at"


@dataclass(frozen=True)
class Block:
    """kind: "exif", "xmp", "iptc", "icc", "text" or "credentials"; "unread" where something was found and not
    understood. name: a text's keyword. where: for the user. cut: more was there."""

    kind: str
    content: bytes
    where: str
    name: str = ""
    cut: bool = False


def blocks(content: bytes) -> list[Block]:
    """The metadata blocks of a picture's file, at most ``MAX_BLOCKS``; none for anything else.

    EXIF and XMP inside AVIF and HEIC are items of the picture, which only a decoder of these formats finds:
    they are not here. A file that is cut off or broken yields what comes before the break.
    """
    walks = {
        "JPEG": _jpeg,
        "PNG": _png,
        "WEBP": _webp,
        "GIF": _gif,
        "TIFF": _tiff,
        "AVIF": _boxes,
        "HEIF": _boxes,
        "JXL": _jxl,
    }
    walk = walks.get(sniff(content))
    if walk is None and content[4:8] == b"ftyp":
        walk = _boxes
    found: list[Block] = []
    total = 0
    try:
        for block in walk(content) if walk else ():
            found.append(block)
            total += len(block.content) if block.kind != "credentials" else 0
            if len(found) == MAX_BLOCKS or total > MAX_TOTAL:
                found.append(_unread(TOO_MUCH))
                break
    except (struct.error, IndexError, ValueError, zlib.error):
        found.append(_unread("what follows is cut off or broken"))
    return found


def _unread(what: str) -> Block:
    return Block("unread", b"", what)


def inflated(packed: bytes) -> tuple[bytes, bool]:
    """(what zlib makes of it, ``MAX_BYTES`` at most, whether there was more): a bomb goes off to that size
    and no further."""
    unpack = zlib.decompressobj()
    content = unpack.decompress(packed, MAX_BYTES)
    return content, not unpack.eof


def _tiff(data: bytes) -> Iterator[Block]:
    yield Block("exif", data, "TIFF tags")


# -- JPEG


def _jpeg(data: bytes) -> Iterator[Block]:
    """The segments of a JPEG. A profile, XMP or Content Credentials may go on over several; what lies between
    two is stepped over."""
    parts = _JpegParts()
    for step, (marker, start, stop) in enumerate(jpeg_segments(data)):
        if step == MAX_STEPS:
            yield _unread(TOO_MUCH)
            break
        if stop > len(data):
            yield _unread("JPEG, cut off inside a segment")
            break
        body = data[start + 4 : min(stop, start + 100)]
        if marker == 0xE1 and body.startswith(b"Exif\0"):
            yield Block("exif", data[start + 10 : stop], "JPEG APP1, EXIF")
        elif marker == 0xE1 and body.startswith(XMP_SEGMENT):
            yield Block("xmp", data[start + 4 + len(XMP_SEGMENT) : stop], "JPEG APP1, XMP")
        elif marker == 0xED and body.startswith(b"Photoshop 3.0\0"):
            yield Block("iptc", data[start + 18 : stop], "JPEG APP13, IPTC")
        elif marker == 0xFE:
            yield Block("text", data[start + 4 : stop], "JPEG comment", "Comment")
        elif marker in (0xE1, 0xE2, 0xEB):
            parts.add(marker, memoryview(data)[start + 4 : stop])
    yield from parts.joined()


class _JpegParts:
    """What goes on over several segments of a JPEG."""

    def __init__(self) -> None:
        self._profile: list[memoryview] = []
        self._profile_bytes = 0
        self._manifests: dict[bytes, list[memoryview]] = {}
        self._extended: dict[bytes, _ExtendedXmp] = {}

    def add(self, marker: int, body: memoryview) -> None:
        head = bytes(body[:80])
        if marker == 0xE2 and head.startswith(b"ICC_PROFILE\0"):
            self._profile_bytes += len(body)
            if self._profile_bytes <= MAX_EXTENDED_XMP:
                self._profile.append(body[14:])
        elif marker == 0xEB and head.startswith(b"JP") and len(head) >= 16:
            number = head[2:4]
            if number in self._manifests:
                self._manifests[number].append(
                    body[16:]
                )  # JPEG XT (ISO 18477-3): they repeat the box's header
            elif head[12:16] == b"jumb":
                self._manifests[number] = [body[8:]]
        elif marker == 0xE1 and head.startswith(EXTENDED_XMP_SEGMENT):
            head_bytes = len(EXTENDED_XMP_SEGMENT)
            guid, length, offset = struct.unpack_from(">32sII", body, head_bytes)
            if guid not in self._extended and len(self._extended) < MAX_BLOCKS:
                self._extended[guid] = _ExtendedXmp(length)
            if guid in self._extended:
                self._extended[guid].add(offset, body[head_bytes + 40 :])

    def joined(self) -> Iterator[Block]:
        if self._profile:
            cut = self._profile_bytes > MAX_EXTENDED_XMP
            yield Block("icc", b"".join(self._profile), "JPEG APP2, ICC profile", cut=cut)
        for extended in self._extended.values():
            yield from extended.joined()
        for parts in self._manifests.values():
            if _is_c2pa(bytes(parts[0][:32])):
                yield Block("credentials", b"".join(parts), "JPEG APP11, JUMBF")


class _ExtendedXmp:
    """XMP that did not fit into one segment (XMP specification, part 3, 1.1.3.1): pieces at offsets of a
    packet of ``length`` bytes."""

    def __init__(self, length: int):
        self._length = length
        self._pieces: dict[int, memoryview] = {}

    def add(self, offset: int, piece: memoryview) -> None:
        if offset < MAX_EXTENDED_XMP and len(piece):
            self._pieces.setdefault(offset, piece)

    def joined(self) -> Iterator[Block]:
        """The packet up to its first gap."""
        packet = bytearray()
        for offset in sorted(self._pieces):
            if offset > len(packet):
                break
            packet += self._pieces[offset][len(packet) - offset :]
        where = "JPEG APP1, extended XMP"
        packet = packet[:MAX_EXTENDED_XMP]
        if packet:
            yield Block("xmp", bytes(packet), where, cut=len(packet) < min(self._length, MAX_EXTENDED_XMP))
        if len(packet) < self._length:
            yield _unread(where)


# -- PNG


def _png(data: bytes) -> Iterator[Block]:
    at = 8
    for _ in range(MAX_STEPS):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind in _PNG_CHUNKS:
            most = length if kind == b"caBX" else min(length, 2 * MAX_BYTES)
            try:
                yield from _png_chunk(kind, data[at + 8 : at + 8 + most], most < length)
            except (ValueError, IndexError, zlib.error):
                yield _unread(f"PNG {kind.decode()}")  # this one is broken, the next one need not be
        if at + 12 + length > len(data):
            yield _unread("PNG, cut off inside a chunk")
        at += 12 + length
    yield _unread(TOO_MUCH)


_PNG_CHUNKS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP", b"caBX"})


def _png_chunk(kind: bytes, body: bytes, cut: bool) -> Iterator[Block]:
    where = f"PNG {kind.decode()}"
    if kind == b"eXIf":
        yield Block("exif", body.removeprefix(b"Exif\0\0"), f"{where}, EXIF", cut=cut)
    elif kind == b"caBX":
        if _is_c2pa(body):
            yield Block("credentials", body, f"{where}, JUMBF")
    else:
        keyword, rest = body.split(b"\0", 1)
        text, more = _png_text(kind, rest)
        cut = cut or more or len(text) > MAX_BYTES
        text = text[:MAX_BYTES]
        if kind == b"iCCP":
            yield Block("icc", text, where, cut=cut)
        elif keyword == XMP_KEYWORD:
            yield Block("xmp", text, f"{where}, XMP", cut=cut)
        else:
            yield Block("text", text, where, keyword.decode("latin-1"), cut)


def _png_text(kind: bytes, rest: bytes) -> tuple[bytes, bool]:
    """(the text of a chunk behind its keyword, whether more was there)."""
    if kind == b"tEXt":
        return rest, False
    if kind != b"iTXt":
        return inflated(rest[1:])
    packed = rest[0] == 1
    text = rest[2:].split(b"\0", 2)[2]  # after the language and the translated keyword
    return inflated(text) if packed else (text, False)


# -- WebP


def _webp(data: bytes) -> Iterator[Block]:
    kinds = {b"EXIF": "exif", b"XMP ": "xmp", b"ICCP": "icc", b"C2PA": "credentials"}
    at = 12
    for _ in range(MAX_STEPS):
        if at + 8 > len(data):
            return
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind in kinds:
            most = length if kind == b"C2PA" else min(length, MAX_EXTENDED_XMP)
            body = data[at + 8 : at + 8 + most].removeprefix(b"Exif\0\0" if kind == b"EXIF" else b"")
            if kind != b"C2PA" or _is_c2pa(body):
                yield Block(kinds[kind], body, f"WebP chunk {kind.decode().strip()}", cut=most < length)
        if at + 8 + length > len(data):
            yield _unread("WebP, cut off inside a chunk")
        at += 8 + length + length % 2
    yield _unread(TOO_MUCH)


# -- GIF


def _gif(data: bytes) -> Iterator[Block]:
    """The extensions of a GIF, block by block: what looks like one inside the pixels is none."""
    has_palette, palette_bits = data[10] & 0x80, data[10] & 7
    at = 13 + (3 << palette_bits + 1 if has_palette else 0)
    steps = 0
    while at < len(data) and data[at] != 0x3B:
        separator = data[at]
        if separator == 0x21:
            label, start = data[at + 1], at + 2
        elif separator == 0x2C:
            flags = data[at + 9]
            own_palette = 3 << (flags & 7) + 1 if flags & 0x80 else 0
            label, start = -1, at + 11 + own_palette  # behind the size of the first code
        else:
            yield _unread("GIF, broken between two blocks")
            return
        at, more_steps = _gif_end(data, start, MAX_GIF_STEPS - steps)
        steps += more_steps
        if steps >= MAX_GIF_STEPS:
            yield _unread(TOO_MUCH)
            return
        yield from _gif_extension(data, label, start, at)


def _gif_end(data: bytes, at: int, most: int) -> tuple[int, int]:
    """(where the pieces that begin here have ended, how many there were)."""
    steps = 1
    while at < len(data) and data[at] and steps < most:
        at += 1 + data[at]
        steps += 1
    return at + 1, steps


def _gif_extension(data: bytes, label: int, start: int, stop: int) -> Iterator[Block]:
    where = "GIF application extension"
    if label == 0xFE:
        text, cut = _gif_joined(data, start, MAX_BYTES)
        yield Block("text", text, "GIF comment", "Comment", cut)
    elif label == 0x01:
        text, cut = _gif_joined(data, start + 13, MAX_BYTES)
        yield Block("text", text, "GIF plain text", "Text", cut)
    elif label == 0xFF and data[start + 1 : start + 12] == b"XMP DataXMP":
        # The one extension that is not cut into pieces: bytes of the text are taken for their lengths, and
        # a "magic trailer" of 257 bytes makes sure that this ends well.
        packet = data[start + 12 : min(stop, start + 12 + MAX_EXTENDED_XMP)]
        yield Block("xmp", packet.removesuffix(_GIF_TRAILER), f"{where}, XMP")
    elif label == 0xFF and data[start + 1 : start + 9] == b"C2PA_GIF":
        manifest, _ = _gif_joined(data, start + 12, len(data))
        yield Block("credentials", manifest, f"{where}, JUMBF")


_GIF_TRAILER = b"\1" + bytes(range(255, -1, -1)) + b"\0"


def _gif_joined(data: bytes, at: int, most: int) -> tuple[bytes, bool]:
    """(the content of pieces, up to about ``most`` bytes, whether there are more)."""
    content = bytearray()
    while at < len(data) and data[at] and len(content) < most:
        content += data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
    return bytes(content), at < len(data) and data[at] != 0


# -- ISO media and JPEG XL


def _boxes(data: bytes) -> Iterator[Block]:
    """The outermost boxes of an ISO base media file."""
    for step, (kind, start, stop) in enumerate(iso_boxes(data)):
        if step == MAX_STEPS:
            yield _unread(TOO_MUCH)
            return
        name = data[start : start + 16]
        if kind == b"uuid" and name == C2PA_UUID:
            yield Block("credentials", data[start + 16 : stop], "ISO media box uuid, C2PA")
        elif kind == b"uuid" and name == XMP_UUID:
            end = min(stop, start + 16 + MAX_EXTENDED_XMP)
            yield Block("xmp", data[start + 16 : end], "ISO media box uuid, XMP", cut=end < stop)
        if stop > len(data):
            yield _unread("a box is cut off")


def _jxl(data: bytes) -> Iterator[Block]:
    """The outermost boxes of a JPEG XL container."""
    if data.startswith(b"\xff\x0a"):  # a bare codestream
        return
    for step, (kind, start, stop) in enumerate(iso_boxes(data)):
        if step == MAX_STEPS:
            yield _unread(TOO_MUCH)
            return
        end = min(stop, start + MAX_EXTENDED_XMP)
        if kind == b"Exif":
            tiff = start + 4 + int.from_bytes(data[start : start + 4], "big")
            yield Block("exif", data[tiff:end], "JPEG XL box Exif, EXIF", cut=end < stop)
        elif kind == b"xml ":
            yield Block("xmp", data[start:end], "JPEG XL box xml, XMP", cut=end < stop)
        elif kind == b"jumb" and _is_c2pa(bytes(8) + data[start : start + 24], named=False):
            yield Block("credentials", data[start - 8 : stop], "JPEG XL box jumb, JUMBF")
        elif kind == b"brob":
            yield _unread("JPEG XL box brob, which is packed in a way that is not read here")
        if stop > len(data):
            yield _unread("a box is cut off")


def _is_c2pa(manifest: bytes, named: bool = True) -> bool:
    """Is this JUMBF superbox a C2PA manifest store? Its description names the type "c2pa". named: its own
    name is there, too."""
    is_box = manifest[4:8] == b"jumb" or not named
    return is_box and manifest[12:16] == b"jumd" and manifest[16:20] == b"c2pa"
