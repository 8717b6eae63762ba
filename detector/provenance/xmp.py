"""XMP and IPTC: what editing programs, agencies and some generators write. Their properties, without their
structure."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from xml.parsers import expat

from detector.provenance.encodings import decoded, xml_as_utf8

MAX_PROPERTIES = 1000
MAX_ITEMS = 100
MAX_ELEMENTS = 50_000
MAX_DEPTH = 100
MAX_TEXT = 20_000
"""Characters kept of one property."""
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XML = "http://www.w3.org/XML/1998/namespace"
_IPTC = {
    40: "Instructions",
    55: "DateCreated",
    65: "OriginatingProgram",
    80: "Byline",
    105: "Headline",
    110: "Credit",
    115: "Source",
    116: "CopyrightNotice",
    120: "Caption",
}
"""IPTC-IIM 4.2, record 2."""


@dataclass(frozen=True)
class Properties:
    """pairs: (local name, text) of each property with a text, in their order; a list gives one pair per item.
    whole: the packet was read to its end, and all of it is here."""

    pairs: list[tuple[str, str]]
    whole: bool


class _EnoughError(Exception):
    """More elements than are looked at."""


def read_xmp(packet: bytes) -> Properties:
    """The properties of an XMP packet in any encoding, at most ``MAX_PROPERTIES`` and ``MAX_ITEMS`` of one
    name: long lists, of all ancestors of a picture for instance, do not hide the rest.

    Raises ValueError if the packet is no XML, or defines entities, with which a small file becomes a large
    one.
    """
    reader = _XmpReader()
    content, encoding = xml_as_utf8(packet)
    parser = expat.ParserCreate(encoding, namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse_entities
    broken = False
    try:
        parser.Parse(content.strip(b"\0 \r\n\t"), True)
    except _EnoughError:
        if not reader.pairs:
            raise ValueError("no XMP") from None
        broken = True
    except expat.ExpatError as error:
        if not reader.pairs:
            raise ValueError("no XMP") from error
        broken = not reader.closed  # behind the last element there may be padding of any kind
    return Properties(reader.pairs, not broken and not reader.left_out)


def _refuse_entities(*_: object) -> None:
    raise ValueError("XMP with entities")


class _XmpReader:
    """Receives an XMP packet element by element."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.left_out = self.closed = False
        self._path: list[str] = []  # the properties around this place
        self._text: list[str] = []
        self._length = self._elements = 0
        self._counts: Counter[str] = Counter()

    def _keep(self, name: str, value: str) -> None:
        value = value.strip()
        if not value:
            return
        self._counts[name] += 1
        if self._counts[name] > MAX_ITEMS:  # of a list, the first show what it is
            return
        if len(self.pairs) == MAX_PROPERTIES:
            self.left_out = True
            return
        self.pairs.append((name, value[:MAX_TEXT]))

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS or len(self._path) > MAX_DEPTH:
            raise _EnoughError
        space, _, local = name.rpartition(" ")
        around = self._path[-1] if self._path else ""
        self._path.append(around if space == _RDF else local)
        self._text.clear()
        self._length = 0
        for key, value in attributes.items():
            attribute_space, _, attribute = key.rpartition(" ")
            if attribute_space == _RDF and attribute == "resource":
                self._keep(self._path[-1], value)
            elif attribute_space and attribute_space not in (_RDF, _XML):
                self._keep(attribute, value)

    def characters(self, piece: str) -> None:
        if self._length < MAX_TEXT:
            self._text.append(piece)
            self._length += len(piece)

    def end(self, _: str) -> None:
        self._keep(self._path[-1], "".join(self._text))
        self._text.clear()
        self._path.pop()
        self.closed = not self._path


def read_iptc(resources: bytes) -> list[tuple[str, str]]:
    """(name, text) of the fields known here, from Photoshop's image resources or from bare IPTC records."""
    at = resources.find(b"8BIM\x04\x04")
    if at >= 0:
        name = resources[at + 6] if at + 6 < len(resources) else 0
        at += 6 + (name + 2) // 2 * 2 + 4  # the name is padded to an even length, then comes the size
    else:
        at = 0
    found: list[tuple[str, str]] = []
    while at + 5 <= len(resources) and resources[at] == 0x1C and len(found) < MAX_PROPERTIES:
        record, number, length = struct.unpack_from(">BBH", resources, at + 1)
        raw = resources[at + 5 : at + 5 + length][:MAX_TEXT]
        text = decoded(raw).strip("\0 ")
        if record == 2 and number in _IPTC and text:
            found.append((_IPTC[number], text))
        at += 5 + length
    return found
