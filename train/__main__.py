"""``python -m train``: train a model from a recipe and a folder of images, or resume a run.

Exit status: 0 finished, 1 failed, 2 wrong usage or data, 3 stopped on request with a checkpoint to resume
from.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shlex
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from detector import architectures
from detector.datasets import Dataset, DatasetError, concerns, leave_out, load_dataset
from detector.images import ImageReadError
from train.recipes import BACKBONE_WEIGHTS, Recipe, RecipeError, from_dict, load_recipe, names
from train.runs import RunDirectory, RunError, RunState, Stopped, TrainingFailed
from train.runs.commands import command, wherever_started
from train.runs.directory import DISK_FULL, require_text
from train.runs.hardware import environment
from train.runs.phases import Phase, PhaseProgress
from train.timed_lines import say

FINISHED, FAILED, USAGE, STOPPED = 0, 1, 2, 3
COPY_SECONDS = 0.1
BLOCK_BYTES = 2**16
MOST_NAMED = 20
"""So many unreadable pictures are named in the log."""


def main(argv: list[str] | None = None) -> int:
    """Train as the command line says; returns the exit status."""
    arguments = _parse(argv)
    try:
        os.environ |= environment(arguments.device)
        training = _continued(arguments.resume) if arguments.resume else _new(arguments)
        training.run.hold()
    except (RecipeError, RunError) as error:
        print(f"train: {error}", file=sys.stderr)
        return USAGE
    with logged(training.run.log):
        code = _train(training, arguments.device)
    if code in (FAILED, USAGE) and not sys.stdout.isatty():  # for whoever sees only standard error
        print(f"train: {training.run.read('status.json')['reason']}", file=sys.stderr)
    return code


@dataclass(frozen=True)
class _Training:
    """What is to be trained. command: for the card, without this machine's paths. exclude: an exclusion list
    that counts instead of the one beside the data."""

    run: RunDirectory
    recipe: Recipe
    data: str
    command: str
    exclude: str | None = None


def _new(arguments: argparse.Namespace) -> _Training:
    """A new run in a directory of its own. Raises RecipeError or RunError."""
    for what, path in (("data folder", arguments.data), ("run directory", arguments.run_dir)):
        require_text(what, os.path.abspath(path))
    for text in (arguments.recipe, *arguments.set):
        require_text("recipe or weights file", text)
    recipe = load_recipe(arguments.recipe, arguments.set)
    if architectures.get(recipe.architecture).encoder:
        raise RecipeError(
            f"{recipe.architecture} stands on a frozen encoder: store its features with"
            " python -m train.feature_store, then train its head with python -m train.head."
        )
    data = str(Path(arguments.data).resolve())
    command = _for_the_card(arguments)
    exclude = str(Path(arguments.exclude).resolve()) if arguments.exclude else None
    run = RunDirectory.claim(arguments.run_dir)
    config = {
        "recipe": recipe.to_dict(),
        "data": data,
        "exclude": exclude,
        "command": command,
        "words": _as_repeated(arguments),
        "created": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    run.write("config.json", config)
    return _Training(run, recipe, data, command, exclude)


def _continued(path: str) -> _Training:
    """A run that goes on from where it is. Raises RecipeError or RunError."""
    require_text("run directory", os.path.abspath(path))
    run = RunDirectory.open(path)
    if run.alive():
        raise RunError(f"The run {run.path} is still going (process {run.read('status.json')['pid']}).")
    config = run.read("config.json")
    try:
        recipe, exclude = from_dict(config["recipe"]), config.get("exclude")
        return _Training(run, recipe, config["data"], config["command"], exclude)
    except (KeyError, TypeError) as error:
        raise RunError(f"{run.path}/config.json is not what a run writes there: {error}.") from error


def _train(training: _Training, asked_for: str) -> int:
    """Train, evaluate once and write the bundle; every way this can end is written into status.json.

    asked_for: the device that was named, or "auto".
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # keep TensorFlow's start-up chatter out of the log
    run, recipe = training.run, training.recipe
    stop = _StopOnSignal()
    run.keep_room()
    run.set_status(RunState.RUNNING)
    again = f"python -m train --resume {shlex.quote(str(run.path))}"
    start_up = ExitStack()
    try:
        progress = _ScanProgress(run, stop)
        dataset = load_dataset(training.data, **recipe.cut, exclude=training.exclude, progress=progress)
        if recipe.left_out_folds:
            dataset = leave_out(dataset, recipe.left_out_fold, recipe.left_out_folds)
        _describe(dataset)
        _compare_with_start(run, dataset)
        # Keras is imported only now: a wrong folder is reported at once, not after TensorFlow has started.
        start_up.enter_context(stderr_in(run.path / "startup.log"))
        from train.device import set_up
        from train.finish import write_bundle
        from train.loop import Loop

        device = set_up(asked_for, deterministic=recipe.deterministic)
        say(device.sentence)
        network = Loop(run, recipe, dataset, stop, say, start_up.close, device.names).train()
        bundle = write_bundle(run, recipe, dataset, network, training.command, stop, say)
    except (Stopped, KeyboardInterrupt):
        return _end(run, STOPPED, RunState.STOPPED, "Stopped on request.", f"Continue with: {again}")
    except (DatasetError, RecipeError, RunError) as error:
        return _end(run, USAGE, RunState.FAILED, str(error))
    except TrainingFailed as error:
        return _end(run, FAILED, RunState.FAILED, str(error))
    except ImageReadError as error:
        return _end(run, FAILED, RunState.FAILED, f"{error} Put it back, or go on without it: {again}")
    except Exception as error:  # whatever happens, the run directory must say so
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            sentence = f"The disk is full. Free some space and continue with: {again}"
            return _end(run, FAILED, RunState.FAILED, sentence)
        sentence = without_partial_names(f"{type(error).__name__}: {error}")
        return _end(run, FAILED, RunState.FAILED, sentence, f"\n{traceback.format_exc()}")
    finally:
        start_up.close()
    return _end(run, FINISHED, RunState.COMPLETED, "", f"Done: the model is in {bundle}")


def _end(run: RunDirectory, code: int, state: RunState, reason: str, more: str = "") -> int:
    """Write how the run ended, first where programs look for it and then into the log, which a full disk
    may refuse."""
    run.set_status(state, reason, code)
    failed = "Failed: " if state == RunState.FAILED else ""
    with suppress(OSError):
        say(f"{failed}{reason} {more}".strip())
    return code


def without_partial_names(text: str) -> str:
    """Files and folders by the names that they get once they are whole: nobody knows the others."""
    return re.sub(r"\.partial(?=[/'\"\s)]|$)", "", text)


def _describe(dataset: Dataset) -> None:
    counts = dataset.rows.groupby(["split", "y_true"], sort=False).size().unstack(fill_value=0)
    sources = dataset.rows["source"].nunique()
    say(
        f"Data: {len(dataset.rows):,} images, layout {dataset.layout}, {sources} sources, manifest"
        f" {dataset.manifest_hash[:12]}."
    )
    for split, row in counts.iterrows():
        ai, real = row.get(1, 0), row.get(0, 0)
        say(f"  {split}: {ai:,} AI-generated, {real:,} real")
    doubts = concerns(dataset.both_labels, dataset.across_splits, dataset.small_splits)
    if doubts:
        say("Before you trust what comes out:")
    for note in (*doubts, *dataset.notes):
        say(f"  {note}")
    for path, reason in dataset.unreadable[:MOST_NAMED]:
        say(f"  left out {path}: {reason}")
    if len(dataset.unreadable) > MOST_NAMED:
        say(f"  ... and {len(dataset.unreadable) - MOST_NAMED} more left out")


def _compare_with_start(run: RunDirectory, dataset: Dataset) -> None:
    """Note which images the run began with; on resuming, say so if they are others now."""
    config = run.read("config.json")
    if config.setdefault("manifest_sha256", dataset.manifest_hash) != dataset.manifest_hash:
        say(
            "The images, labels or splits are not those this run began with: images it was trained on may now"
            " be in the test split."
        )
    run.write("config.json", config | {"practice": dataset.practice})


class _ScanProgress:
    """Says how far the scan of the dataset is, every five seconds; raises Stopped if a stop was asked for."""

    def __init__(self, run: RunDirectory, should_stop: Callable[[], bool]):
        self._should_stop = should_stop
        self._told = PhaseProgress(run)
        self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if self._should_stop():
            raise Stopped
        self._told(Phase.CHECKING, done, total)
        if time.monotonic() - self._last > 5:
            self._last = time.monotonic()
            say(f"Checking images: {done:,} of {total:,}")


class _StopOnSignal:
    """True once SIGTERM or SIGINT has come; the loop then ends after its current step. A second signal
    ends at once, without a checkpoint."""

    def __init__(self):
        self._asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def __call__(self) -> bool:
        return self._asked

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Send stdout and stderr of this process, its libraries' too, to the log file, and what comes to stand
    there on to where stdout went, be that a terminal or not; unless that is the log itself."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    before = [os.dup(1), os.dup(2)]
    follower = None if os.path.sameopenfile(log, 1) else _Follower(path, before[0])
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # the disk is full
                stream.flush()
        if follower:
            follower.finish()
        for descriptor, saved in enumerate(before, start=1):
            os.dup2(saved, descriptor)
            os.close(saved)


@contextmanager
def stderr_in(path: Path) -> Iterator[None]:
    """Within, standard error of this process and its libraries goes to a file of its own: of what TensorFlow
    says while it starts, nothing helps a reader of the log."""
    sys.stderr.flush()
    before = os.dup(2)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(file, 2)
    os.close(file)
    try:
        yield
    finally:
        with suppress(OSError):  # the disk is full
            sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)


class _Follower:
    """Copies what is added to a file to a descriptor, from a thread of its own. A reader who has gone, or
    does not keep up, holds nobody up: the file has it all."""

    def __init__(self, path: Path, target: int):
        self._file = os.open(path, os.O_RDONLY)
        os.lseek(self._file, 0, os.SEEK_END)
        self._target = target
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="copy the log", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Return once all there is has been copied."""
        self._over.set()
        self._thread.join()
        os.close(self._file)

    def _follow(self) -> None:
        with suppress(OSError):
            while not self._over.wait(COPY_SECONDS):
                self._copy()
            self._copy()

    def _copy(self) -> None:
        while block := os.read(self._file, BLOCK_BYTES):
            while block:
                block = block[os.write(self._target, block) :]


def _for_the_card(arguments: argparse.Namespace) -> str:
    """The command that repeats this run, without this machine's paths: of data, recipe, weights and run
    folder only the last name."""
    recipe = Path(arguments.recipe).name if arguments.recipe.endswith(".toml") else arguments.recipe
    run_dir = f"runs/{Path(arguments.run_dir).name}"
    words = ["python", "-m", "train", "--recipe", recipe, "--data", "DATA", "--run-dir", run_dir]
    for setting in arguments.set:
        file = _weights_file(setting)
        words += ["--set", f"backbone_weights={Path(file).name}" if file else setting]
    if arguments.exclude:
        words += ["--exclude", Path(arguments.exclude).name]
    return shlex.join(words)


def _as_repeated(arguments: argparse.Namespace) -> list[str]:
    """The words that repeat this run on this machine, whichever folder they are pasted in."""
    overrides = []
    for setting in arguments.set:
        file = _weights_file(setting)
        whole = Path(file).resolve() if file else None
        overrides.append(f"backbone_weights={json.dumps(str(whole))}" if whole else setting)
    run_dir = Path(arguments.run_dir).resolve()
    recipe = wherever_started(arguments.recipe)
    data = str(Path(arguments.data).resolve())
    words = command(recipe, overrides, data, run_dir.name, arguments.device, run_dir.parent)
    return [*words, "--exclude", str(Path(arguments.exclude).resolve())] if arguments.exclude else words


def _weights_file(setting: str) -> str:
    """The file in ``backbone_weights=FILE``; "" for any other setting."""
    key, _, value = (part.strip() for part in setting.partition("="))
    file = value.strip("'\"")
    return file if key == "backbone_weights" and file not in BACKBONE_WEIGHTS else ""


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m train", description="Train a detector of AI-generated images."
    )
    parser.add_argument(
        "--recipe", help=f"a recipe that ships ({', '.join(names())}) or the path of a .toml file"
    )
    parser.add_argument(
        "--data", help="folder of images, or a manifest CSV; docs/training.md lists the layouts"
    )
    parser.add_argument(
        "--exclude",
        metavar="FILE",
        help="list of images to leave out, a CSV with the column file; without it, exclude.csv in the data",
    )
    parser.add_argument(
        "--run-dir", help="folder to make for this run: log, metrics, checkpoints and the finished bundle"
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="override a setting of the recipe, e.g. finetune.epochs=3",
    )
    parser.add_argument(
        "--resume",
        metavar="RUN_DIR",
        help="continue a stopped, failed or lost run; its recipe and data are kept",
    )
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        default="auto",
        help="cpu, cuda:0 for the first GPU and so on, cuda:0,1 for two that share every batch, all for all"
        " GPUs, or auto: the first GPU if there is one (default)",
    )
    arguments = parser.parse_args(argv)
    if arguments.resume:
        given = (arguments.recipe, arguments.data, arguments.exclude, arguments.run_dir, arguments.set)
        if any(given):
            parser.error("--resume keeps the run's recipe, data and folder; give nothing else but --device")
    elif not (arguments.recipe and arguments.data and arguments.run_dir):
        parser.error("--recipe, --data and --run-dir are needed (or --resume)")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
