"""What the programs of this folder say while they work."""

from __future__ import annotations

import time


def say(line: str) -> None:
    """A line on standard output, at once, with the time before it."""
    print(time.strftime("%H:%M:%S"), line, flush=True)
