"""Stands in for ``python -m train`` where hours and TensorFlow would only be in the way: the same contract,
another history per recipe.

Its recipes are ``name`` or ``name:seconds`` (how long a step takes). It has STEPS steps, each followed by a
checkpoint, and leaves in ``proof.txt`` one line per step it did (its number, the process, the time), so that
a test can tell what truly happened from what the run's files say.
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from train.runs.directory import RunDirectory, RunError, Stopped
from train.runs.run_state import RunState

STEPS = 10
FLOOD_BYTES = 50 * 2**20


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("--recipe", "--data", "--run-dir", "--resume", "--device"):
        parser.add_argument(name)
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    try:
        if arguments.resume:
            run = RunDirectory.open(arguments.resume)
        else:
            run = RunDirectory.claim(arguments.run_dir)
            recipe = {"name": arguments.recipe, **dict(setting.split("=", 1) for setting in arguments.set)}
            run.write(
                "config.json", {"recipe": recipe, "data": arguments.data, "command": "python -m train ..."}
            )
        run.hold()
    except RunError as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    name, _, seconds = run.read("config.json")["recipe"]["name"].partition(":")
    return Training(run, float(seconds or 0.01)).tell(name)


class Training:
    """The life of a run with that many seconds per step."""

    def __init__(self, run: RunDirectory, seconds: float):
        self.run, self.seconds = run, seconds
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, number, frame) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def tell(self, name: str) -> int:
        self.run.keep_room()
        self.run.set_status(RunState.RUNNING)
        print(f"History {name}.", flush=True)
        try:
            getattr(self, name)()
        except (Stopped, KeyboardInterrupt):
            self.run.set_status(RunState.STOPPED, "Stopped on request.", 3)
            return 3
        self.run.set_status(RunState.COMPLETED, "", 0)
        return 0

    def finishes(self) -> None:
        self.steps(STEPS)
        self.run.bundle.mkdir(exist_ok=True)
        (self.run.bundle / "card.json").write_text("{}")

    def steps(self, until: int) -> None:
        self.run.checkpoints.mkdir(exist_ok=True)
        done = len(list(self.run.checkpoints.glob("??????")))
        while done < until:
            if self.asked:
                raise Stopped
            time.sleep(self.seconds)
            done += 1
            print(f"\x1b[32mstep {done}\x1b[0m of {STEPS}", flush=True)
            with open(self.run.path / "proof.txt", "a") as proof:
                proof.write(f"{done} {os.getpid()} {time.monotonic()}\n")
            (self.run.checkpoints / f"{done:06d}.partial").mkdir(exist_ok=True)
            os.rename(self.run.checkpoints / f"{done:06d}.partial", self.run.checkpoints / f"{done:06d}")
            self.run.write("progress.json", {"stage": "finetune", "step": done, "steps": STEPS})
            self.run.append_metrics({"epoch": done, "loss": 1 / done, "val_auc": 0.5})

    def raises(self) -> None:
        self.steps(3)
        raise ValueError("the third step is one too many")

    def raises_once(self) -> None:
        self.steps(3) if self.first_time() else self.finishes()
        if not (self.run.bundle / "card.json").exists():
            raise ValueError("the third step is one too many")

    def first_time(self) -> bool:
        return (self.run.path / "proof.txt").exists() is False

    def kills_itself(self) -> None:
        self.steps(2)
        os.kill(os.getpid(), signal.SIGKILL)

    def crashes(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)

    def dies_while_libraries_start(self) -> None:
        """What they say goes to a file of its own, after all that is in the log."""
        time.sleep(0.05)
        (self.run.path / "startup.log").write_text("terminate called: std::bad_alloc\n")
        os._exit(134)

    def leaves_silently(self) -> None:
        os._exit(7)

    def fills_the_disk(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def runs_out_of_memory(self) -> None:
        raise MemoryError

    def waits_to_be_stopped(self) -> None:
        self.steps(1)
        while not self.asked:
            time.sleep(0.01)
        raise Stopped

    def ignores_sigterm(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("deaf", flush=True)
        time.sleep(600)

    def ends_at_the_second_sigterm(self) -> None:
        print("hard of hearing", flush=True)
        while True:
            time.sleep(0.01)

    def leaves_a_child(self) -> None:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (self.run.path / "child.txt").write_text(str(child.pid))
        os._exit(1)

    def writes_without_newline(self) -> None:
        sys.stdout.write("the end is never")
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    def floods_its_log(self) -> None:
        line = "x" * 99 + "\n"
        for _ in range(FLOOD_BYTES // len(line) // 1000):
            sys.stdout.write(line * 1000)
        sys.stdout.flush()
        raise ValueError("dry")


if __name__ == "__main__":
    sys.exit(main())
