"""``python -m benchmarks.latency``: how quick Telltale is, as ratios that hold on any machine.

Every figure compares two things measured in turns in one run (``benchmarks.timing``), so the load of the
machine and its speed cancel out; only the slider is in milliseconds. The figures, and what they should be,
are in ``FIGURES``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import page_start, slider
from benchmarks.photographs import photograph
from benchmarks.timing import ratio, take_turns, timed
from detector.bundle import DEFAULT_BUNDLE, BundleError, find_bundle
from detector.classifier import BATCH_SIZE, Classifier
from detector.images import read_image

ROOT = Path(__file__).parents[1]

FIGURES = {
    "analyse_over_forward": ("one picture, JPEG bytes to verdict and heatmap / bare forward pass", "<= 1.25"),
    "baseline_over_analyse": ("two model.predict calls after a plain decode / the same analysis", ">= 2"),
    "folder_over_forward": ("a folder of pictures / bare forward passes of its batches", "<= 1.25"),
    "page_import_over_empty": ("slowest page opened in a fresh process / an empty page", ""),
    "slider_ms": ("opacity slider, key press to painted frame, ms", "< 20"),
    "slider_work_ms": ("... of which processor time in the page, ms", ""),
    "slider_messages": ("... WebSocket messages to the server", "<= 0"),
}
"""Field -> (what it is, the goal or "")."""


@dataclass(frozen=True)
class Effort:
    """How often things are measured. warm_up: rounds before the first one that counts."""

    single: int
    files: int
    folder: int
    pages: int
    moves: int
    warm_up: int


THOROUGH = Effort(single=60, files=192, folder=7, pages=7, moves=30, warm_up=1)
QUICK = Effort(single=5, files=32, folder=2, pages=1, moves=8, warm_up=0)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status: 2 if the model cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.latency", description="How quick Telltale is, as ratios within one run."
    )
    parser.add_argument(
        "--bundle",
        default=DEFAULT_BUNDLE,
        metavar="NAME",
        help="model to use: a name in weights/ or a path (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument(
        "--quick", action="store_true", help="measure everything only a few times, to see that it works"
    )
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever ~/.keras/keras.json says
    try:
        figures = measure(options.bundle, QUICK if options.quick else THOROUGH)
    except BundleError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(figures) if options.json else table(figures))
    return 0


def measure(bundle: str, effort: Effort) -> dict[str, Any]:
    """All figures, with the circumstances they were measured in. The slider's are None, and
    ``slider_problem`` says why, where they cannot be had.

    Raises BundleError.
    """
    path = find_bundle(bundle).resolve()
    with tempfile.TemporaryDirectory(prefix="telltale-latency-") as folder:
        here = Path(folder)
        weights = here / "weights"  # this bundle alone, so that the app does not ask which
        weights.mkdir()
        (weights / path.name).symlink_to(path)
        figures: dict[str, Any] = {
            "bundle": path.name,
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),
        }
        _say("loading the model")
        classifier = Classifier.load(path)
        for title, part in (
            ("one picture", lambda: single(classifier, effort)),
            ("a folder", lambda: folder_of_files(classifier, here, effort)),
            ("opening pages", lambda: pages(here, weights, effort)),
            ("the slider", lambda: slider_moves(weights, here / "server.log", effort)),
        ):
            _say(f"measuring {title}")
            figures |= part()
    return figures


def single(classifier: Classifier, effort: Effort) -> dict[str, Any]:
    """One one-megapixel JPEG in memory: analysed as the app does, the naive way, and the bare forward pass
    of its finished input."""
    jpeg = photograph(0)
    ready = classifier.bundle.preprocessing(read_image(jpeg).pixels)[None]
    seconds = take_turns(
        {
            "forward": timed(lambda: classifier.forward(ready)),
            "analyse": timed(lambda: classifier.analyse(read_image(jpeg))),
            "baseline": timed(_naive(classifier, jpeg)),
        },
        effort.single,
        warm_up=3,
    )
    return {
        "analyse_over_forward": ratio(seconds, "analyse", "forward"),
        "baseline_over_analyse": ratio(seconds, "baseline", "analyse"),
        "single_ms": {name: 1000 * median(times) for name, times in seconds.items()},
    }


def _naive(classifier: Classifier, jpeg: bytes) -> Callable[[], object]:
    """What a first version would do: decode it all, squash it, predict, and predict again with a model cut
    off at the attention."""
    import keras

    network, size = classifier.network, classifier.bundle.preprocessing.size
    attention = (
        keras.Model(network.input, network.output["attention"]) if "attention" in network.output else None
    )

    def analyse() -> object:
        pixels = Image.open(BytesIO(jpeg)).convert("RGB").resize((size, size))
        image = np.asarray(pixels, np.float32)[None]
        score = network.predict(image, verbose=0)["logit"]
        heatmap = attention.predict(image, verbose=0).mean(axis=(0, 1, 2, 3)) if attention else None
        return score, heatmap

    return analyse


def folder_of_files(classifier: Classifier, here: Path, effort: Effort) -> dict[str, Any]:
    """A folder of JPEGs of about one megapixel, analysed, against the bare forward passes of as many
    finished inputs."""
    files = [here / f"{number:03d}.jpg" for number in range(effort.files)]
    for number, file in enumerate(files):
        file.write_bytes(photograph(number, megapixels=np.random.default_rng(number).uniform(0.7, 1.4)))
    batch = np.stack(
        [classifier.bundle.preprocessing(read_image(file).pixels) for file in files[:BATCH_SIZE]]
    )

    def forward() -> None:
        for _ in range(effort.files // BATCH_SIZE):
            classifier.forward(batch)

    seconds = take_turns(
        {"forward": timed(forward), "folder": timed(lambda: list(classifier.analyse_files(files)))},
        effort.folder,
        effort.warm_up,
    )
    return {
        "folder_over_forward": ratio(seconds, "folder", "forward"),
        "folder_ms_per_image": {name: 1000 * median(times) / effort.files for name, times in seconds.items()},
    }


def pages(here: Path, weights: Path, effort: Effort) -> dict[str, Any]:
    """Every page of the app, opened without pictures in fresh processes, against an empty one."""
    empty = here / "empty.py"
    empty.write_text("import streamlit as st\nst.title('x')\n")
    scripts = {"empty": empty} | {
        page.parent.name: page for page in sorted((ROOT / "pages").glob("*/page.py"))
    }
    openings = {name: partial(page_start.page_seconds, page, weights) for name, page in scripts.items()}
    seconds = take_turns(openings, effort.pages, effort.warm_up)
    over_empty = {name: ratio(seconds, name, "empty") for name in scripts if name != "empty"}
    return {
        "page_import_over_empty": max(over_empty.values()),
        "page_imports_over_empty": over_empty,
        "page_ms": {name: 1000 * median(times) for name, times in seconds.items()},
    }


def slider_moves(weights: Path, log: Path, effort: Effort) -> dict[str, Any]:
    """The slider's figures; None each, and the reason, if there is no browser or the app does not get as
    far as the viewer."""
    try:
        cost = slider.measure(weights, log, effort.moves)
    except RuntimeError as error:  # the other figures shall not be lost
        return {
            "slider_ms": None,
            "slider_work_ms": None,
            "slider_messages": None,
            "slider_problem": str(error).strip(),
        }
    return {
        "slider_ms": cost.painted,
        "slider_work_ms": cost.work,
        "slider_messages": cost.messages,
        "slider_moves": cost.moves,
    }


def table(figures: dict[str, Any]) -> str:
    """The figures as text for people, each with its goal and whether it was met."""
    lines = [f"{figures['bundle']}, {figures['cores']} cores, load {figures['load']} when it began", ""]
    lines.append(f"{'':<70} {'measured':>9}   goal")
    for field, (title, goal) in FIGURES.items():
        value = figures[field]
        verdict = "" if value is None or not goal else "met" if _met(value, goal) else "MISSED"
        shown = "-" if value is None else f"{value:d}" if isinstance(value, int) else f"{value:.2f}"
        lines.append(f"{title:<70} {shown:>9}   {goal:<8} {verdict}".rstrip())
    lines.append("")
    for title, field in (
        ("one picture, ms", "single_ms"),
        ("folder, ms per image", "folder_ms_per_image"),
        ("opening a page, ms", "page_ms"),
    ):
        lines.append(
            f"{title}: " + ", ".join(f"{name} {value:.1f}" for name, value in figures[field].items())
        )
    lines.append(
        "page / empty page: "
        + ", ".join(f"{name} {value:.2f}" for name, value in figures["page_imports_over_empty"].items())
    )
    if "slider_problem" in figures:
        lines.append(f"slider not measured: {figures['slider_problem']}")
    return "\n".join(lines)


def _met(value: float, goal: str) -> bool:
    relation, number = goal.split()
    return {"<=": value <= float(number), "<": value < float(number), ">=": value >= float(number)}[relation]


def _say(text: str) -> None:
    print(f"{text} ...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the app and the browser are stopped
    sys.exit(main())
