"""How a run is stopped: asked to finish its step and write a checkpoint, then told to end at once, then
killed, each after a stated wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from train.runs.run_state import StopStep

CHECKPOINT_SECONDS = 60.0
"""After SIGTERM to the training process, which then finishes its step and writes a checkpoint; some
machines take long over either."""
TERMINATE_SECONDS = 15.0
"""After SIGTERM to the whole process group: the second one, after which the training ends without a
checkpoint. Then comes SIGKILL."""


def request() -> dict[str, str]:
    """The content of stop.json: when the stop was asked for and when its further steps come, in ISO 8601."""
    asked = datetime.now(UTC)
    terminate = asked + timedelta(seconds=CHECKPOINT_SECONDS)
    kill = terminate + timedelta(seconds=TERMINATE_SECONDS)
    return {"asked": asked.isoformat(), "terminate_at": terminate.isoformat(), "kill_at": kill.isoformat()}


def seconds(request: dict[str, Any] | None, until: str) -> float:
    """How long after it was asked for a stop comes to its step ``until``. One that makes no sense does at
    once."""
    known = request or {}
    start = moment(known.get("asked"))
    end = moment(known.get(until))
    if start is None or end is None:
        return 0.0
    return max(0.0, (end - start).total_seconds())


def sentence(stop: dict[str, Any], supervised: bool) -> str:
    """What is being done to end a run, and what comes next and when. stop: the content of stop.json, and
    how far it has come."""
    step = stop.get("step", StopStep.ASKED)
    if step == StopStep.KILLED:
        return "It has been killed and is about to be gone."
    if not supervised:
        return "It was asked to stop, but nobody sees to it any more. Stop it again."
    end, kill = _clock(stop, "terminate_at"), _clock(stop, "kill_at")
    if step == StopStep.TERMINATED:
        return (
            f"It was told to end at once (SIGTERM). If it is still there at {kill}, it is killed (SIGKILL)."
        )
    return (
        f"It is finishing its step and writing a checkpoint. If it has not ended by {end}, it is told to end"
        f" at once (SIGTERM); if it is still there at {kill}, it is killed (SIGKILL)."
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
