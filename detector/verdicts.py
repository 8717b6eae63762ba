"""What Telltale can say of a picture, and the words it says it in."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """What a picture can be: the two classes, and the two sides of the threshold.

    Members are strings: ``Side.AI == "ai"``, so files and JSON hold the plain word.
    """

    AI = "ai"
    REAL = "real"

    @property
    def title(self) -> str:  # type: ignore[override]
        """On its own, or at the start of a sentence. (It takes the place of ``str.title``.)"""
        return Verdict(self).title

    @property
    def in_sentence(self) -> str:
        """In the middle of a sentence."""
        return Verdict(self).in_sentence

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.REAL if self is Side.AI else Side.AI


class Verdict(StrEnum):
    """What the model says of a picture: one of the sides, or that the score is too close to the threshold.

    Members are strings, equal to those of :class:`Side`: ``Verdict.AI == Side.AI == "ai"``. ``Verdict(side)``
    is the verdict for a side.
    """

    AI = "ai"
    REAL = "real"
    UNSURE = "unsure"

    @property
    def title(self) -> str:  # type: ignore[override]
        """On its own, or at the start of a sentence. (It takes the place of ``str.title``.)"""
        return _TITLES[self]

    @property
    def in_sentence(self) -> str:
        """In the middle of a sentence."""
        return self.title if self is Verdict.AI else self.title.lower()

    @property
    def side(self) -> Side | None:
        """The side it names; None for unsure."""
        return None if self is Verdict.UNSURE else Side(self)


_TITLES = {
    Verdict.AI: "AI-generated",
    Verdict.REAL: "Real",
    Verdict.UNSURE: "Unsure",
}
