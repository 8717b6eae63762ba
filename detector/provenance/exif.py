"""EXIF: a TIFF directory with a camera's words in it.

Read here and not by Pillow, because Pillow reads every entry of a directory, and these come from strangers:
this looks at the few tags it knows, and at no more bytes of each than it can show.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from detector.provenance.encodings import decoded, utf16

MAX_ENTRIES = 2000
MAX_TAG_BYTES = 2**18
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 129: 1}
"""Bytes of one value of each TIFF type."""

TAGS = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x0132: "DateTime",
    0x013B: "Artist",
    0x8298: "Copyright",
    0x9003: "DateTimeOriginal",
    0x9286: "UserComment",
    0x9C9B: "XPTitle",
    0x9C9C: "XPComment",
    0x9C9E: "XPKeywords",
    0xA433: "LensMake",
    0xA434: "LensModel",
}
EMBEDDED = {0x02BC: "xmp", 0x83BB: "iptc", 0x8773: "icc", 0xCD41: "credentials"}
"""Tags in which TIFF files keep what other formats keep beside EXIF."""
_EMBEDDED_BYTES = {"xmp": 2**22, "iptc": 2**20, "icc": 2**22, "credentials": 2**25}
"""Bytes looked at of these."""
_SUBDIRECTORY, _GPS, _MAKER_NOTE = 0x8769, 0x8825, 0x927C


@dataclass(frozen=True)
class Exif:
    """texts: name -> what it says, without empty ones. maker_note: the camera maker's private block is there.

    has_location: there is a GPS position; coordinates: it as (degrees north, degrees east), None if it makes
    no sense. embedded: ``EMBEDDED`` name -> bytes.
    """

    texts: dict[str, str] = field(default_factory=dict)
    maker_note: bool = False
    has_location: bool = False
    coordinates: tuple[float, float] | None = None
    embedded: dict[str, bytes] = field(default_factory=dict)


def read_exif(block: bytes) -> Exif:
    """The contents of an EXIF block, or of a TIFF file. Raises ValueError if it is none; entries that are
    broken are left out."""
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8:
        raise ValueError("no EXIF block")
    main = _directory(block, struct.unpack_from(order + "I", block, 4)[0], order)
    sub = _follow(block, main, _SUBDIRECTORY, order)
    gps = _follow(block, main, _GPS, order)
    texts = {}
    for tag, name in TAGS.items():
        raw = sub.get(tag) or main.get(tag)
        text = _text(name, raw, order) if raw else ""
        if text:
            texts[name] = text
    embedded = {name: main[tag] for tag, name in EMBEDDED.items() if main.get(tag)}
    return Exif(texts, _MAKER_NOTE in sub, 2 in gps or 4 in gps, _coordinates(gps, order), embedded)


def _directory(block: bytes, start: int, order: str) -> dict[int, bytes]:
    """Tag -> raw value of the tags known here."""
    wanted = {
        *TAGS,
        *EMBEDDED,
        _SUBDIRECTORY,
        _GPS,
        _MAKER_NOTE,
        1,
        2,
        3,
        4,
    }  # 1 to 4: latitude and longitude, in the GPS directory
    if not 8 <= start <= len(block) - 2:
        return {}
    found = {}
    for entry in range(min(struct.unpack_from(order + "H", block, start)[0], MAX_ENTRIES)):
        at = start + 2 + 12 * entry
        if at + 12 > len(block):
            break
        tag, kind, count = struct.unpack_from(order + "HHI", block, at)
        if tag not in wanted:
            continue
        size = count * _SIZES.get(kind, 0)
        where = at + 8 if size <= 4 else struct.unpack_from(order + "I", block, at + 8)[0]
        if tag not in found:
            limit = _EMBEDDED_BYTES.get(EMBEDDED.get(tag, ""), MAX_TAG_BYTES)
            found[tag] = block[where : where + min(size, limit)]
    return found


def _follow(block: bytes, directory: dict[int, bytes], tag: int, order: str) -> dict[int, bytes]:
    pointer = directory.get(tag, b"")
    return _directory(block, struct.unpack(order + "I", pointer)[0], order) if len(pointer) == 4 else {}


def _text(name: str, raw: bytes, order: str) -> str:
    if name == "UserComment":
        charset, raw = raw[:8].upper(), raw[8:]
        if charset.startswith(b"UNICODE"):
            return utf16(raw, order)
        if charset.startswith(b"JIS"):
            return raw.decode("iso2022_jp", "replace").strip("\0 ")
    elif name.startswith("XP"):  # Windows: always little-endian
        return raw.decode("utf-16-le", "replace").strip("\ufeff\0 ")
    return decoded(raw, order)


def _coordinates(gps: dict[int, bytes], order: str) -> tuple[float, float] | None:
    """(degrees north, degrees east)."""
    position = []
    for sign, degrees, negative, limit in ((1, 2, b"S", 90), (3, 4, b"W", 180)):
        raw = gps.get(degrees, b"")
        if len(raw) < 24:
            return None
        parts = struct.unpack(order + "6I", raw[:24])
        if 0 in parts[1::2]:
            return None
        value = sum(parts[2 * i] / parts[2 * i + 1] / 60**i for i in range(3))
        if value > limit:
            return None
        position.append(-value if gps.get(sign, b"").startswith(negative) else value)
    return position[0], position[1]
