"""Which files nobody means who names a folder."""

from __future__ import annotations

from collections.abc import Iterable

SYSTEM_NAMES = frozenset(
    {"thumbs.db", "desktop.ini", "$recycle.bin", "system volume information", "@eadir", "#recycle"}
)
"""What operating systems and storage boxes leave behind, some of them with pictures inside."""


def is_hidden(parts: Iterable[str]) -> bool:
    """Whether a path below the folder that was named, given by its parts, lies in something hidden or left
    behind by a system: ``.thumbs``, ``__MACOSX`` of a zip file from a Mac."""
    return any(map(_is_hidden, parts))


def _is_hidden(name: str) -> bool:
    if name in (".", ".."):  # these lead elsewhere and hide nothing
        return False
    return name.startswith(".") or name.lower().startswith("__macosx") or name.lower() in SYSTEM_NAMES
