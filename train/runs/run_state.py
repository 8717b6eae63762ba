"""The states a run can be in, and the steps by which it is stopped: the words that its files, the terminal
and the pages share."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class RunState(StrEnum):
    """What is true of a run. Its files only ever say queued, running, completed, failed or stopped; the
    others are found out from the processes that live."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"
    """Its process is gone without a word."""
    DAMAGED = "damaged"
    """No run can be read there."""

    @property
    def title(self) -> str:  # type: ignore[override]  # nobody needs the method of str
        return self.value.capitalize()

    @property
    def live(self) -> bool:
        """Whether it waits, trains or is being stopped."""
        return self in (RunState.QUEUED, RunState.RUNNING, RunState.STOPPING)

    @property
    def training(self) -> bool:
        """Whether a training process works on it."""
        return self in (RunState.RUNNING, RunState.STOPPING)

    @property
    def final(self) -> bool:
        """Whether a training writes it down as its last word."""
        return self in (RunState.COMPLETED, RunState.FAILED, RunState.STOPPED)

    @property
    def went_wrong(self) -> bool:
        return self in (RunState.FAILED, RunState.LOST, RunState.DAMAGED)


WRITTEN = (RunState.QUEUED, RunState.RUNNING, RunState.COMPLETED, RunState.FAILED, RunState.STOPPED)
"""Those that status.json may hold."""

SUPERVISION_ENDED = "ended"
"""What supervisor.json holds, in place of a state, once nobody watches over the run any more."""


def written_state(content: dict[str, Any]) -> RunState | None:
    """The "state" of a run's file; None where there is none, or something else."""
    state = content.get("state")
    try:
        return RunState(state) if isinstance(state, str) else None
    except ValueError:
        return None


def final_state(content: dict[str, Any]) -> RunState | None:
    """``written_state`` where that is the last word of a training."""
    state = written_state(content)
    return state if state and state.final else None


class StopStep(StrEnum):
    """How far a stop has come."""

    ASKED = "asked"
    """To finish its step and write a checkpoint."""
    TERMINATED = "terminated"
    """Told to end at once."""
    KILLED = "killed"
