"""Runs on this machine: what is true of each, and how to start, stop, resume and delete them. Usable from pages and from a terminal.

Standard library and psutil only, so that a page can import this without loading TensorFlow.
"""

from train.runs.commands import command, folder
from train.runs.directory import RunDirectory, RunError, Stopped, TrainingFailed
from train.runs.hardware import Device, Usage, devices, usage
from train.runs.launcher import delete, resume, start, stop
from train.runs.log import Match, read_log, search, tail
from train.runs.store import Run, all_runs, find, readonly, valid_id

__all__ = [
    "Device", "Match", "Run", "RunDirectory", "RunError", "Stopped", "TrainingFailed", "Usage",
    "all_runs", "command", "delete", "devices", "find", "folder", "read_log", "readonly", "resume", "search", "start", "stop", "tail", "usage",
    "valid_id",
]  # fmt: skip
