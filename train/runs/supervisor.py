"""``python -m train.runs.supervisor``: the small process that stands behind a launched run. Started by
``train.runs.launcher`` only.

It waits for the run's turn on its device, starts the training as its child, passes on a stop, and writes down
how the training ended if that could not say so itself. One per run: the queue goes on with no page open and
no program in charge. Should it be killed, the training goes on, and readers find out from the processes that
live.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import psutil

from detector import atomic_files
from train.runs import log, processes, queue, stopping
from train.runs.assessment import look
from train.runs.commands import ROOT
from train.runs.directory import LAUNCHED, RunDirectory, RunError
from train.runs.exit_reason import explain, out_of_memory_kills
from train.runs.run_state import SUPERVISION_ENDED, RunState, StopStep, final_state, written_state

LOOK_SECONDS = 0.2
WAIT_SECONDS = 0.25
LAST_WORDS_BYTES = 8 * 1024


class Supervisor:
    """Watches over one run, from the queue to its end. device: whose turn to wait for."""

    def __init__(self, run: RunDirectory, device: str):
        self.run, self.device = run, device
        self.record: dict[str, Any] = {**processes.identity(), "device": device}
        self.log_start = 0
        self.signalled: dict[str, Any] | None = None
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_by_signal)

    def note(self, **changes: Any) -> None:
        """Write supervisor.json; a full disk does not end the watch."""
        self.record |= changes
        with suppress(OSError):
            self.run.write("supervisor.json", self.record)

    def say(self, line: str) -> None:
        """Add a line to the run's log, on a line of its own."""
        with suppress(OSError):
            size = self.run.log.stat().st_size
            begun = size and log.read_log(self.run.log, size - 1, 1)[0] != "\n"
            print("\n" if begun else "", time.strftime("%H:%M:%S"), " ", line, sep="", flush=True)

    # ---- the queue

    def wait_turn(self, tickets: Sequence[Path]) -> list[int] | None:
        """The locks of the device once it is this run's turn, or None if a stop was asked for before."""
        told = False
        while not self.stop_request():
            first = all(map(queue.is_first, tickets))
            locks = queue.take_device(self.run.path.parent, self.device) if first else None
            if locks is not None:
                return locks
            if not told:
                self.say(f"Waiting: another run has {self.device}.")
                told = True
            time.sleep(WAIT_SECONDS)
        return None

    # ---- the training

    def start(self, command: list[str], device_locks: Sequence[int]) -> int:
        """The training's pid: leader of a process group of its own, its output straight in the log.

        It waits at a gate until supervisor.json names it, and vanishes if this process is killed before: no
        training is ever unrecorded.
        """
        self.run.keep_room()
        self.log_start = self.run.log.stat().st_size
        for lock in device_locks:
            os.set_inheritable(lock, True)  # the device stays taken until the training has ended, too
        gate, opener = os.pipe()
        sys.stdout.flush()
        pid = os.fork()  # not subprocess, which waits until the program has begun
        if not pid:
            os.close(opener)
            own = {LAUNCHED: str(self.run.path.resolve()), "PYTHONUNBUFFERED": "1"}
            _become(command, {**os.environ, **own}, gate)
        self.note(state=RunState.RUNNING, trainer=processes.identity(pid))
        os.write(opener, b"go")
        os.close(opener)
        os.close(gate)
        return pid

    def watch(self, trainer: dict[str, Any]) -> StopStep | None:
        """Wait until the training has ended; on the way, do what a stop asks for. Returns the step that a
        stop had come to."""
        step: StopStep | None = None
        since = 0.0
        while process := processes.find(trainer):
            request = self.stop_request()
            waited = time.monotonic() - since
            if request and step is None:
                step, since = StopStep.ASKED, time.monotonic()
                self.note(stop={**request, "step": step})
                _signal(process, signal.SIGTERM)
            elif step == StopStep.ASKED and waited >= stopping.seconds(request, "terminate_at"):
                step = StopStep.TERMINATED
                self.note(stop={**(request or {}), "step": step})
                _signal_group(process, signal.SIGTERM)
            elif step == StopStep.TERMINATED and waited >= stopping.seconds(request, "kill_at"):
                step = StopStep.KILLED
                self.note(stop={**(request or {}), "step": step})
                _signal_group(process, signal.SIGKILL)
            time.sleep(LOOK_SECONDS)
        return step

    def conclude(
        self, trainer: dict[str, Any], returncode: int | None, out_of_memory: bool, step: StopStep | None
    ) -> None:
        """Write status.json unless the training did, or somebody resumed it already; then forget the stop."""
        with open(self.run.path / "lock", "ab") as lock:
            if not atomic_files.lock(lock.fileno()):  # it has been resumed by hand
                return
            try:
                status = self.run.read("status.json")
            except RunError:
                status = {}
            written_by_itself = final_state(status) and processes.same(status, trainer)
            if not written_by_itself:
                state, reason = explain(returncode, self._last_words(), self.run.path, out_of_memory, step)
                with suppress(OSError):
                    self.run.record_status(state, reason, returncode, trainer)
                self.say(reason)
        self.finish()

    def _last_words(self) -> str:
        """The end of what this training wrote to the log."""
        size = self.run.log.stat().st_size if self.run.log.exists() else 0
        start = max(self.log_start, size - LAST_WORDS_BYTES)
        text, _, _ = log.read_log(self.run.log, start, LAST_WORDS_BYTES)
        return text + self._last_words_of_start()

    def _last_words_of_start(self) -> str:
        """What libraries said as they started, if nothing was said after it."""
        with suppress(OSError):
            aside = self.run.path / "startup.log"
            if aside.stat().st_mtime_ns > self.run.log.stat().st_mtime_ns:
                return log.tail(aside, LAST_WORDS_BYTES)[0]
        return ""

    def finish(self) -> None:
        """The end of the watch; status.json says how it ended."""
        with suppress(OSError):
            (self.run.path / "stop.json").unlink(missing_ok=True)
        self.note(state=SUPERVISION_ENDED, stop=None)

    # ---- stops

    def stop_request(self) -> dict[str, Any] | None:
        """What stop.json says, or a signal to this process; None if no stop was asked for."""
        try:
            return self.run.read("stop.json") or self.signalled
        except RunError:
            return self.signalled

    def _asked_by_signal(self, number: int, frame: Any) -> None:
        self.signalled = self.signalled or stopping.request()


def _signal(process: psutil.Process, number: int) -> None:
    with suppress(psutil.Error):
        process.send_signal(number)


def _signal_group(process: psutil.Process, number: int) -> None:
    """Signal the whole group of a training that leads one; of one that does not, the process and its
    children alone."""
    with suppress(OSError, psutil.Error):
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, number)
            return
        for one in [*process.children(recursive=True), process]:
            _signal(one, number)


def main(arguments: list[str]) -> None:
    """Stand behind a run until it has ended. After ``--`` comes the command that trains; none to watch
    over the training that is going."""
    parser = argparse.ArgumentParser(prog="python -m train.runs.supervisor")
    parser.add_argument("path", type=Path)
    parser.add_argument(
        "--new", type=Path, help="where the folder of a new run lies before it is renamed to its path"
    )
    parser.add_argument("--device", required=True)
    parser.add_argument(
        "--lock",
        type=int,
        required=True,
        help="the runs folder's lock, held until this process has written that it is there",
    )
    parser.add_argument("--ready", type=int, required=True, help="a pipe to the launcher")
    at = arguments.index("--")
    options = parser.parse_args(arguments[:at])
    command = arguments[at + 1 :]

    supervisor = Supervisor(RunDirectory(options.new or options.path), options.device)
    tickets: list[Path] = []
    if command:
        tickets = queue.take_tickets(options.path.parent, options.device, options.path.name)
        supervisor.note(state=RunState.QUEUED)
    else:
        trainer = look(supervisor.run).trainer
        supervisor.note(state=RunState.RUNNING, trainer=trainer)
    if options.new:
        # From here on the run is there for everyone, and so is its supervisor.
        os.rename(options.new, options.path)
        supervisor.run = RunDirectory(options.path)
    os.write(options.ready, b"ready")
    os.close(options.ready)
    os.close(options.lock)

    if not tickets:
        step = supervisor.watch(trainer)
        if trainer:
            supervisor.conclude(trainer, None, False, step)
        return
    try:
        locks = supervisor.wait_turn(tickets)
        if locks is None:
            _leave_queue(supervisor)
        elif written_state(supervisor.run.read("status.json")) == RunState.COMPLETED:
            supervisor.finish()  # by a training that had outlived its supervisor
        else:
            _train(supervisor, command, locks, tickets)
    finally:
        queue.leave(tickets)


def _leave_queue(supervisor: Supervisor) -> None:
    reason = "Taken out of the queue before its turn came."
    supervisor.run.record_status(RunState.STOPPED, reason, None, processes.identity())
    supervisor.say("Taken out of the queue.")
    supervisor.finish()


def _train(supervisor: Supervisor, command: list[str], locks: Sequence[int], tickets: Sequence[Path]) -> None:
    kills = out_of_memory_kills()
    pid = supervisor.start(command, locks)
    queue.leave(tickets)
    trainer = supervisor.record["trainer"]
    step = supervisor.watch(trainer)
    with suppress(OSError):
        # What it started and left behind. Its number cannot be another's before it is waited for.
        os.killpg(pid, signal.SIGKILL)
    returncode = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    supervisor.conclude(trainer, returncode, out_of_memory_kills() > kills, step)


def _become(command: list[str], environment: dict[str, str], gate: int) -> NoReturn:
    """Turn this process, a fresh child, into ``command`` once the gate opens."""
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGPIPE, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        if os.read(gate, 2) == b"go":
            os.chdir(ROOT)
            os.execvpe(command[0], command, environment)
    except OSError as error:
        os.write(2, f"train: {command[0]} cannot be run: {error.strerror}.\n".encode())
    finally:
        os._exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
