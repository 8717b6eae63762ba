"""Pictures of the machine that the app runs on, for whoever looks at it in a browser: only where
``TELLTALE_ARCHIVE`` names the folders that may be read.

Names come from a table that anybody may have made. What leads out of those folders, by ``..`` or by a link,
is not opened; what is no picture is not handed out.
"""

from __future__ import annotations

import os
from pathlib import Path

from detector.images import MAX_FILE_BYTES, ImageReadError, read_image
from detector.score.archive_files import LocalFiles

VARIABLE = "TELLTALE_ARCHIVE"
"""The environment variable: folders, separated as in PATH. Without it nothing is read."""

NOT_THERE = f"It is not in the folders that {VARIABLE} names on the server."
SMALL = 192
"""Pixels along the short side that looking whether it is a picture takes at least."""


def folders() -> list[str]:
    """Those that may be read and are there."""
    named = os.environ.get(VARIABLE, "").split(os.pathsep)
    return [os.path.realpath(folder) for folder in named if folder and Path(folder).is_dir()]


def is_switched_on() -> bool:
    """Whether this installation shows pictures of its own disk."""
    return bool(folders())


def picture_bytes(name: str) -> bytes:
    """The file of a picture, looked for in each folder. name: relative to one, or in full and below one.
    Raises ImageReadError."""
    for folder in folders():
        try:
            with LocalFiles(folder).open(name.removeprefix(os.path.join(folder, ""))) as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError, ImageReadError):
            continue
        read_image(content, SMALL, name)
        return content
    raise ImageReadError(NOT_THERE)
