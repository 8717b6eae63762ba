"""Reading logs of any size a piece at a time. What comes out is plain text: no control codes, no half
characters."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LINE_BYTES = 4096
"""How much of a line that was found is shown."""
_BLOCK = 2**20
_LONGEST_CODE = 256
_CONTROL_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movements
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC and other strings: window titles, links
    r"|\x1b[ -/]*[0-~]",  # the short ones
    re.MULTILINE,
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\n]*|[ -/]*)?$")


@dataclass(frozen=True)
class Match:
    """A line that holds what was looked for. line: counted from 1. offset: of its first byte in the file.
    text: as ``plain`` makes it."""

    line: int
    offset: int
    text: str


def plain(content: bytes) -> str:
    """Text as it is read: ANSI codes and control characters gone, carriage returns become line ends, bytes
    that are no UTF-8 become U+FFFD."""
    text = content.decode("utf-8", "replace")
    if "\x1b" in text:
        text = _CONTROL_SEQUENCE.sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", text)


def read_log(path: str | os.PathLike, offset: int, max_bytes: int) -> tuple[str, int, int]:
    """(text, next_offset, total): at most ``max_bytes`` bytes of a file from ``offset`` on, where to go on
    reading, and its size.

    A character or control code that is not yet whole is left for the next call. A file that is not there is
    empty; one that has become shorter than ``offset`` is read from its start.
    """
    try:
        with open(path, "rb") as file:
            total = os.fstat(file.fileno()).st_size
            offset = offset if 0 <= offset <= total else 0
            file.seek(offset)
            content = file.read(max(max_bytes, 0))
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        return "", 0, 0
    whole = content[: len(content) - _unfinished(content)]
    if len(content) == max_bytes:  # no more fits, so waiting for the rest would not help
        whole = whole or content
    following = offset + len(whole)
    return plain(whole), following, max(total, following)


def tail(path: str | os.PathLike, max_bytes: int) -> tuple[str, int, int]:
    """(text, next_offset, total): the end of a file as ``read_log`` gives it, from the first whole line
    within ``max_bytes`` on."""
    try:
        total = os.path.getsize(path)
    except OSError:
        return "", 0, 0
    start = max(0, total - max_bytes)
    text, following, total = read_log(path, start, max_bytes)
    if start and "\n" in text[:-1]:
        text = text[text.index("\n") + 1 :]
    return text, following, total


def search(path: str | os.PathLike, text: str, limit: int = 100) -> list[Match]:
    """The first ``limit`` lines of a file that hold ``text``, whichever case it is written in. Reads a
    block at a time."""
    wanted = text.strip("\r\n").lower()
    if not wanted:
        return []
    found: list[Match] = []
    for number, offset, line in _candidates(Path(path), wanted):
        shown = plain(line)
        if wanted in shown.lower():
            at = max(0, shown.lower().index(wanted) - LINE_BYTES // 2)
            around = shown[at : at + LINE_BYTES]
            found.append(Match(number, offset, around.rstrip("\n")))
            if len(found) == limit:
                break
    return found


def _candidates(path: Path, wanted: str) -> Iterator[tuple[int, int, bytes]]:
    """(number, offset, content) of lines that may hold ``wanted``; a line of more than a block comes in
    pieces."""
    needle, exact = wanted.encode(), wanted.isascii()
    number, offset, rest = 1, 0, b""
    try:
        with open(path, "rb") as file:
            while block := file.read(_BLOCK):
                block = rest + block
                end = block.rfind(b"\n") + 1
                if not end and len(block) > _BLOCK:
                    end = len(block)
                block, rest = block[:end], block[end:]
                if not exact or b"\x1b" in block or needle in block.lower():
                    yield from _lines(block, number, offset)
                number, offset = number + block.count(b"\n"), offset + len(block)
            yield from _lines(rest, number, offset)
    except OSError:
        return


def _lines(block: bytes, number: int, offset: int) -> Iterator[tuple[int, int, bytes]]:
    for line in io.BytesIO(block):
        yield number, offset, line
        number, offset = number + 1, offset + len(line)


def _unfinished(content: bytes) -> int:
    """How many bytes at the end belong to a character or control code that goes on beyond it."""
    code = _UNFINISHED.search(content[-_LONGEST_CODE:])
    if code:
        return len(code[0])
    for back in range(1, min(4, len(content)) + 1):
        byte = content[-back]
        if byte >= 0xC0:  # the first byte of a character of 2, 3 or 4
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < length else 0
        if byte < 0x80:
            break
    return 0
