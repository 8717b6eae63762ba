"""Why a training process ended, in the user's words, when it could not say so itself."""

from __future__ import annotations

import re
import shutil
import signal
from pathlib import Path

from train.runs.run_state import RunState, StopStep

LITTLE_ROOM = 4 * 2**20
"""With less free than this, no checkpoint is written."""
_DISK_FULL = re.compile(r"No space left on device|Disk quota exceeded|\[Errno (28|122)\]")
_OUT_OF_MEMORY = re.compile(
    r"MemoryError|bad_alloc|OOM when allocating|ResourceExhausted|RESOURCE_EXHAUSTED|out of memory",
    re.IGNORECASE,
)
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit|Failed|Warning)(: .*)?$")
PROGRAM = "train: "
"""What the training puts in front of a sentence it ends with."""
ADVICE = "Use a smaller batch_size or cache_gb, or close other programs"


def explain(
    returncode: int | None, said: str, disk: Path, out_of_memory: bool, stop_step: StopStep | None
) -> tuple[RunState, str]:
    """(state, reason) of a training process that ended without writing them.

    returncode: as ``subprocess`` has it, None if nobody could see it. said: the end of what it wrote to its
    log, without control codes. disk: a folder on the disk it wrote to. out_of_memory: whether the kernel
    ended a process for want of memory meanwhile. stop_step: what a stop had come to; None if none was asked
    for.
    """
    if stop_step == StopStep.KILLED:
        return RunState.STOPPED, (
            "Stopped on request. It did not end by itself, so it was killed; what it did since its last"
            " checkpoint is lost."
        )
    if stop_step:
        sentence = "Stopped on request; what it did since its last checkpoint, if anything, is lost."
        return RunState.STOPPED, sentence
    return RunState.FAILED, _why_it_failed(returncode, said, disk, out_of_memory)


def _why_it_failed(returncode: int | None, said: str, disk: Path, out_of_memory: bool) -> str:
    last = last_line(said)
    if _DISK_FULL.search(said) or shutil.disk_usage(disk).free < LITTLE_ROOM:
        return "The disk is full. Free some space, then resume."
    if out_of_memory or _OUT_OF_MEMORY.search(last):
        return f"The machine ran out of memory. {ADVICE}, then start again or resume."
    if returncode == -signal.SIGKILL:
        return (
            "It was killed from outside (SIGKILL); most often the machine has run out of memory."
            f" {ADVICE}, or simply resume."
        )
    if returncode is not None and returncode < 0:
        name = _signal_name(-returncode)
        if -returncode in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            return f"It was ended from outside ({name}), not from here."
        return f"It crashed ({name}).{_last_words(last)}"
    if last and (_EXCEPTION.match(last) or PROGRAM + last in said):
        return last
    code = "" if returncode is None else f" (exit code {returncode})"
    return f"It ended without saying why{code}.{_last_words(last)}"


def last_line(said: str) -> str:
    """The last line that says anything, at most 500 characters, without the name of the program in front."""
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1].strip().removeprefix(PROGRAM)[:500] if lines else ""


def _last_words(last: str) -> str:
    return f" Its last words: {last}" if last else ""


def out_of_memory_kills() -> int:
    """How many processes the kernel has ended for want of memory since the machine started; 0 where it
    does not say (only Linux does)."""
    try:
        found = re.search(r"^oom_kill (\d+)$", Path("/proc/vmstat").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
