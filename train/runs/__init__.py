"""Runs on this machine: what is true of each, and how to start, stop, resume and delete them. Usable from
pages and from a terminal.

Standard library and psutil only, so that a page can import this without loading TensorFlow.
"""

from train.runs.batch_shares import batch_in_words, uneven_batch
from train.runs.commands import command
from train.runs.commands import runs_folder as folder
from train.runs.directory import RunDirectory, RunError, Stopped, TrainingFailed
from train.runs.hardware import Device, Usage, devices, gpu_count, usage
from train.runs.launcher import delete, resume, start, stop
from train.runs.log import Match, read_log, search, tail
from train.runs.phases import Phase
from train.runs.run_state import RunState
from train.runs.store import Run, all_runs, find, readonly, valid_id, why_locked

__all__ = [
    "Device",
    "Match",
    "Phase",
    "Run",
    "RunDirectory",
    "RunError",
    "RunState",
    "Stopped",
    "TrainingFailed",
    "Usage",
    "all_runs",
    "batch_in_words",
    "command",
    "delete",
    "devices",
    "find",
    "folder",
    "gpu_count",
    "read_log",
    "readonly",
    "resume",
    "search",
    "start",
    "stop",
    "tail",
    "uneven_batch",
    "usage",
    "valid_id",
    "why_locked",
]
