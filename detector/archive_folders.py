"""Pictures of the machine that the app runs on, for whoever looks at it in a browser: only where
``TELLTALE_ARCHIVE`` names the folders that may be read.

Names come from a table that anybody may have made. What leads out of those folders, by ``..`` or by a link,
is not opened; what is no picture is not handed out.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from detector.images import MAX_FILE_BYTES, ImageReadError, read_image
from detector.printable import printable
from detector.score.archive_files import TAR_SUFFIX, ArchiveFiles, files_at, is_url
from detector.score.errors import ScoreError

if TYPE_CHECKING:
    from detector.score.tar_shards import Member

VARIABLE = "TELLTALE_ARCHIVE"
"""The environment variable: folders and `fsspec` URLs, separated as in PATH. Without it nothing is read."""

NOT_THERE = f"It is not in the folders that {VARIABLE} names on the server."
SMALL = 192
"""Pixels along the short side that looking whether it is a picture takes at least."""
SHARDS = 16
"""Tar shards of which it is remembered what lies where; others are looked through again."""


def folders() -> list[str]:
    """Those that may be read, and are there as far as can be seen from here."""
    # A colon before // is a URL's own.
    named = re.split(rf"{re.escape(os.pathsep)}(?!//)", os.environ.get(VARIABLE, ""))
    places = [each.rstrip("/") if is_url(each) else os.path.realpath(each) for each in named if each]
    return [place for place in places if is_url(place) or Path(place).is_dir()]


def is_switched_on() -> bool:
    """Whether this installation shows pictures of its own disk."""
    return bool(folders())


def picture_bytes(name: str) -> bytes:
    """The file of a picture, looked for in each folder. name: relative to one, or in full and below one; of
    a picture in a tar shard the shard's and its own, as ``python -m detector.score`` writes them. Raises
    ImageReadError."""
    for folder in folders():
        try:
            content = _content(folder, name.removeprefix(os.path.join(folder, "")))
        except (OSError, ValueError, ImageReadError, ScoreError):
            continue
        read_image(content, SMALL, name)
        return content
    raise ImageReadError(NOT_THERE)


def _content(folder: str, name: str) -> bytes:
    files = files_at(folder)
    shard, separator, inside = name.partition(f"{TAR_SUFFIX}/")
    if separator:
        shard += TAR_SUFFIX
        member = _places(folder, shard, _length(files, shard)).get(inside)
        if member is None or member.error:
            raise ImageReadError(NOT_THERE)
        content = files.source(shard, member.offset, member.size)
        assert isinstance(content, bytes), "a piece of a file is no path"
        return content
    with files.open(name) as file:
        return file.read(MAX_FILE_BYTES + 1)


def _length(files: ArchiveFiles, shard: str) -> int:
    with files.open(shard) as file:
        return file.seek(0, os.SEEK_END)


@lru_cache(maxsize=SHARDS)
def _places(folder: str, shard: str, length: int) -> dict[str, Member]:
    """Name -> where it is in the shard, of one that cannot be read to its end as far as that goes. length: of
    the shard, so that one that has grown is looked through again."""
    from detector.score.tar_shards import members  # not at the top: with it comes pandas

    places: dict[str, Member] = {}
    with suppress(ScoreError), files_at(folder).open(shard) as content:
        for member in members(content):
            places.setdefault(printable(member.name), member)
    return places
