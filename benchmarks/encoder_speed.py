"""What a frozen encoder's matrices are multiplied in: how long a view takes, and what that does to logits.

    python -m benchmarks.encoder_speed PICTURE... [--bundle NAME] [--rounds N]

The bundle's network is compiled once for each ``Precision``, and all run on the same pictures, in turns. The
logits in float32 are the truth; see ``detector.compilation.shrink``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.timing import take_turns, timed
from detector.bundle import Bundle, BundleError, find_bundle, load_network, read_bundle
from detector.classifier import image_files
from detector.compilation import exact, save, shrink
from detector.compiled_network import compiled
from detector.encoder_precision import Precision, fastest_precision
from detector.engine import answering
from detector.images import read_image

BATCH = 32


def measure(bundle: Bundle, inputs: np.ndarray, rounds: int) -> list[str]:
    """A row of the table for each of ``Precision``."""
    with exact():
        network = load_network(bundle)
    logits: dict[str, np.ndarray] = {}
    tasks: dict[str, Callable[[], float]] = {}
    sizes: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for precision in Precision:
            file = Path(folder) / f"{precision}.xml"
            save(answering(network, bundle), bundle.preprocessing.size, file)
            shrink(file, precision)
            sizes[precision] = file.with_suffix(".bin").stat().st_size
            request = compiled(file, precision).create_infer_request()
            run = partial(_logits, request, inputs)
            logits[precision] = run()
            tasks[precision] = timed(run)
        seconds = take_turns(tasks, rounds)
    rows = []
    for precision in Precision:
        off = np.abs(logits[precision] - logits[Precision.FLOAT32])
        time = 1000 * median(seconds[precision]) / len(inputs)
        rows.append(
            f"| {precision} | {time:.0f} | {sizes[precision] / 1e6:.0f} |"
            f" {np.median(off):.2f} | {off.max():.2f} |"
        )
    return rows


def _logits(request, inputs: np.ndarray) -> np.ndarray:
    batches = [inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH)]
    return np.concatenate([np.array(request.infer([batch])["logit"])[:, 0] for batch in batches])


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encoder_speed", description=__doc__)
    parser.add_argument("pictures", nargs="+", help="files or folders")
    parser.add_argument("--bundle", default="clip-vit-b16-attention", help="one with a frozen encoder")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        bundle = read_bundle(find_bundle(arguments.bundle))
    except BundleError as error:
        print(error, file=sys.stderr)
        return 2
    photos = (read_image(file, bundle.preprocessing.short_side) for file in image_files(arguments.pictures))
    inputs = np.stack([bundle.preprocessing(photo.pixels) for photo in photos])
    print(f"{len(inputs)} pictures; this machine's choice is {fastest_precision()}.\n")
    print("| multiplied in | ms a view | MB on disk | logit off by, median | at most |")
    print("|---|---|---|---|---|")
    print("\n".join(measure(bundle, inputs, arguments.rounds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
