"""A case as one file: a zip with ``case.json`` and the pictures as they came.

Whoever opens a case has it from somebody else, so nothing in it is believed: sizes, numbers and names of
entries are bounded and checked before anything is unpacked, nothing is ever written to a path that the file
names, and every picture must have the SHA-256 that ``case.json`` gives it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from detector.cases import Case, CasePicture
from detector.images import MAX_FILE_BYTES
from detector.verdicts import Side

FORMAT = "telltale-case"
VERSION = 1
CASE = "case.json"

MAX_PICTURES = 2000
MAX_CASE_BYTES = 384 * 2**20
"""Of all pictures of a case together."""
MAX_JSON_BYTES = 16 * 2**20
MAX_NAME, MAX_NOTE, MAX_TITLE = 1000, 10_000, 200
MAX_RATIO = 100
"""How many times its packed size ``case.json`` may have; pictures are stored as they are."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_DAMAGED = "This case is damaged or incomplete, and was not opened."
_TOO_LARGE = "This case is larger than any that Telltale saves, and was not opened."


UNREADABLE = (
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    LookupError,
    ValueError,
    TypeError,
    RuntimeError,
)
"""What a file made by a stranger makes the readers of zips and of JSON raise."""


class CaseError(ValueError):
    """A file is no case that can be opened, or a case cannot be saved; the message is a sentence for the
    user."""


def is_case(content: bytes) -> bool:
    """Whether a file begins as a saved case does; whether it can be opened is another question."""
    return content.startswith(b"PK\x03\x04") and content[30 : 30 + len(CASE)] == CASE.encode()


def check_size(case: Case) -> None:
    """Raises CaseError if a case is larger than one may be that is to be read again."""
    total = sum(len(picture.content) for picture in case.pictures)
    if len(case.pictures) > MAX_PICTURES or total > MAX_CASE_BYTES:
        raise CaseError(
            f"A case holds up to {MAX_PICTURES:,} pictures of {MAX_CASE_BYTES // 2**20} MB together. Remove"
            " some pictures, or save it in parts."
        )
    if any(len(picture.content) > MAX_FILE_BYTES for picture in case.pictures):
        raise CaseError(f"A case holds no file of more than {MAX_FILE_BYTES // 2**20} MB.")


def case_bytes(case: Case) -> bytes:
    """The case as a file's content, saved now. Raises CaseError if it is larger than a case may be."""
    check_size(case)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(CASE, description(case), zipfile.ZIP_DEFLATED)
        for digest, content in contents(case).items():
            archive.writestr(f"pictures/{digest}", content)
    return buffer.getvalue()


def read_case(source: bytes | Path) -> Case:
    """The case in a file's content, or in a file. Raises CaseError."""
    try:
        file: IO[bytes] | Path = io.BytesIO(source) if isinstance(source, bytes) else source
        with zipfile.ZipFile(file) as archive:
            entries = _checked_entries(archive)
            text = _unpacked(archive, entries[CASE], MAX_JSON_BYTES)

            def content_of(digest: str) -> bytes:
                return _unpacked(archive, entries[f"pictures/{digest}"], MAX_FILE_BYTES)

            return from_description(text, content_of)
    except CaseError:
        raise
    except UNREADABLE as error:
        raise CaseError(_DAMAGED) from error


def description(case: Case) -> str:
    """All of a case but its pictures' bytes, as JSON. A picture is named by its SHA-256."""
    saved = datetime.now(UTC).isoformat(timespec="seconds")
    pictures = []
    for picture in case.pictures:
        pictures.append(
            {
                "name": picture.name[:MAX_NAME],
                "sha256": hashlib.sha256(picture.content).hexdigest(),
                "label": picture.label,
                "note": picture.note[:MAX_NOTE],
                "marked": picture.marked,
                "record": picture.record,
            }
        )
    values = {"format": FORMAT, "version": VERSION, "title": case.title, "saved": saved, "pictures": pictures}
    return json.dumps(values, indent=1)


def contents(case: Case) -> dict[str, bytes]:
    """SHA-256 -> bytes of each file, once."""
    return {hashlib.sha256(picture.content).hexdigest(): picture.content for picture in case.pictures}


def from_description(text: bytes | str, content_of: Callable[[str], bytes]) -> Case:
    """What ``description`` wrote, with ``content_of(sha256)`` giving the bytes. Raises CaseError, and what
    ``content_of`` raises."""
    values = json.loads(text, parse_constant=_refuse_constant)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise CaseError("This is no case that Telltale has saved.")
    if values.get("version") != VERSION:
        raise CaseError("This case was saved by another version of Telltale, which this one cannot read.")
    listed = values["pictures"]
    if not isinstance(listed, list) or len(listed) > MAX_PICTURES:
        raise CaseError(_TOO_LARGE)
    pictures, kept, total = [], {}, 0
    for entry in listed:
        digest = entry["sha256"]
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise CaseError(_DAMAGED)
        if digest not in kept:
            kept[digest] = content_of(digest)
            total += len(kept[digest])
            if total > MAX_CASE_BYTES:
                raise CaseError(_TOO_LARGE)
            if hashlib.sha256(kept[digest]).hexdigest() != digest:
                raise CaseError(f"{_DAMAGED} A picture in it is not the one that was saved.")
        pictures.append(_picture(entry, kept[digest]))
    return Case(tuple(pictures), _text(values.get("title", ""), MAX_TITLE), _time(values.get("saved", "")))


def _picture(entry: dict[str, Any], content: bytes) -> CasePicture:
    label, marked, record = entry.get("label"), entry.get("marked", False), entry.get("record")
    if not isinstance(marked, bool) or not (record is None or isinstance(record, dict)):
        raise CaseError(_DAMAGED)
    return CasePicture(
        name=_text(entry["name"], MAX_NAME),
        content=content,
        label=None if label is None else Side(label),
        note=_text(entry.get("note", ""), MAX_NOTE),
        marked=marked,
        record=record,
    )


def _text(value: Any, limit: int) -> str:
    """A text that can be shown and written again. Raises CaseError."""
    if not isinstance(value, str) or len(value) > limit:
        raise CaseError(_DAMAGED)
    return value.encode("utf-8", "replace").decode("utf-8")


def _time(value: Any) -> str:
    """A time in ISO format; "" for what is none. Raises CaseError."""
    text = _text(value, 40)
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def _refuse_constant(name: str) -> float:
    raise CaseError(_DAMAGED)


def _checked_entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The entries by name, if they are those of a case. Raises CaseError."""
    found = archive.infolist()
    if len(found) > MAX_PICTURES + 1:
        raise CaseError(_TOO_LARGE)
    entries = {entry.filename: entry for entry in found}
    for name, entry in entries.items():
        is_picture = name.startswith("pictures/") and _SHA256.fullmatch(name[len("pictures/") :])
        is_packed = entry.compress_type == zipfile.ZIP_DEFLATED
        if not (is_picture or name == CASE) or entry.flag_bits & 1 or (is_picture and is_packed):
            raise CaseError(_DAMAGED)
        if entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise CaseError(_TOO_LARGE)
    if len(entries) != len(found) or CASE not in entries:
        raise CaseError("This is no case that Telltale has saved." if CASE not in entries else _DAMAGED)
    if sum(entry.file_size for entry in found) > MAX_CASE_BYTES + MAX_JSON_BYTES:
        raise CaseError(_TOO_LARGE)
    return entries


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes:
    """An entry's bytes, whatever it says of its size."""
    with archive.open(entry) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise CaseError(_TOO_LARGE)
    return content
