"""Where the metadata lies in the files of each format: bytes -> blocks. Nothing is decoded but what is compressed, and that within limits."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MAX_BLOCKS = 500
"""Blocks looked at in one file; real ones have a dozen."""
MAX_STEPS = 200_000
"""Segments, chunks or boxes walked past: a file of a million empty chunks is not walked to its end."""
MAX_BYTES = 2**20
"""Bytes kept of a text or profile after decompression; Content Credentials, which carry thumbnails, are kept whole."""
MAX_TOTAL = 4 * MAX_BYTES
"""Bytes of all blocks together, but for Content Credentials, after which no more are looked for."""

C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
XMP_KEYWORD = b"XML:com.adobe.xmp"


@dataclass(frozen=True)
class Block:
    """kind: "exif", "xmp", "iptc", "icc", "text" or "credentials". name: a text's keyword. where: for the user. cut: more was there."""

    kind: str
    content: bytes
    where: str
    name: str = ""
    cut: bool = False


def blocks(content: bytes) -> list[Block]:
    """The metadata blocks of a JPEG, PNG, WebP, GIF, TIFF, AVIF or HEIC file, at most ``MAX_BLOCKS``; none for anything else.

    EXIF and XMP inside AVIF and HEIC are items of the picture, which only a decoder of these formats finds: they are not here.
    A file that is cut off or broken yields what comes before the break.
    """
    if content.startswith(b"\xff\xd8"):
        walk = _jpeg
    elif content.startswith(b"\x89PNG\r\n\x1a\n"):
        walk = _png
    elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        walk = _webp
    elif content.startswith(b"GIF8"):
        walk = _gif
    elif content.startswith((b"II*\0", b"MM\0*")):
        return [Block("exif", content, "TIFF tags")]
    elif content[4:8] == b"ftyp":
        walk = _boxes
    else:
        return []
    found: list[Block] = []
    total = 0
    try:
        for block in walk(content):
            found.append(block)
            total += len(block.content) if block.kind != "credentials" else 0
            if len(found) == MAX_BLOCKS or total > MAX_TOTAL:
                break
    except (struct.error, IndexError, ValueError, zlib.error):
        pass  # cut off: what was found so far stands
    return found


def inflated(packed: bytes) -> tuple[bytes, bool]:
    """(what zlib makes of it, ``MAX_BYTES`` at most, whether there was more): a bomb goes off to that size and no further."""
    unpack = zlib.decompressobj()
    content = unpack.decompress(packed, MAX_BYTES)
    return content, bool(unpack.unconsumed_tail)


def _jpeg(data: bytes) -> Iterator[Block]:
    """The segments before the picture itself. A profile, or Content Credentials, may go on over several segments."""
    profile, manifests, at = [], {}, 2
    for _ in range(MAX_STEPS):
        if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] == 0xDA:
            break
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        body = data[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == 0xE1 and body.startswith(b"Exif\0"):
            yield Block("exif", body[6:], "JPEG APP1, EXIF")
        elif marker == 0xE1 and body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            yield Block("xmp", body[29:], "JPEG APP1, XMP")
        elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
            profile.append(body[14:])
        elif marker == 0xED and body.startswith(b"Photoshop 3.0\0"):
            yield Block("iptc", body[14:], "JPEG APP13, IPTC")
        elif marker == 0xEB and body.startswith(b"JP") and len(body) >= 16:
            parts = manifests.setdefault(body[2:4], [])
            parts.append(body[16:] if parts else body[8:])  # JPEG XT (ISO 18477-3): further segments repeat the box's header
        elif marker == 0xFE:
            yield Block("text", body, "JPEG comment", "Comment")
    if profile:
        yield Block("icc", b"".join(profile), "JPEG APP2, ICC profile")
    for parts in manifests.values():
        manifest = b"".join(parts)
        if _is_c2pa(manifest):
            yield Block("credentials", manifest, "JPEG APP11, JUMBF")


def _png(data: bytes) -> Iterator[Block]:
    at = 8
    for _ in range(MAX_STEPS):
        if at + 8 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length] if kind in _PNG_CHUNKS else b""
        at += 12 + length
        if kind in _PNG_CHUNKS:
            try:
                yield from _png_chunk(kind, body)
            except (ValueError, IndexError, zlib.error):
                continue  # this one is broken, the next one need not be


_PNG_CHUNKS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP", b"caBX"})


def _png_chunk(kind: bytes, body: bytes) -> Iterator[Block]:
    where = f"PNG {kind.decode()}"
    if kind == b"eXIf":
        yield Block("exif", body.removeprefix(b"Exif\0\0"), f"{where}, EXIF")
    elif kind == b"caBX":
        if _is_c2pa(body):
            yield Block("credentials", body, f"{where}, JUMBF")
    else:
        keyword, rest = body.split(b"\0", 1)
        cut = False
        if kind == b"iTXt":
            packed = rest[0] == 1
            rest = rest[2:].split(b"\0", 2)[2]  # after the language and the translated keyword
            rest, cut = inflated(rest) if packed else (rest, False)
        elif kind != b"tEXt":
            rest, cut = inflated(rest[1:])
        if kind == b"iCCP":
            yield Block("icc", rest, where, cut=cut)
        elif keyword == XMP_KEYWORD:
            yield Block("xmp", rest[:MAX_BYTES], f"{where}, XMP", cut=cut)
        else:
            yield Block("text", rest[:MAX_BYTES], where, keyword.decode("latin-1"), cut or len(rest) > MAX_BYTES)


def _webp(data: bytes) -> Iterator[Block]:
    kinds = {b"EXIF": "exif", b"XMP ": "xmp", b"ICCP": "icc", b"C2PA": "credentials"}
    at = 12
    for _ in range(MAX_STEPS):
        if at + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind in kinds:
            body = data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0" if kind == b"EXIF" else b"")
            if kind != b"C2PA" or _is_c2pa(body):
                yield Block(kinds[kind], body, f"WebP chunk {kind.decode().strip()}")
        at += 8 + length + length % 2


def _gif(data: bytes) -> Iterator[Block]:
    start = data.find(b"!\xff\x0bXMP DataXMP")
    if start >= 0:  # the one extension that is not cut into blocks of 255 bytes
        end = data.find(b"<?xpacket end", start)
        yield Block("xmp", data[start + 14 : end if end >= 0 else start + MAX_BYTES], "GIF application extension, XMP")
    start = data.find(b"!\xff\x0bC2PA_GIF")
    if start >= 0:
        yield Block("credentials", b"".join(_gif_blocks(data, start + 14)), "GIF application extension, JUMBF")
    start = data.find(b"!\xfe")
    if start >= 0:
        yield Block("text", b"".join(_gif_blocks(data, start + 2))[:MAX_BYTES], "GIF comment", "Comment")


def _gif_blocks(data: bytes, at: int) -> Iterator[bytes]:
    for _ in range(MAX_STEPS):
        size = data[at] if at < len(data) else 0
        if not size:
            return
        yield data[at + 1 : at + 1 + size]
        at += 1 + size


def _boxes(data: bytes) -> Iterator[Block]:
    """The outermost boxes of an ISO base media file."""
    at = 0
    for _ in range(MAX_STEPS):
        if at + 8 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1:
            length, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        if kind == b"uuid" and data[at + head : at + head + 16] == C2PA_UUID:
            yield Block("credentials", data[at + head + 16 : at + length], "ISO media box uuid, C2PA")
        if length < head:  # 0: up to the end of the file; 1 to 7: nonsense
            break
        at += length


def _is_c2pa(manifest: bytes) -> bool:
    """Is this JUMBF superbox a C2PA manifest store? Its description names the type "c2pa"."""
    return manifest[4:8] == b"jumb" and manifest[12:16] == b"jumd" and manifest[16:20] == b"c2pa"
