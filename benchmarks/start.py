"""``python -m benchmarks.start``: how soon the first verdict is there, and what the app then holds.

Everything is measured beside the same thing run in Keras and TensorFlow, as Telltale did before models had
compiled forms (``TELLTALE_RUNTIME=keras``), in turns in one run. What is in seconds or megabytes says as
much about the machine; the ratios hold on any.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil

from benchmarks.photographs import photograph
from benchmarks.timing import ratio, take_turns, timed
from detector import compiled_network
from detector.bundle import BundleError, default_bundle, find_bundle, read_bundle
from detector.classifier import BATCH_SIZE, Classifier
from detector.compilation import compile_bundle
from detector.images import read_image
from tests.support.app_in_browser import APP, NoBrowser, chromium, serving

ROOT = Path(__file__).parents[1]
PICTURES = 10
"""How many the app has judged when its memory is read."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status: 2 if the model cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.start", description="How soon the first verdict is there."
    )
    parser.add_argument(
        "--bundle",
        default=default_bundle(),
        metavar="NAME",
        help="model to use: a name in weights/ or a path (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    parser.add_argument("--rounds", type=int, default=5, help="how often each start is measured (default: 5)")
    options = parser.parse_args(arguments)
    os.environ.pop(compiled_network.RUNTIME_VARIABLE, None)
    try:
        figures = measure(find_bundle(options.bundle).resolve(), options.rounds)
    except BundleError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name}: {value}" for name, value in figures.items()))
    return 0


def measure(bundle: Path, rounds: int) -> dict[str, Any]:
    """All figures. Those of the app are None where there is no browser. Raises BundleError."""
    compile_bundle(read_bundle(bundle))
    figures: dict[str, Any] = {"bundle": bundle.name, "cores": os.cpu_count()}
    figures["load"] = round(os.getloadavg()[0], 1)
    with tempfile.TemporaryDirectory(prefix="telltale-start-") as folder:
        here = Path(folder)
        files = [here / f"{number}.jpg" for number in range(2 * BATCH_SIZE)]
        for number, file in enumerate(files):
            file.write_bytes(photograph(number))
        figures |= command_line(bundle, files[0], rounds)
        figures |= network(bundle, files, rounds)
        weights = here / "weights"  # this bundle alone, so that the app does not ask which
        weights.mkdir()
        (weights / bundle.name).symlink_to(bundle)
        figures |= app(weights, files[:PICTURES], here / "server.log")
    return figures


def command_line(bundle: Path, photo: Path, rounds: int) -> dict[str, float]:
    """One picture from the command line, from the start of the process to its end."""
    command = [sys.executable, "-m", "detector", str(photo), "--bundle", str(bundle)]

    def run(runtime: str) -> None:
        environment = {**os.environ, compiled_network.RUNTIME_VARIABLE: runtime}
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)

    tasks = {"compiled": timed(partial(run, "")), "keras": timed(partial(run, "keras"))}
    seconds = take_turns(tasks, rounds)
    return {
        "cli_s": median(seconds["compiled"]),
        "cli_before_s": median(seconds["keras"]),
        "cli_over_before": ratio(seconds, "compiled", "keras"),
    }


def network(bundle: Path, files: list[Path], rounds: int) -> dict[str, float]:
    """One forward pass against the runtime's bare one, and a folder against the slower of decoding it and
    the bare passes of its batches."""
    classifier = Classifier.load(bundle)
    folder = compiled_network.find(classifier.bundle)
    assert folder is not None, "it was compiled a moment ago"
    precision = compiled_network.precision_of(classifier.bundle)
    request = compiled_network.compiled(folder / compiled_network.NETWORK, precision).create_infer_request()
    inputs = np.stack([_input(classifier, file) for file in files])

    def bare(batch: int) -> None:
        for start in range(0, len(inputs), batch):
            request.infer([inputs[start : start + batch]])

    def decode() -> None:
        for file in files:
            read_image(file, short_side=classifier.bundle.preprocessing.short_side)

    tasks = {
        "forward": timed(lambda: [classifier.forward(each[None]) for each in inputs[:8]]),
        "bare": timed(lambda: [request.infer([each[None]]) for each in inputs[:8]]),
        "folder": timed(lambda: list(classifier.analyse_files(files))),
        "passes": timed(partial(bare, BATCH_SIZE)),
        "decoding": timed(decode),
    }
    seconds = take_turns(tasks, rounds)
    floors = map(max, seconds["passes"], seconds["decoding"])
    return {
        "forward_over_bare": ratio(seconds, "forward", "bare"),
        "folder_over_floor": ratio({**seconds, "floor": list(floors)}, "folder", "floor"),
    }


def _input(classifier: Classifier, file: Path) -> np.ndarray:
    return classifier.bundle.preprocessing(read_image(file).pixels)


def app(weights: Path, files: list[Path], log: Path) -> dict[str, Any]:
    """The first verdict of a fresh server after the upload, and the server's memory after some pictures."""
    figures: dict[str, Any] = {}
    for name, runtime in (("", ""), ("_before", "keras")):
        measured: tuple[float | None, float | None] = (None, None)
        with suppress(NoBrowser):
            measured = _first_verdict(weights, files, log, runtime)
        figures[f"app_first_verdict{name}_s"], figures[f"rss{name}_mb"] = measured
    return figures


def _first_verdict(weights: Path, files: list[Path], log: Path, runtime: str) -> tuple[float, float]:
    """Seconds and megabytes."""
    environment = {"TELLTALE_WEIGHTS": str(weights), compiled_network.RUNTIME_VARIABLE: runtime}
    with chromium() as browser, serving(APP, log, **environment) as url:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(url, timeout=60_000)
        chooser = page.locator("input[type=file]").first
        chooser.wait_for(state="attached", timeout=120_000)
        start = time.perf_counter()
        chooser.set_input_files(files[0])
        page.get_by_test_id("verdict").first.wait_for(timeout=120_000)
        seconds = time.perf_counter() - start
        page.locator("input[type=file]").first.set_input_files(files[1:])
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=120_000)
        page.wait_for_timeout(5000)
        return seconds, _memory_of_servers() / 2**20


def _memory_of_servers() -> int:
    """Bytes that the app's own process holds: the child of ours that runs Streamlit."""
    resident = 0
    for process in psutil.Process().children():
        with suppress(psutil.Error):
            if "streamlit" in process.cmdline():
                resident += process.memory_info().rss
    return resident


if __name__ == "__main__":
    sys.exit(main())
