"""What a report is made of, before it is set as HTML or PDF: texts, rows and pictures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A picture with what stands below it. jpeg: the file's bytes; width, height: in pixels."""

    jpeg: bytes
    width: int
    height: int
    caption: str


@dataclass(frozen=True)
class Section:
    """A part of a report, in this order: sentences, figures side by side, rows of a name and a value, and a
    table whose first row is its head."""

    title: str
    sentences: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    rows: tuple[tuple[str, str], ...] = ()
    table: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class PictureReport:
    """All that is said of one picture. name: of its file, which may be anything. verdict, score: in a few
    words, what leads. colour: "#rrggbb" of the verdict."""

    name: str
    verdict: str
    score: str
    colour: str
    sections: tuple[Section, ...]
