"""``python -m train``: train a model from a recipe and a folder of images, or resume a run.

Exit status: 0 finished, 1 failed, 2 wrong usage or data, 3 stopped on request with a checkpoint to resume from.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import time
import traceback
from pathlib import Path

from detector.datasets import Dataset, DatasetError, load_dataset
from train.recipes import Recipe, RecipeError, from_dict, load_recipe, names
from train.runs import RunDirectory, RunError

FINISHED, FAILED, USAGE, STOPPED = 0, 1, 2, 3


def main(argv: list[str] | None = None) -> int:
    arguments = _parse(argv)
    try:
        if arguments.resume:
            run = RunDirectory.open(arguments.resume)
            if run.alive():
                raise RunError(f"The run {run.path} is still going (process {run.read('status.json')['pid']}).")
            config = run.read("config.json")
            try:
                recipe, data, command = from_dict(config["recipe"]), config["data"], config["command"]
            except KeyError as error:
                raise RunError(f"{run.path}/config.json has no {error}.") from error
        else:
            recipe = load_recipe(arguments.recipe, arguments.set)
            data, command = str(Path(arguments.data).resolve()), _command(arguments)
            run = RunDirectory.claim(arguments.run_dir)
            run.write("config.json", {"recipe": recipe.to_dict(), "data": data, "command": command})
    except (RecipeError, RunError) as error:
        print(f"train: {error}", file=sys.stderr)
        return USAGE
    with _tee(run.path / "train.log"):
        return _run(run, recipe, data, command)


def _run(run: RunDirectory, recipe: Recipe, data: str, command: str) -> int:
    """Train, evaluate once and write the bundle; every way this can end is written into status.json."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # keep TensorFlow's start-up chatter out of the log
    stop = _StopOnSignal()
    run.set_status("running")
    try:
        dataset = load_dataset(data, seed=recipe.seed, progress=_ScanProgress())
        _describe(dataset)
        # Keras is imported only now: a wrong folder is reported at once, not after TensorFlow has started.
        from train import device
        from train.finish import write_bundle
        from train.loop import Loop, Stopped, TrainingFailed

        say(device.set_up().sentence)
        try:
            network = Loop(run, recipe, dataset, stop, say).train()
        except Stopped:
            say(f"Stopped; a checkpoint is written. Continue with: python -m train --resume {run.path}")
            run.set_status("stopped", "Stopped on request.")
            return STOPPED
        except TrainingFailed as error:
            return _failed(run, str(error))
        bundle = write_bundle(run, recipe, dataset, network, command, say)
    except DatasetError as error:
        _failed(run, str(error))
        return USAGE
    except (Exception, KeyboardInterrupt) as error:  # whatever happens, the run directory must say so
        traceback.print_exc()
        return _failed(run, f"{type(error).__name__}: {error}")
    say(f"Done: the model is in {bundle}")
    run.set_status("completed")
    return FINISHED


def _failed(run: RunDirectory, reason: str) -> int:
    say(f"Failed: {reason}")
    run.set_status("failed", reason)
    return FAILED


def say(line: str) -> None:
    print(time.strftime("%H:%M:%S"), line, flush=True)


def _describe(dataset: Dataset) -> None:
    counts = dataset.rows.groupby(["split", "y_true"], sort=False).size().unstack(fill_value=0)
    say(f"Data: {len(dataset.rows):,} images, layout {dataset.layout}, {dataset.rows['source'].nunique()} sources, manifest {dataset.manifest_hash[:12]}.")
    for split, row in counts.iterrows():
        say(f"  {split}: {row.get(1, 0):,} AI-generated, {row.get(0, 0):,} real")
    for note in dataset.notes:
        say(f"  {note}")
    for path, reason in dataset.unreadable[:20]:
        say(f"  left out {path}: {reason}")
    if len(dataset.unreadable) > 20:
        say(f"  ... and {len(dataset.unreadable) - 20} more left out")


class _ScanProgress:
    """Says how far the scan of the dataset is, every five seconds."""

    def __init__(self):
        self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._last > 5:
            self._last = time.monotonic()
            say(f"Checking images: {done:,} of {total:,}")


class _StopOnSignal:
    """True once SIGTERM or SIGINT has come; the loop then ends after its current step. A second signal ends at once."""

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
        import subprocess

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
        sys.stdout.reconfigure(line_buffering=True)
        return self

    def __exit__(self, *_):
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, saved in enumerate(self._saved, start=1):
            os.dup2(saved, descriptor)
            os.close(saved)
        if self._process:
            self._process.stdin.close()
            self._process.wait()


def _command(arguments: argparse.Namespace) -> str:
    """The command that repeats this run, without machine paths: data and run folder by their last name."""
    words = ["python", "-m", "train", "--recipe", arguments.recipe, "--data", "DATA", "--run-dir", f"runs/{Path(arguments.run_dir).name}"]
    for setting in arguments.set:
        key, _, value = setting.partition("=")
        # The path of a weights file is this machine's; which file it was is not.
        words += ["--set", f"{key}={Path(value).name}" if key == "backbone_weights" else setting]
    return shlex.join(words)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m train", description="Train a detector of AI-generated images.")
    parser.add_argument("--recipe", help=f"a recipe that ships ({', '.join(names())}) or the path of a .toml file")
    parser.add_argument("--data", help="folder of images, or a manifest CSV; README.md lists the layouts")
    parser.add_argument("--run-dir", help="folder to make for this run: log, metrics, checkpoints and the finished bundle")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="override a setting of the recipe, e.g. finetune.epochs=3")
    parser.add_argument("--resume", metavar="RUN_DIR", help="continue a stopped, failed or lost run; its recipe and data are kept")
    arguments = parser.parse_args(argv)
    if arguments.resume:
        if arguments.recipe or arguments.data or arguments.run_dir or arguments.set:
            parser.error("--resume keeps the run's recipe, data and folder; give nothing else")
    elif not (arguments.recipe and arguments.data and arguments.run_dir):
        parser.error("--recipe, --data and --run-dir are needed (or --resume)")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
