"""Bytes of a text -> text, whatever the order of its bytes. No bytes are refused: what cannot be right is
replaced."""

from __future__ import annotations

import re

_MARKS = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\xef\xbb\xbf", "utf-8"),
)
"""Byte order marks; the longer first, which begin like the shorter."""

_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding=[\"']([A-Za-z0-9._-]{1,40})[\"']")
_SAMPLE = 2000
"""Bytes by which the order is judged."""


def decoded(raw: bytes, order: str = "<") -> str:
    """The text of bytes of unknown encoding: by a byte order mark, as UTF-16 if many bytes are zero, as
    UTF-8, or else as Latin-1.

    order: "<" or ">", the order of bytes in the block around it, where the text itself does not show its own.
    """
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return _clean(raw[len(mark) :].decode(encoding, "replace"))
    sample = raw.strip(b"\0")[:_SAMPLE]
    if sample.count(0) > len(sample) // 4:
        return utf16(raw, order)
    stripped = raw.strip(b"\0 ")
    try:
        return stripped.decode("utf-8")
    except UnicodeDecodeError:
        return stripped.decode("latin-1")


def utf16(raw: bytes, order: str) -> str:
    """A text in UTF-16. Programs do not agree whether the order of bytes is the block's own: a mark shows it,
    or the text, whose characters come from few of the 256 rows of Unicode."""
    for mark, encoding in _MARKS[2:4]:
        if raw.startswith(mark):
            return _clean(raw[2:].decode(encoding, "replace"))
    first, second = (len(set(raw[start:_SAMPLE:2])) for start in (0, 1))
    big = first < second if first != second else order == ">"
    return _clean(raw.decode("utf-16-be" if big else "utf-16-le", "replace"))


def xml_as_utf8(packet: bytes) -> tuple[bytes, str | None]:
    """(an XML document, the encoding to read it in; None for the one that it declares).

    UTF-16 and UTF-32 are told by a mark or by the zeros around the first "<".
    """
    for mark, encoding in _MARKS:
        if packet.startswith(mark):
            return packet[len(mark) :].decode(encoding, "replace").encode("utf-8", "replace"), "utf-8"
    if wide := _wide_encoding(packet):
        return packet.decode(wide, "replace").encode("utf-8", "replace"), "utf-8"
    declared = _DECLARED.search(packet[:_SAMPLE])
    if declared and declared[1].lower() not in (b"utf-8", b"utf8"):
        return packet, None
    return packet.decode("utf-8", "replace").encode("utf-8"), "utf-8"


def _wide_encoding(packet: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, by the first "<" and the character behind it; None for neither."""
    at = packet.find(b"<", 0, _SAMPLE)
    if at < 0:
        return None
    after = packet[at + 1 : at + 4]
    if after == bytes(3):
        return "utf-32-le" if at % 4 == 0 else "utf-32-be"
    if after[:1] == b"\0" and after[1:2] != b"\0":
        return "utf-16-le" if at % 2 == 0 else "utf-16-be"
    return None


def _clean(text: str) -> str:
    return text.strip("\ufeff\0 ")
