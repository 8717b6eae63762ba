"""Times and sizes of files, in words."""

from __future__ import annotations

import math


def duration(seconds: float | None) -> str:
    """For instance "45 s", "3 min", "2 h 05 min"; a dash where it is not known."""
    if seconds is None or math.isnan(seconds) or seconds < 0:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02} min"


def size(count: float) -> str:
    """Bytes, for instance "1.2 MB"."""
    if count < 1000:
        return f"{count:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} TB"
