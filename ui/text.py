"""Text that came from outside, made safe to show."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=@/])")

_REPLACED = re.compile(r"(?<=[-<>~=:/])(?=[-<>~=:/])|(?<=:)(?=[a-z])|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
"""Where Streamlit would find arrows, addresses and its own icons even in escaped text: ->, http://,
:streamlit:, www.x, a@b."""

_WORD_JOINER = "\u2060"  # takes no room and is not seen


def printable(text: str) -> str:
    """``text`` on one line: line breaks, control characters and marks that turn the direction of writing
    around become spaces."""
    return "".join(c if c.isprintable() else " " for c in text)


def shortened(text: str, limit: int) -> str:
    """``text`` as ``printable`` makes it; what is longer than ``limit`` is cut in the middle, because
    names differ at their ends."""
    text = printable(text)
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}…{text[-half:]}"


def harmless(text: str) -> str:
    """``text`` as a part of a file's name: what a file system might mind becomes "_"."""
    return "".join(c if c.isalnum() or c in " ._-" else "_" for c in text)


def plain(text: str, limit: int = 120) -> str:
    """``text``, shortened, as Streamlit Markdown that shows it letter by letter: no markup, links,
    pictures, icons or formulas in it work."""
    return _SPECIAL.sub(r"\\\1", _REPLACED.sub(_WORD_JOINER, shortened(text, limit).strip()))
