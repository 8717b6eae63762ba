"""Names of files and folders, and what errors say, as they may be shown: Linux allows any bytes in names,
screens and JSON do not."""

from __future__ import annotations

import os


def printable(name: str | os.PathLike) -> str:
    """The name with every byte that is no UTF-8 written as ``\\xe9``, and control characters escaped too.

    Python keeps such bytes as lone surrogates, and printing one raises UnicodeEncodeError.
    """
    text = os.fspath(name)
    if text.isascii() and text.isprintable():  # nearly all, and there may be a million of them
        return text
    return "".join(_shown(character) for character in text)


def first_line(error: BaseException) -> str:
    """What an error says, or its kind if it says nothing: its first line, at most 200 characters, to be put
    into a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return printable(lines[0])[:200].rstrip(".")


def encodable(name: str) -> bool:
    """Whether the name is text that can be written as UTF-8."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _shown(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if 0xD800 <= code <= 0xDFFF:
        return f"\\u{code:04x}"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return character
