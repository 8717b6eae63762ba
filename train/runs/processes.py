"""Which process is meant, and whether it still lives: a number alone says nothing once another program has
got it."""

from __future__ import annotations

from typing import Any

import psutil

# The kernel derives a process's creation time from the wall clock, so the figure moves when the clock is set.
CLOCK_STEP_SECONDS = 10.0


def identity(pid: int | None = None) -> dict[str, Any]:
    """``{"pid", "create_time"}`` of a process, this one by default. Raises psutil.Error if there is none."""
    process = psutil.Process(pid)
    return {"pid": process.pid, "create_time": process.create_time()}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two records are of one process; False for records that name none."""
    try:
        apart = abs(one["create_time"] - other["create_time"])
        return one["pid"] == other["pid"] and apart < CLOCK_STEP_SECONDS
    except (KeyError, TypeError):
        return False


def find(record: dict[str, Any]) -> psutil.Process | None:
    """The living process a record is of: same number and creation time, not a zombie. None for nonsense,
    too."""
    try:
        process = psutil.Process(record["pid"])
        found = {"pid": process.pid, "create_time": process.create_time()}
        lives = same(record, found) and process.status() != psutil.STATUS_ZOMBIE
        return process if lives else None
    except (KeyError, TypeError, ValueError, OverflowError, psutil.Error):
        return None


def is_alive(record: dict[str, Any]) -> bool:
    """Whether ``find`` finds the process."""
    return find(record) is not None


def ended_by_restart(record: dict[str, Any]) -> bool:
    """Whether the machine was started again after the process began."""
    created = record.get("create_time")
    return isinstance(created, (int, float)) and created < psutil.boot_time() - CLOCK_STEP_SECONDS
