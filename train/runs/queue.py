"""The queue of a device: one run at a time, first come, first served, with no program in charge. A run on
several GPUs waits in the queue of each.

Every queued run has a ticket in ``.queue/<device>/``, a file that names the process which waits; a ticket
whose process is gone counts for nothing. Whoever holds the oldest ticket takes the device's lock, and hands
it down to the training process: the kernel lets it go when the last of the two has ended, however that came
about.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from detector.atomic_files import lock_file, write_whole
from train.runs import processes
from train.runs.hardware import members

QUEUE = ".queue"


def take_tickets(folder: Path, device: str, run_id: str) -> list[Path]:
    """Join the queue of a device as this process; returns a ticket for each GPU of it, which ``leave`` gives
    back. They are of one age: of two runs one is before the other in every queue that both are in."""
    name, content = f"{time.time_ns():020d}.json", json.dumps({"run": run_id, **processes.identity()})
    tickets = [_queue(folder, member) / name for member in members(device)]
    for ticket in tickets:
        write_whole(ticket, content, ticket.with_suffix(f".{os.getpid()}.partial"))
    return tickets


def leave(tickets: Sequence[Path]) -> None:
    """Give tickets back; nothing happens to those that are gone already."""
    for ticket in tickets:
        ticket.unlink(missing_ok=True)


def is_first(ticket: Path) -> bool:
    """Whether no living process holds an older ticket. Tickets of the dead are thrown away on the way."""
    for other in _tickets(ticket.parent):
        if other.name >= ticket.name:
            return True
        if processes.is_alive(_read(other)):
            return False
        leave([other])
    return True


def take_device(folder: Path, device: str) -> list[int] | None:
    """The locks of all GPUs of a device as open file descriptors, or None while another run has one."""
    locks: list[int] = []
    for member in members(device):
        lock = lock_file(_queue(folder, member) / "lock")
        if lock is None:
            for taken in locks:
                os.close(taken)
            return None
        locks.append(lock)
    return locks


def positions(folder: Path) -> dict[str, int]:
    """Run id -> place in its device's queue, the longest of several, 1 for the next."""
    places: dict[str, int] = {}
    with suppress(OSError):
        for queue in (folder / QUEUE).iterdir():
            tickets = map(_read, _tickets(queue))
            held = filter(processes.is_alive, tickets)
            for place, ticket in enumerate(held, start=1):
                if isinstance(ticket.get("run"), str):
                    places[ticket["run"]] = max(place, places.get(ticket["run"], 0))
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
