"""``python -m train``: train a model from a recipe and a folder of images, or resume a run.

Exit status: 0 finished, 1 failed, 2 wrong usage or data, 3 stopped on request with a checkpoint to resume from.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from detector.datasets import Dataset, DatasetError, leave_out, load_dataset
from detector.images import ImageReadError
from train.recipes import Recipe, RecipeError, from_dict, load_recipe, names
from train.runs import RunDirectory, RunError, Stopped, TrainingFailed
from train.runs.directory import DISK_FULL
from train.runs.hardware import environment

FINISHED, FAILED, USAGE, STOPPED = 0, 1, 2, 3


def main(argv: list[str] | None = None) -> int:
    arguments = _parse(argv)
    try:
        os.environ |= environment(arguments.device) if arguments.device else {}
        if arguments.resume:
            run = RunDirectory.open(arguments.resume)
            if run.alive():
                raise RunError(f"The run {run.path} is still going (process {run.read('status.json')['pid']}).")
            config = run.read("config.json")
            try:
                recipe, data, command = from_dict(config["recipe"]), config["data"], config["command"]
            except (KeyError, TypeError) as error:
                raise RunError(f"{run.path}/config.json is not what a run writes there: {error}.") from error
        else:
            recipe = load_recipe(arguments.recipe, arguments.set)
            data, command = str(Path(arguments.data).resolve()), _command(arguments)
            run = RunDirectory.claim(arguments.run_dir)
            created = datetime.now(UTC).isoformat(timespec="milliseconds")
            run.write("config.json", {"recipe": recipe.to_dict(), "data": data, "command": command, "created": created})
        run.hold()
    except (RecipeError, RunError) as error:
        print(f"train: {error}", file=sys.stderr)
        return USAGE
    with _tee(run.path / "train.log"):
        code = _run(run, recipe, data, command)
    if code in (FAILED, USAGE) and not sys.stdout.isatty():  # what is said has gone to the log alone
        print(f"train: {run.read('status.json')['reason']}", file=sys.stderr)
    return code


def _run(run: RunDirectory, recipe: Recipe, data: str, command: str) -> int:
    """Train, evaluate once and write the bundle; every way this can end is written into status.json."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # keep TensorFlow's start-up chatter out of the log
    stop = _StopOnSignal()
    run.keep_room()
    run.set_status("running")
    again = f"python -m train --resume {shlex.quote(str(run.path))}"
    try:
        dataset = load_dataset(data, seed=recipe.seed, progress=_ScanProgress(stop))
        if recipe.left_out_folds:
            dataset = leave_out(dataset, recipe.left_out_fold, recipe.left_out_folds)
        _describe(dataset)
        _compare_with_start(run, dataset)
        # Keras is imported only now: a wrong folder is reported at once, not after TensorFlow has started.
        from train import device
        from train.finish import write_bundle
        from train.loop import Loop

        say(device.set_up().sentence)
        network = Loop(run, recipe, dataset, stop, say).train()
        bundle = write_bundle(run, recipe, dataset, network, command, stop, say)
    except (Stopped, KeyboardInterrupt):
        return _end(run, STOPPED, "stopped", "Stopped on request.", f"Continue with: {again}")
    except (DatasetError, RecipeError) as error:
        return _end(run, USAGE, "failed", str(error))
    except TrainingFailed as error:
        return _end(run, FAILED, "failed", str(error))
    except ImageReadError as error:
        return _end(run, FAILED, "failed", f"{error} Put it back, or go on without it: {again}")
    except Exception as error:  # whatever happens, the run directory must say so
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            return _end(run, FAILED, "failed", f"The disk is full. Free some space and continue with: {again}")
        return _end(run, FAILED, "failed", f"{type(error).__name__}: {error}", f"\n{traceback.format_exc()}")
    return _end(run, FINISHED, "completed", "", f"Done: the model is in {bundle}")


def _end(run: RunDirectory, code: int, state: str, reason: str, more: str = "") -> int:
    """Write how the run ended, first where programs look for it and then into the log, which a full disk may refuse."""
    run.set_status(state, reason, code)
    with suppress(OSError):
        say(f"{'Failed: ' if state == 'failed' else ''}{reason} {more}".strip())
    return code


def say(line: str) -> None:
    print(time.strftime("%H:%M:%S"), line, flush=True)


def _describe(dataset: Dataset) -> None:
    counts = dataset.rows.groupby(["split", "y_true"], sort=False).size().unstack(fill_value=0)
    sources = dataset.rows["source"].nunique()
    say(f"Data: {len(dataset.rows):,} images, layout {dataset.layout}, {sources} sources, manifest {dataset.manifest_hash[:12]}.")
    for split, row in counts.iterrows():
        say(f"  {split}: {row.get(1, 0):,} AI-generated, {row.get(0, 0):,} real")
    for note in dataset.notes:
        say(f"  {note}")
    for path, reason in dataset.unreadable[:20]:
        say(f"  left out {path}: {reason}")
    if len(dataset.unreadable) > 20:
        say(f"  ... and {len(dataset.unreadable) - 20} more left out")


def _compare_with_start(run: RunDirectory, dataset: Dataset) -> None:
    """Note which images the run began with; on resuming, say so if they are others now."""
    config = run.read("config.json")
    if config.setdefault("manifest_sha256", dataset.manifest_hash) != dataset.manifest_hash:
        say("The images, labels or splits are not those this run began with: images it was trained on may now be in the test split.")
    run.write("config.json", config | {"practice": dataset.practice})


class _ScanProgress:
    """Says how far the scan of the dataset is, every five seconds; raises Stopped if a stop was asked for."""

    def __init__(self, should_stop):
        self._should_stop = should_stop
        self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if self._should_stop():
            raise Stopped
        if time.monotonic() - self._last > 5:
            self._last = time.monotonic()
            say(f"Checking images: {done:,} of {total:,}")


class _StopOnSignal:
    """True once SIGTERM or SIGINT has come; the loop then ends after its current step. A second signal ends at once, without a checkpoint."""

    def __init__(self):
        self._asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def __call__(self) -> bool:
        return self._asked

    def _ask(self, number, frame) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True


class _tee:
    """Send stdout and stderr of this process, its libraries' too, to the log file; to the terminal as well where there is one."""

    def __init__(self, path: Path):
        self._path = path

    def __enter__(self):
        sys.stdout.flush()
        if sys.stdout.isatty():
            self._process = subprocess.Popen(["tee", "-a", "-i", str(self._path)], stdin=subprocess.PIPE, start_new_session=True)
            target = self._process.stdin.fileno()
        else:
            self._process = None
            target = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._saved = [os.dup(1), os.dup(2)]
        os.dup2(target, 1)
        os.dup2(target, 2)
        if not self._process:
            os.close(target)
        sys.stdout.reconfigure(line_buffering=True)
        return self

    def __exit__(self, *_):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # the disk is full
                stream.flush()
        for descriptor, saved in enumerate(self._saved, start=1):
            os.dup2(saved, descriptor)
            os.close(saved)
        if self._process:
            self._process.stdin.close()
            self._process.wait()


def _command(arguments: argparse.Namespace) -> str:
    """The command that repeats this run, without this machine's paths: of data, recipe, weights and run folder only the last name."""
    recipe = Path(arguments.recipe).name if arguments.recipe.endswith(".toml") else arguments.recipe
    words = ["python", "-m", "train", "--recipe", recipe, "--data", "DATA", "--run-dir", f"runs/{Path(arguments.run_dir).name}"]
    for setting in arguments.set:
        key, _, value = (part.strip() for part in setting.partition("="))
        file = Path(value.strip("'\"")).name
        words += ["--set", f"{key}={file}" if key == "backbone_weights" else setting]
    return shlex.join(words)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m train", description="Train a detector of AI-generated images.")
    parser.add_argument("--recipe", help=f"a recipe that ships ({', '.join(names())}) or the path of a .toml file")
    parser.add_argument("--data", help="folder of images, or a manifest CSV; README.md lists the layouts")
    parser.add_argument("--run-dir", help="folder to make for this run: log, metrics, checkpoints and the finished bundle")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="override a setting of the recipe, e.g. finetune.epochs=3")
    parser.add_argument("--resume", metavar="RUN_DIR", help="continue a stopped, failed or lost run; its recipe and data are kept")
    parser.add_argument("--device", metavar="DEVICE", help="cpu, or cuda:0 for the first GPU and so on; without it, the first GPU if there is one")
    arguments = parser.parse_args(argv)
    if arguments.resume:
        if arguments.recipe or arguments.data or arguments.run_dir or arguments.set:
            parser.error("--resume keeps the run's recipe, data and folder; give nothing else but --device")
    elif not (arguments.recipe and arguments.data and arguments.run_dir):
        parser.error("--recipe, --data and --run-dir are needed (or --resume)")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
