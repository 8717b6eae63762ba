"""`file_facts`: the bytes of a picture's file -> what they say of themselves."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from PIL import Image, ImageCms

from detector.image_headers import jxl_header, sniff
from detector.images import MAX_FILE_BYTES, MAX_PROFILE_BYTES, open_header
from detector.provenance.containers import MAX_EXTENDED_XMP, Block, blocks
from detector.provenance.credentials import credentials
from detector.provenance.encodings import decoded
from detector.provenance.exif import read_exif
from detector.provenance.finding import KINDS, TELLING, Finding, finding
from detector.provenance.generators import ANYONE, NAMED, SETTINGS, names_a_generator, source_type, trace
from detector.provenance.xmp import read_iptc, read_xmp

MAX_FINDINGS = 60
MAX_PACKETS = 10
"""XMP packets read in one file; real ones have one or two."""
CAMERA = f"Cameras write this. {ANYONE}"
PROGRAM = (
    "The program that saved the file last, or says so. Most pictures, real and AI-generated, pass through"
    " one."
)
DATE = f"When it was taken or saved, by the clock of the device. {ANYONE}"
LOCATION = (
    "Phones write where a photo was taken. It can be forged, and it is private: it is shown when you ask"
    " for it."
)
CREDIT = f"Who is credited. {ANYONE}"
PROFILE = "How colours are meant. It says little of where a picture comes from."

_PROPERTIES = {
    "CreatorTool": ("software", "Creator tool", PROGRAM),
    "softwareAgent": ("software", "Edited with", PROGRAM),
    "Software": ("software", "Software", PROGRAM),
    "OriginatingProgram": ("software", "Originating program", PROGRAM),
    "AISystemUsed": ("generator trace", "AI system used", NAMED),
    "AIPromptInformation": ("generator trace", "AI prompt", SETTINGS),
    "Credit": ("credit", "Credit", CREDIT),
    "Source": ("credit", "Source", CREDIT),
    "CopyrightNotice": ("credit", "Copyright", CREDIT),
    "Byline": ("credit", "By", CREDIT),
    "creator": ("credit", "By", CREDIT),
    "Instructions": ("text", "Instructions", ANYONE),
    "Caption": ("text", "Caption", ANYONE),
    "description": ("text", "Description", ANYONE),
    "UserComment": ("text", "User comment", ANYONE),
    "parameters": ("text", "Parameters", ANYONE),
}
"""XMP and IPTC property -> kind, label, what it suggests. Of all others only traces of generators are
listed."""


@dataclass(frozen=True)
class FileFacts:
    """What a file says of itself.

    format: Pillow's name, "" where the file is none that can be read; width, height: as stored, None where
    unknown; size: bytes. findings: most telling first. notes: sentences about what could not be read.
    coordinates: (degrees north, degrees east) of the location that the findings only mention.
    """

    format: str
    width: int | None
    height: int | None
    size: int
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    coordinates: tuple[float, float] | None = None

    @property
    def silent(self) -> bool:
        """Nothing here speaks for or against AI."""
        return not any(entry.kind in TELLING for entry in self.findings)

    @property
    def summary(self) -> str:
        """One sentence on the whole; absence of evidence is called that."""
        if not self.findings and not self.format:
            return "No metadata was found."
        if not self.findings:
            return "No metadata. That says nothing: most sites and messengers strip it."
        if self.silent:
            return (
                "Nothing here speaks for or against AI. That is absence of evidence and no more: such traces"
                " are easily stripped."
            )
        return (
            "What follows are claims of the file. They can be forged, copied from another file, or stripped."
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, without the coordinates."""
        values = asdict(self) | {
            "findings": [asdict(entry) for entry in self.findings],
            "notes": list(self.notes),
        }
        del values["coordinates"]
        return values | {"summary": self.summary}


def file_facts(content: bytes) -> FileFacts:
    """What the bytes of a file say of themselves. Never raises: what is damaged is left out and noted."""
    if len(content) > MAX_FILE_BYTES:
        return FileFacts("", None, None, len(content), notes=("The file is too large to be searched.",))
    picture_format, size, held, notes = _picture(content)
    reading = _Reading(content, picture_format)
    for block in [*blocks(content), *held]:
        reading.read(block)
    found = sorted(dict.fromkeys(reading.found), key=lambda entry: KINDS.index(entry.kind))
    notes += reading.notes
    if len(found) > MAX_FINDINGS:
        notes.append("There is more than can be listed; the rest is left out.")
    return FileFacts(
        picture_format,
        *size,
        len(content),
        tuple(found[:MAX_FINDINGS]),
        tuple(dict.fromkeys(notes)),
        reading.coordinates,
    )


NO_PICTURE = "This is no picture that can be read, so only some of its metadata may be found."


def _picture(content: bytes) -> tuple[str, tuple[int | None, int | None], list[Block], list[str]]:
    """(format, size, metadata that only a decoder finds, notes), from the header alone."""
    try:
        if sniff(content) == "JXL":  # the one format that Pillow decodes when it opens a file
            header = jxl_header(content)
            return "JXL", (header.width, header.height), [], []
        if sniff(content) == "PNG":  # Pillow would copy each text, which may be as long as the file
            width, height = struct.unpack(">II", content[16:24])
            return "PNG", (width, height), [], []
        with open_header(content) as image:
            return image.format or "", image.size, _items(image), []
    except Exception:  # Pillow raises nearly anything
        return "", (None, None), [], [NO_PICTURE]


def _items(image: Image.Image) -> list[Block]:
    """The metadata of an AVIF or HEIC file that are items of the picture."""
    if image.format not in ("AVIF", "HEIF"):
        return []
    title = {"AVIF": "AVIF", "HEIF": "HEIC"}[image.format]
    return [
        Block(kind, image.info[key], f"{title} item, {PLACES[kind]}")
        for kind, key in _ITEMS.items()
        if image.info.get(key)
    ]


_ITEMS = {"exif": "exif", "xmp": "xmp", "icc": "icc_profile"}
PLACES = {"exif": "EXIF", "xmp": "XMP", "iptc": "IPTC", "icc": "ICC profile", "credentials": "JUMBF"}


class _Reading:
    """What the blocks of one file add up to."""

    def __init__(self, content: bytes, picture_format: str):
        self.content, self.format = content, picture_format
        self.found: list[Finding] = []
        self.notes: list[str] = []
        self._packets = 0
        self.coordinates: tuple[float, float] | None = None

    def read(self, block: Block) -> None:
        """Add what a block says, or a note that it is damaged."""
        readers: dict[str, Callable[[Block], Iterator[Finding]]] = {
            "exif": self._exif,
            "xmp": self._xmp,
            "iptc": self._iptc,
            "icc": self._profile,
            "text": self._text,
            "credentials": self._credentials,
            "unread": self._unread,
        }
        try:
            for entry in readers[block.kind](block):
                if len(self.found) <= 2 * MAX_FINDINGS:
                    self.found.append(entry)
        except Exception:  # made by a stranger: there is no end to what can be wrong with it
            self.notes.append(f"A block of metadata is damaged and was left out ({block.where}).")
        if block.cut:
            self.notes.append(
                f"A text is longer than a megabyte or cut off; only its beginning was read ({block.where})."
            )

    def _exif(self, block: Block) -> Iterator[Finding]:
        exif = read_exif(block.content.removeprefix(b"Exif\0\0"))
        texts = dict(exif.texts)
        for name in list(texts):
            if title := trace(name, texts[name]):  # ComfyUI puts its workflow where the camera's name belongs
                yield finding("generator trace", title, texts.pop(name), SETTINGS, block.where)
        camera = _device(texts.pop("Make", ""), texts.pop("Model", ""))
        lens = _device(texts.pop("LensMake", ""), texts.pop("LensModel", ""))
        if camera:
            yield _named("camera", "Camera", camera, CAMERA, block.where)
        if lens:
            yield finding("camera", "Lens", lens, CAMERA, block.where)
        if exif.maker_note:
            yield finding(
                "camera",
                "Maker note",
                "present",
                "The camera maker's own block. It can be copied from another photo.",
                block.where,
            )
        if exif.has_location:
            self.coordinates = exif.coordinates
            yield finding("location", "Location", "has a location", LOCATION, block.where)
        yield from self._exif_texts(texts, block.where)
        for kind, inner in exif.embedded.items():
            self.read(Block(kind, inner, f"{block.where}, {PLACES[kind]}"))

    @staticmethod
    def _exif_texts(texts: dict[str, str], where: str) -> Iterator[Finding]:
        kinds = {
            "Software": ("software", PROGRAM),
            "DateTimeOriginal": ("date", DATE),
            "DateTime": ("date", DATE),
            "Artist": ("credit", CREDIT),
            "Copyright": ("credit", CREDIT),
        }
        labels = {"DateTimeOriginal": "Taken", "DateTime": "Saved", "Artist": "By"}
        for name, value in texts.items():
            kind, suggests = kinds.get(name, ("text", ANYONE))
            yield _named(
                kind,
                labels.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize(),
                value,
                suggests,
                where,
            )

    def _xmp(self, block: Block) -> Iterator[Finding]:
        self._packets += 1
        if self._packets > MAX_PACKETS:
            self.notes.append(f"There is more XMP than is looked at ({block.where}).")
            return
        properties = read_xmp(block.content[:MAX_EXTENDED_XMP])
        for name, value in properties.pairs:
            yield from self._property(name, value, block.where)
        if not properties.whole:
            self.notes.append(
                f"A block of metadata is damaged or very long; part was left out ({block.where})."
            )

    def _iptc(self, block: Block) -> Iterator[Finding]:
        for name, value in read_iptc(block.content):
            yield from self._property(name, value, block.where)

    @staticmethod
    def _property(name: str, value: str, where: str) -> Iterator[Finding]:
        if name == "DigitalSourceType":
            kind, words, suggests = source_type(value) or ("origin", value, ANYONE)
            yield finding(kind, "Digital source type", words, suggests, where)
        elif name == "AIGC":
            yield finding(
                "declared AI",
                "AI content label (AIGC)",
                value,
                f"The file declares itself AI-generated. {ANYONE}",
                where,
            )
        elif name == "provenance" and "://" in value:
            about = "Said to be kept at this address. Nothing is fetched from there."
            yield finding("content credentials", "Content Credentials elsewhere", value, about, where)
        elif title := trace(name, value):
            yield finding("generator trace", title, value, SETTINGS, where)
        elif name in _PROPERTIES:
            kind, label, suggests = _PROPERTIES[name]
            yield _named(kind, label, value, suggests, where)

    def _text(self, block: Block) -> Iterator[Finding]:
        text = decoded(block.content)
        if block.name.lower().startswith("raw profile type"):
            yield finding(
                "text",
                block.name,
                "a packed profile, not read",
                "ImageMagick writes metadata like this.",
                block.where,
            )
        elif title := trace(block.name, text):
            yield finding("generator trace", title, text, SETTINGS, block.where)
        elif text.strip():
            kind, suggests = (
                ("software", PROGRAM)
                if block.name.lower() in ("software", "source", "creator tool")
                else ("text", ANYONE)
            )
            yield _named(kind, block.name or "Text", text, suggests, block.where)

    def _profile(self, block: Block) -> Iterator[Finding]:
        if len(block.content) <= MAX_PROFILE_BYTES:
            name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(block.content)))
            yield finding("colour profile", "Colour profile", name, PROFILE, block.where)

    def _unread(self, block: Block) -> Iterator[Finding]:
        self.notes.append(f"Something in this file was not read ({block.where}).")
        return iter(())

    def _credentials(self, block: Block) -> Iterator[Finding]:
        yield from credentials(self.content, self.format, block.content, block.where)


def _device(maker: str, model: str) -> str:
    """A camera or lens in words; many models' names begin with their maker's."""
    begins_alike = maker and model.casefold().startswith(maker.split()[0].casefold())
    return model if begins_alike else f"{maker} {model}".strip()


def _named(kind: str, label: str, value: str, suggests: str, where: str) -> Finding:
    """A finding; if its value names an image generator, it is a generator's trace."""
    if names_a_generator(value):
        kind, suggests = "generator trace", NAMED
    return finding(kind, label, value, suggests, where)
