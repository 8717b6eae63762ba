"""The pictures in a tar shard, as WebDataset names them: ``KEY.EXT``, and ``KEY.cls`` their label.

Headers are read and members skipped; nothing is ever extracted. A picture is later read from its place in
the shard, so what is listed is where that is.
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import IO, cast

from detector.classifier import LISTED_SUFFIXES
from detector.datasets.names import label_of
from detector.images import MAX_FILE_BYTES, is_hidden
from detector.score.archive_files import safe_name
from detector.score.errors import ScoreError

MAX_MEMBERS = 1_000_000
"""In one shard; WebDataset makes them of some thousands."""
MAX_LABEL_BYTES = 32
MAX_HEADER_BYTES = 2**20
LABEL = "cls"


@dataclass(frozen=True)
class Member:
    """A picture in a shard. name: as the shard has it. offset, size: where its bytes are. y_true: of its
    ``KEY.cls``, where it says 0, 1 or a name for one of the classes. error: why it is not read."""

    name: str
    offset: int
    size: int
    y_true: int | None = None
    error: str | None = None


def members(shard: IO[bytes]) -> Iterator[Member]:
    """The pictures of a shard in its order. Labels count only where the whole shard's can be understood: 0
    and 1 among a thousand classes mean something else. Raises ScoreError, after what was found, for what is
    no plain tar file.
    """
    found: list[tuple[str, Member]] = []
    labels: dict[str, int | None] = {}
    problem: Exception | None = None
    try:
        with tarfile.open(fileobj=cast(IO[bytes], _ShortReads(shard)), mode="r:") as archive:
            for number, entry in enumerate(archive):
                vars(archive)["members"] = []  # else it keeps every header
                if number >= MAX_MEMBERS:
                    raise tarfile.ReadError(f"it has more than {MAX_MEMBERS:,} members")
                key, extension = _key(entry.name)
                if extension == LABEL and entry.isreg():
                    labels[key] = _label(archive, entry)
                elif _is_picture(entry.name) and not entry.isdir():
                    found.append((key, _member(entry)))
            _check_end(shard, archive.offset)
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError) as error:
        problem = error
    understood = all(label is not None for label in labels.values())
    for key, member in found:
        yield replace(member, y_true=labels.get(key)) if understood else member
    if problem:
        reason = str(problem).rstrip(".")
        raise ScoreError(f"The shard cannot be read on as a plain tar file: {reason}.") from problem


class _ShortReads:
    """A file that is not read in pieces larger than any header of an honest tar file."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= MAX_HEADER_BYTES:
            raise tarfile.ReadError("a header is too large")
        return self._file.read(size)


def _check_end(shard: IO[bytes], offset: int) -> None:
    """tarfile takes a header that it cannot read for the end."""
    shard.seek(offset)
    if shard.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError("it is cut off or damaged in the middle")


def _key(name: str) -> tuple[str, str]:
    """ "a/b.seg.png" -> ("a/b", "seg.png"): up to the first dot of the last part."""
    folder, last = posixpath.split(name)
    stem, _, extension = last.partition(".")
    return posixpath.join(folder, stem), extension.lower()


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    return not is_hidden(path.parts) and path.suffix.lower() in LISTED_SUFFIXES


def _member(entry: tarfile.TarInfo) -> Member:
    if error := _refusal(entry):
        return Member(entry.name, 0, 0, error=error)  # its numbers may be anything
    return Member(entry.name, entry.offset_data, entry.size)


def _refusal(entry: tarfile.TarInfo) -> str | None:
    if entry.issym() or entry.islnk():
        return "The member is a link, so it was not followed."
    if not entry.isreg() or entry.issparse():
        return "The member is no plain file."
    if not safe_name(entry.name.removeprefix("./")) or not entry.name.isprintable():
        return "The member's name is not a plain path, so it was not read."
    if not 0 <= entry.size <= MAX_FILE_BYTES:
        return f"The member is larger than {MAX_FILE_BYTES // 2**20} MB."
    return None


def _label(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> int | None:
    if entry.size > MAX_LABEL_BYTES:
        return None
    file = archive.extractfile(entry)
    text = file.read().decode("utf-8", "replace") if file else ""
    return label_of(text)
