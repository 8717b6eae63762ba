"""A case: pictures that somebody looks into, what a model said of them, and what that somebody makes of them.

Plain values. How a case becomes a file, and how a file of a stranger's becomes a case again, is in
``detector.case_files``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from detector.verdicts import Side


@dataclass(frozen=True, kw_only=True)
class Remarks:
    """What the user says of a picture.

    label: which side it is on by the user's own knowledge, None where that was not said. note: free text of
    one or several lines. marked: whether the user wants to come back to it.
    """

    label: Side | None = None
    note: str = ""
    marked: bool = False

    @property
    def silent(self) -> bool:
        """Whether nothing was said."""
        return self.label is None and not self.note and not self.marked


@dataclass(frozen=True, kw_only=True)
class CasePicture(Remarks):
    """A picture of a case, with the remarks on it.

    name: as the user knows it; anything may stand in it. content: the file's bytes. record: what a model said
    of it, as ``detector.records.record`` gives it; None where it was not asked.
    """

    name: str
    content: bytes = field(repr=False)
    record: dict[str, Any] | None = None


@dataclass(frozen=True)
class Case:
    """pictures: in the order the user sees them. title: as the user calls it, "" for none. saved: when, in
    UTC, as ISO 8601 with seconds; "" before it was."""

    pictures: tuple[CasePicture, ...] = ()
    title: str = ""
    saved: str = ""

    @property
    def labelled(self) -> tuple[CasePicture, ...]:
        """The pictures that have a label of the user's."""
        return tuple(picture for picture in self.pictures if picture.label is not None)
