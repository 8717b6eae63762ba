"""``python -m benchmarks.scan [--json] [--quick]``: what a look at a whole dataset costs.

Rate: files that a scan measures in a second, over files that Pillow decodes, whole and in as many threads,
from the same folder in turns. Memory: the peak of a process of its own that scans many small pictures, with
duplicates and leaks, less what it has after its imports.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.photographs import photograph
from benchmarks.timing import ratio, take_turns, timed
from detector.datasets.dataset_scan import scan_dataset
from detector.datasets.measuring import WORKERS
from detector.home_folder import VARIABLE as HOME_VARIABLE

FIGURES = {
    "rate_ratio": "photographs of a megapixel: files scanned, over files plainly decoded (goal: 0.9)",
    "files_per_second": "photographs of a megapixel scanned, a second",
    "rate_ratio_thumbnails": "the same for 6,000 pictures of 256 pixels",
    "files_per_second_thumbnails": "pictures of 256 pixels scanned, a second",
    "files_per_second_again": "photographs of a megapixel that were measured before, a second",
    "megabytes_10000": "memory at 10,000 pictures, MB",
    "megabytes_100000": "memory at 100,000 pictures, MB",
}
THUMBNAIL_MEGAPIXELS = 0.0874
"""256 x 341 pixels."""
CHILD = """
import re, sys
from pathlib import Path
from detector.datasets.dataset_scan import scan_dataset

def peak():
    # Not getrusage, whose maximum a process takes over from the one that started it.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

before = peak()
scan = scan_dataset(sys.argv[1])
assert len(scan.rows) == int(sys.argv[2]), len(scan.rows)
scan.duplicates, scan.leaks
print(peak() - before)
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scan", description="What a look at a whole dataset costs."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--quick", action="store_true", help="seconds; the figures then say little")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as here:
        found = measure(Path(here), options.quick)
    if options.json:
        print(json.dumps(found))
    else:
        for name, meaning in FIGURES.items():
            print(f"{found[name]:10.2f}  {meaning}")
    return 0


def measure(here: Path, quick: bool = False) -> dict[str, float]:
    """All of ``FIGURES``. here: an empty folder to work in."""
    large, small, rounds = (20, 20, 1) if quick else (400, 6000, 3)
    _write(here / "photographs", large, photograph)
    thumbnails = [photograph(number, THUMBNAIL_MEGAPIXELS) for number in range(20 if quick else 300)]
    _write(here / "thumbnails", small, lambda number: thumbnails[number % len(thumbnails)])
    found = _rates(here / "photographs", here, rounds)
    of_thumbnails = _rates(here / "thumbnails", here, rounds)
    for name in ("rate_ratio", "files_per_second"):
        found[f"{name}_thumbnails"] = of_thumbnails[name]
    for count in (10_000, 100_000):
        folder = here / f"small-{count}"
        made = count // 100 if quick else count
        _write(folder, made, _small)
        found[f"megabytes_{count}"] = _megabytes(folder, made, here)
    return found


def _rates(folder: Path, here: Path, rounds: int) -> dict[str, float]:
    paths = sorted(folder.glob("*/*.jpg"))
    caches = iter(range(10**6))
    os.environ[HOME_VARIABLE] = str(here / f"cache-{folder.name}")  # never what a user's own scans left

    def scan_anew() -> None:
        os.environ[HOME_VARIABLE] = str(here / f"cache-{folder.name}-{next(caches)}")
        scan_dataset(folder)

    def decode() -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(_decoded, paths))

    tasks: dict[str, Callable[[], float]] = {
        "plain": timed(decode),
        "scan": timed(scan_anew),
        "again": timed(lambda: scan_dataset(folder)),
    }
    seconds = take_turns(tasks, rounds)
    return {
        "rate_ratio": ratio(seconds, "plain", "scan"),
        "files_per_second": len(paths) / float(np.median(seconds["scan"])),
        "files_per_second_again": len(paths) / float(np.median(seconds["again"])),
    }


def _decoded(path: Path) -> None:
    with Image.open(path) as image:
        image.convert("RGB")


def _megabytes(folder: Path, count: int, here: Path) -> float:
    environment = os.environ | {HOME_VARIABLE: str(here / f"cache-{folder.name}")}
    words = [sys.executable, "-c", CHILD, str(folder), str(count)]
    return float(subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout)


def _write(folder: Path, count: int, content: Callable[[int], bytes]) -> None:
    """That many JPEGs, half of them in each class folder."""
    for name in ("ai", "real"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        (folder / ("ai" if number % 2 else "real") / f"{number:06}.jpg").write_bytes(content(number))


def _small(number: int) -> bytes:
    """A picture of 96 x 80 pixels, unlike all others."""
    coarse = np.random.default_rng(number).integers(0, 256, (10, 12, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(coarse).resize((96, 80), Image.Resampling.BILINEAR).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


if __name__ == "__main__":
    sys.exit(main())
