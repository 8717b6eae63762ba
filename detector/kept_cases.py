"""Cases that are kept on this machine's disk so that a reload of the page, or a restart of the app, loses
nothing.

``TELLTALE_STATE`` names the folder, or is "off"; without it they lie below ``TELLTALE_HOME``, where that is
set. A case lies in a folder of its own under a key that nobody can guess: whoever knows the key can read the
case. Folders are for their owner alone, and go when nothing has changed in them for ``DAYS``.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

from detector.atomic_files import alone_in, replacing, write_whole
from detector.case_files import (
    CASE,
    MAX_JSON_BYTES,
    UNREADABLE,
    CaseError,
    check_size,
    contents,
    description,
    from_description,
)
from detector.cases import Case
from detector.home_folder import VARIABLE as HOME_VARIABLE
from detector.home_folder import home
from detector.images import MAX_FILE_BYTES

VARIABLE, OFF = "TELLTALE_STATE", "off"
DAYS = 7
MAX_CASES = 20
"""Kept at once; the one that was left alone the longest goes first."""

_KEY = re.compile(r"[A-Za-z0-9_-]{22}")


def folder() -> Path | None:
    """Where cases are kept; None where that is switched off. It may not be there yet."""
    named = os.environ.get(VARIABLE, "")
    if named == OFF:
        return None
    if named:
        return Path(named) / "cases"
    if os.environ.get(HOME_VARIABLE):
        return home() / "cases"
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "telltale" / "cases"


def new_key() -> str:
    """128 bits that nobody can guess, as 22 characters that an address can hold."""
    return secrets.token_urlsafe(16)


def place(key: str) -> Path | None:
    """The folder of the case with that key; None where nothing is kept, or where it is no key at all."""
    root = folder()
    return root / key if root and _KEY.fullmatch(key) else None


def keep(case: Case, key: str) -> None:
    """Put the case in the place of what is kept under ``key``; a picture that lies there already is not
    written again. A kill at any moment leaves the old case or the new one; of two sessions with one key the
    later wins. Raises OSError, and CaseError where the case is too large to be kept."""
    here = place(key)
    if here is None:
        return
    check_size(case)
    here.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    here.mkdir(exist_ok=True, mode=0o700)
    wanted = contents(case)
    with alone_in(here):
        for digest, content in wanted.items():
            if not (here / digest).is_file():
                with replacing(here / digest) as temporary:
                    temporary.write_bytes(content)
        write_whole(here / CASE, description(case))
        for file in here.iterdir():
            if file.name != CASE and file.name not in wanted:
                file.unlink(missing_ok=True)
    expire()


def is_kept(key: str) -> bool:
    """Whether there still is a case under ``key``."""
    here = place(key)
    return here is not None and (here / CASE).is_file()


def read(key: str) -> Case | None:
    """The case that is kept under ``key``; None where there is none or it cannot be read."""
    here = place(key)
    if here is None:
        return None
    try:
        with alone_in(here):
            text = _bounded(here / CASE, MAX_JSON_BYTES)
            return from_description(text, lambda digest: _bounded(here / digest, MAX_FILE_BYTES))
    except UNREADABLE:
        return None


def forget(key: str) -> None:
    """Delete what is kept under ``key``."""
    if here := place(key):
        shutil.rmtree(here, ignore_errors=True)


def expire() -> None:
    """Delete the cases that have been left alone for too long, and the oldest where there are too many; what
    cannot be deleted stays."""
    root = folder()
    try:
        cases = list(root.iterdir()) if root else []
    except OSError:  # nothing was kept yet, or it is somebody else's
        return
    changed: dict[Path, float] = {}
    for case in cases:
        if _KEY.fullmatch(case.name):
            with suppress(OSError):  # another process has just deleted it
                changed[case] = (case / CASE if (case / CASE).exists() else case).stat().st_mtime
    newest_first = sorted(changed, key=lambda case: -changed[case])
    too_old = time.time() - DAYS * 24 * 3600
    for number, case in enumerate(newest_first):
        if number >= MAX_CASES or changed[case] < too_old:
            shutil.rmtree(case, ignore_errors=True)


def _bounded(path: Path, limit: int) -> bytes:
    """A file's bytes. Raises OSError, and CaseError if there are more than may be."""
    with open(path, "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise CaseError(f"{path.name} is larger than it may be.")
    return content
