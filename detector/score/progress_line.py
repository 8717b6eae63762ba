"""How far a scoring run is, how fast, and how long it will take."""

from __future__ import annotations

import sys
import time

SECONDS_BETWEEN_LINES = 30.0
"""Where standard error is no terminal but a log."""


class ProgressLine:
    """Says it on standard error: a line that the next one replaces on a terminal, now and then a line in a
    log."""

    def __init__(self, total: int, done: int):
        """done: what earlier runs did, which says nothing about how fast this one is."""
        self.total, self.done, self._before = total, done, done
        self._start = self._said = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def advance(self, rows: int) -> None:
        """So many more are scored and kept."""
        self.done += rows
        now = time.monotonic()
        if self._terminal:
            print(f"\r\x1b[K{self._text(now)}", end="", file=sys.stderr, flush=True)
        elif now - self._said >= SECONDS_BETWEEN_LINES:
            self._said = now
            print(self._text(now), file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Make room for what is said next."""
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _text(self, now: float) -> str:
        rate = (self.done - self._before) / max(now - self._start, 1e-3)
        left = (self.total - self.done) / rate if rate else float("inf")
        share = self.done / self.total
        return f"{self.done:,} of {self.total:,} ({share:.0%}), {rate:,.0f} a second, {time_left(left)}"


def time_left(seconds: float) -> str:
    """ "about 3 min left", "about 5 h left"."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s left"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min left"
    return f"about {round(seconds / 3600)} h left" if seconds < 1e8 else "time left not known"
