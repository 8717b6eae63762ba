"""Waiting for a processor: one run per device at a time, first come, first served, with no program in charge.

Every waiting run has a ticket in ``.queue/<device>/``, a file that names the process which waits; a ticket whose process is gone
counts for nothing. Whoever holds the oldest ticket takes the device's lock, and hands it down to the training process: the kernel
lets it go when the last of the two has ended, however that came about.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from train.runs import processes

QUEUE = ".queue"


def take_ticket(folder: Path, device: str, run_id: str) -> Path:
    """Join the queue of a device as this process; returns the ticket, which ``leave`` gives back."""
    queue = _queue(folder, device)
    ticket = queue / f"{time.time_ns():020d}.json"
    temporary = ticket.with_suffix(f".{os.getpid()}.partial")
    temporary.write_text(json.dumps({"run": run_id, **processes.identity()}), "utf-8")
    os.replace(temporary, ticket)
    return ticket


def leave(ticket: Path) -> None:
    """Give a ticket back; nothing happens if it is gone already."""
    ticket.unlink(missing_ok=True)


def is_first(ticket: Path) -> bool:
    """Whether no living process holds an older ticket. Tickets of the dead are thrown away on the way."""
    for other in _tickets(ticket.parent):
        if other.name >= ticket.name:
            return True
        if processes.is_alive(_read(other)):
            return False
        leave(other)
    return True


def take_device(folder: Path, device: str) -> int | None:
    """The device's lock as an open file descriptor, or None while another run has it."""
    import fcntl

    lock = os.open(_queue(folder, device) / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def positions(folder: Path) -> dict[str, int]:
    """Run id -> place in its device's queue, 1 for the next."""
    places: dict[str, int] = {}
    with suppress(OSError):
        for queue in (folder / QUEUE).iterdir():
            waiting = [content for ticket in _tickets(queue) if processes.is_alive(content := _read(ticket))]
            places |= {content["run"]: place for place, content in enumerate(waiting, start=1) if isinstance(content.get("run"), str)}
    return places


def _queue(folder: Path, device: str) -> Path:
    queue = folder / QUEUE / device.replace(":", "-")
    queue.mkdir(parents=True, exist_ok=True)
    return queue


def _tickets(queue: Path) -> list[Path]:
    """Oldest first."""
    try:
        return sorted(queue.glob("*.json"))
    except OSError:
        return []


def _read(ticket: Path) -> dict[str, Any]:
    try:
        content = json.loads(ticket.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
