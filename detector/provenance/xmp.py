"""XMP and IPTC: what editing programs, agencies and some generators write. Their properties, without their structure."""

from __future__ import annotations

import struct
from xml.parsers import expat

MAX_PROPERTIES = 1000
MAX_TEXT = 20_000
"""Characters kept of one property."""
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_IPTC = {40: "Instructions", 55: "DateCreated", 65: "OriginatingProgram", 80: "Byline", 105: "Headline", 110: "Credit", 115: "Source",
         116: "CopyrightNotice", 120: "Caption"}  # fmt: skip
"""IPTC-IIM 4.2, record 2."""


def read_xmp(packet: bytes) -> list[tuple[str, str]]:
    """(local name, text) of each property with a text, in their order; lists give one pair per item, at most ``MAX_PROPERTIES``.

    Raises ValueError if the packet is no XML, or defines entities, with which a small file becomes a large one.
    """
    found: list[tuple[str, str]] = []
    path: list[str] = []  # the properties around this place
    text: list[str] = []
    length = 0

    def keep(name: str, value: str) -> None:
        if value.strip() and len(found) < MAX_PROPERTIES:
            found.append((name, value.strip()[:MAX_TEXT]))

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal length
        space, _, local = name.rpartition(" ")
        path.append((path[-1] if path else "") if space == _RDF else local)
        text.clear()
        length = 0
        for key, value in attributes.items():
            attribute_space, _, attribute = key.rpartition(" ")
            if attribute_space == _RDF and attribute == "resource":
                keep(path[-1], value)
            elif attribute_space and attribute_space not in (_RDF, "http://www.w3.org/XML/1998/namespace"):
                keep(attribute, value)

    def characters(piece: str) -> None:
        nonlocal length
        if length < MAX_TEXT:
            text.append(piece)
            length += len(piece)

    def end(_: str) -> None:
        keep(path[-1], "".join(text))
        text.clear()
        path.pop()

    def refuse(*_: object) -> None:
        raise ValueError("XMP with entities")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, characters
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(packet.strip(b"\0 \r\n\t"), True)
    except expat.ExpatError as error:
        if not found:
            raise ValueError("no XMP") from error
    return found


def read_iptc(resources: bytes) -> list[tuple[str, str]]:
    """(name, text) of the fields known here, from Photoshop's image resources or from bare IPTC records."""
    at = resources.find(b"8BIM\x04\x04")
    if at >= 0:
        name = resources[at + 6] if at + 6 < len(resources) else 0
        at += 6 + (name + 2) // 2 * 2 + 4  # the name is padded to an even length, then comes the size
    else:
        at = 0
    found = []
    while at + 5 <= len(resources) and resources[at] == 0x1C and len(found) < MAX_PROPERTIES:
        record, number, length = struct.unpack_from(">BBH", resources, at + 1)
        text = resources[at + 5 : at + 5 + length][:MAX_TEXT].decode("utf-8", "replace").strip("\0 ")
        if record == 2 and number in _IPTC and text:
            found.append((_IPTC[number], text))
        at += 5 + length
    return found
