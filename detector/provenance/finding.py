"""One thing that a file says of itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LABEL, MAX_VALUE = 80, 300
"""Characters kept of what a stranger wrote."""

KINDS = (
    "declared AI",
    "generator trace",
    "content credentials",
    "origin",
    "camera",
    "software",
    "date",
    "location",
    "credit",
    "text",
    "colour profile",
)
"""Most telling first; the order in which findings are listed."""

TELLING = frozenset({"declared AI", "generator trace", "content credentials", "origin", "camera"})
"""Kinds that speak for or against AI at all."""

_SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class Finding:
    """A statement found in a file. All of it is a claim: whoever can write the file can write this.

    kind: one of ``KINDS``. label: what it is called. value: what it says, one line of printable text of at
    most ``MAX_VALUE`` characters. suggests: a sentence on what to make of it. where: the place in the file,
    such as "JPEG APP1, EXIF".
    """

    kind: str
    label: str
    value: str
    suggests: str
    where: str


def finding(kind: str, label: str, value: str, suggests: str, where: str) -> Finding:
    """A finding from text of any length and content."""
    return Finding(
        kind, one_line(label, MAX_LABEL), one_line(value, MAX_VALUE), suggests, one_line(where, MAX_LABEL)
    )


def one_line(text: str, limit: int) -> str:
    """``text`` on one line, without what cannot be printed, cut at its end to ``limit`` characters."""
    text = _SPACES.sub(" ", "".join(c if c.isprintable() else " " for c in text[: 8 * limit])).strip()
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
