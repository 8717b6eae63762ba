"""What a run directory says about its run, checked against the processes that live now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from train.runs import processes, stopping
from train.runs.directory import RunDirectory, RunError
from train.runs.run_state import SUPERVISION_ENDED, RunState, final_state, written_state

FILES = ("launch", "config", "status", "supervisor", "stop")
"""What is read of a run, ``.json`` left out."""
KINDS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "launch": {"recipe": str, "overrides": list, "data": str, "device": str},
    "config": {"recipe": dict, "data": str, "command": str},
    "status": {"state": str, "reason": str, "pid": int, "create_time": (int, float)},
    "supervisor": {"state": str, "pid": int, "create_time": (int, float)},
    "stop": {"asked": str},
}
"""File -> the fields that a run always writes there, and of which kind they are."""


@dataclass(frozen=True)
class Facts:
    """The files of a run, {} for those that are not there, and whether the processes they name live.

    problem: a sentence, if a file is damaged.
    """

    launch: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    supervisor: dict[str, Any] = field(default_factory=dict)
    stop: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    trainer: dict[str, Any] = field(default_factory=dict)
    """The ``processes.identity`` of the training process, if it lives."""
    supervised: bool = False
    """Whether the supervisor lives."""


def assess(run: RunDirectory) -> tuple[Facts, RunState, str]:
    """(facts, state, reason) of a run as they are now."""
    facts = look(run)
    state, reason = judge(facts)
    if not state.live and final_state(facts.status) is None:
        # It may have ended between two of these looks; now that its processes are gone, its files are its
        # last.
        facts = look(run)
        state, reason = judge(facts)
    return facts, state, reason


def look(run: RunDirectory) -> Facts:
    """Read a run directory and look for its processes."""
    files: dict[str, dict[str, Any]] = {}
    problem = ""
    for name in FILES:
        try:
            files[name] = run.read(f"{name}.json")
        except RunError:
            files[name] = {}
            problem = problem or f"{name}.json in this folder is damaged or was not written by Telltale."
    supervisor, status = files["supervisor"], files["status"]
    problem = problem or _nonsense(files)
    trainer: dict[str, Any] = {}
    unwatched = supervisor.get("state") == SUPERVISION_ENDED
    ended = unwatched and final_state(status) is not None
    for record in (status, supervisor.get("trainer")):
        if isinstance(record, dict) and not ended and processes.is_alive(record):
            trainer = {key: record[key] for key in ("pid", "create_time")}
            break
    if isinstance(supervisor.get("stop"), dict):
        files["stop"] = supervisor["stop"]
    supervised = not ended and processes.is_alive(supervisor)
    return Facts(**files, problem=problem, trainer=trainer, supervised=supervised)


def judge(facts: Facts) -> tuple[RunState, str]:
    """(state, reason): the reason is a sentence, which may be empty where the state says it all."""
    status, supervisor = facts.status, facts.supervisor
    watched_as = written_state(supervisor)
    if facts.trainer and facts.stop:
        return RunState.STOPPING, stopping.sentence(facts.stop, facts.supervised)
    if facts.trainer:
        return RunState.RUNNING, "" if status else "It is starting."
    if facts.supervised and watched_as != RunState.QUEUED:
        return RunState.RUNNING, "Its end is being written down."
    if facts.supervised and facts.stop:
        return RunState.STOPPING, "It is leaving the queue."
    if facts.supervised:
        return RunState.QUEUED, ""
    if facts.problem:
        return RunState.DAMAGED, facts.problem
    if watched_as == RunState.QUEUED:
        sentence = "It was waiting for its turn when the process that waited for it was ended."
        return _gone(facts, supervisor, sentence)
    trainer = supervisor.get("trainer") or status
    of_this_training = watched_as != RunState.RUNNING or processes.same(status, trainer)
    written = final_state(status)
    if written and of_this_training:
        return written, status.get("reason", "")
    if not facts.config and not facts.launch:
        return RunState.DAMAGED, "This folder holds no run: it has neither config.json nor launch.json."
    sentence = "Its process is gone without a word: it was killed, or the machine ran out of memory."
    return _gone(facts, trainer, sentence)


def _gone(facts: Facts, process: dict[str, Any], sentence: str) -> tuple[RunState, str]:
    if facts.stop:
        return RunState.STOPPED, "Stopped on request; how it ended was not written down."
    if processes.ended_by_restart(process):
        return RunState.LOST, "The machine was restarted before it had finished."
    return RunState.LOST, sentence


def _nonsense(files: dict[str, dict[str, Any]]) -> str:
    """A sentence if a field is of another kind than runs write; "" if all is well."""
    for name, fields in KINDS.items():
        content = files[name]
        for key, kind in fields.items():
            if content and not isinstance(content.get(key), kind):
                return (
                    f'{name}.json in this folder is damaged or was not written by Telltale: "{key}" is not'
                    " what it should be."
                )
    return ""
