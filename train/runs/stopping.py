"""How a run is stopped: asked to finish its step and write a checkpoint, then told to end at once, then killed, each after a stated wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

CHECKPOINT_SECONDS = 60.0
"""After SIGTERM to the training process, which then finishes its step and writes a checkpoint; some machines take long over either."""
TERMINATE_SECONDS = 15.0
"""After SIGTERM to the whole process group: the second one, after which the training ends without a checkpoint. Then comes SIGKILL."""


def request() -> dict[str, str]:
    """The content of stop.json: when the stop was asked for and when its further steps come, in ISO 8601."""
    asked = datetime.now(UTC)
    terminate = asked + timedelta(seconds=CHECKPOINT_SECONDS)
    kill = terminate + timedelta(seconds=TERMINATE_SECONDS)
    return {"asked": asked.isoformat(), "terminate_at": terminate.isoformat(), "kill_at": kill.isoformat()}


def seconds(request: dict[str, Any] | None, until: str) -> float:
    """How long after it was asked for a stop comes to its step ``until``. One that makes no sense does at once."""
    start, end = (moment((request or {}).get(name)) for name in ("asked", until))
    return max(0.0, (end - start).total_seconds()) if start and end else 0.0


def sentence(stop: dict[str, Any], supervised: bool) -> str:
    """What is being done to end a run, and what comes next and when. stop: the content of stop.json, and how far it has come."""
    step = stop.get("step", "asked")
    if not supervised and step != "killed":
        return "It was asked to stop, but nobody sees to it any more. Stop it again."
    if step == "killed":
        return "It has been killed and is about to be gone."
    if step == "terminated":
        return f"It was told to end at once (SIGTERM). If it is still there at {_clock(stop, 'kill_at')}, it is killed (SIGKILL)."
    return (
        f"It is finishing its step and writing a checkpoint. If it has not ended by {_clock(stop, 'terminate_at')}, "
        f"it is told to end at once (SIGTERM); if it is still there at {_clock(stop, 'kill_at')}, it is killed (SIGKILL)."
    )


def moment(value: Any) -> datetime | None:
    """A point in time as runs write it (ISO 8601 with a zone); None for anything else."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else None


def _clock(stop: dict[str, Any], name: str) -> str:
    found = moment(stop.get(name))
    return f"{found.astimezone():%H:%M:%S}" if found else "an unknown time"
