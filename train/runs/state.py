"""What a run directory says about its run, checked against the processes that live now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from train.runs import processes, stopping
from train.runs.directory import FINAL, RunDirectory, RunError

QUEUED, RUNNING, STOPPING, COMPLETED, FAILED, STOPPED, LOST, DAMAGED = (
    "queued", "running", "stopping", "completed", "failed", "stopped", "lost", "damaged",
)  # fmt: skip
LIVE = (QUEUED, RUNNING, STOPPING)


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


def assess(run: RunDirectory) -> tuple[Facts, str, str]:
    """(facts, state, reason) of a run as they are now."""
    facts = look(run)
    state, reason = judge(facts)
    if state not in LIVE and facts.status.get("state") not in FINAL:
        # It may have ended between two of these looks; now that its processes are gone, its files are its last.
        facts = look(run)
        state, reason = judge(facts)
    return facts, state, reason


def look(run: RunDirectory) -> Facts:
    """Read a run directory and look for its processes."""
    files: dict[str, dict[str, Any]] = {}
    problem = ""
    for name in ("launch", "config", "status", "supervisor", "stop"):
        try:
            files[name] = run.read(f"{name}.json")
        except RunError:
            files[name] = {}
            problem = problem or f"{name}.json in this folder is damaged or was not written by Telltale."
    supervisor, status = files["supervisor"], files["status"]
    problem = problem or _nonsense(files)
    trainer: dict[str, Any] = {}
    ended = supervisor.get("state") == "ended" and status.get("state") in FINAL
    for record in (status, supervisor.get("trainer")):
        if isinstance(record, dict) and not ended and processes.is_alive(record):
            trainer = {key: record[key] for key in ("pid", "create_time")}
            break
    if isinstance(supervisor.get("stop"), dict):
        files["stop"] = supervisor["stop"]
    return Facts(**files, problem=problem, trainer=trainer, supervised=not ended and processes.is_alive(supervisor))


def judge(facts: Facts) -> tuple[str, str]:
    """(state, reason): one of this module's states, and a sentence, which may be empty where the state says it all."""
    status, supervisor = facts.status, facts.supervisor
    if facts.trainer:
        return (STOPPING, stopping.sentence(facts.stop, facts.supervised)) if facts.stop else (RUNNING, "" if status else "It is starting.")
    if facts.supervised:
        if supervisor.get("state") == QUEUED:
            return (STOPPING, "It is leaving the queue.") if facts.stop else (QUEUED, "")
        return RUNNING, "Its end is being written down."
    if facts.problem:
        return DAMAGED, facts.problem
    if supervisor.get("state") == QUEUED:
        return _gone(facts, supervisor, "It was waiting for its turn when the process that waited for it was ended.")
    trainer = supervisor.get("trainer") or status
    if status.get("state") in FINAL and (supervisor.get("state") != RUNNING or processes.same(status, trainer)):
        return status["state"], status.get("reason", "")
    if not facts.config and not facts.launch:
        return DAMAGED, "This folder holds no run: it has neither config.json nor launch.json."
    return _gone(facts, trainer, "Its process is gone without a word: it was killed, or the machine ran out of memory.")


def _gone(facts: Facts, process: dict[str, Any], sentence: str) -> tuple[str, str]:
    if facts.stop:
        return STOPPED, "Stopped on request; how it ended was not written down."
    if processes.ended_by_restart(process):
        return LOST, "The machine was restarted before it had finished."
    return LOST, sentence


def _nonsense(files: dict[str, dict[str, Any]]) -> str:
    """A sentence if a field is of another kind than runs write; "" if all is well."""
    kinds = {
        "launch": {"recipe": str, "overrides": list, "data": str, "device": str},
        "config": {"recipe": dict, "data": str, "command": str},
        "status": {"state": str, "reason": str, "pid": int, "create_time": (int, float)},
        "supervisor": {"state": str, "pid": int, "create_time": (int, float)},
        "stop": {"asked": str},
    }
    for name, fields in kinds.items():
        for key, kind in fields.items():
            if files[name] and not isinstance(files[name].get(key), kind):
                return f'{name}.json in this folder is damaged or was not written by Telltale: "{key}" is not what it should be.'
    return ""
