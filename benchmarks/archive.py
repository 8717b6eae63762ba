"""``python -m benchmarks.archive``: scoring an archive, killed again and again on its way.

How many pictures a second on this machine and on a Ray cluster of two workers, whether a table holds too
little or too much after kills, and what the process holds at most. With ``--stand-in`` the pictures are not
there and neither decoded nor judged (`benchmarks.archive_stand_in`): what is left is the list, the parts and
the table, at any number of rows.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.photographs import photograph
from detector.bundle import BundleError, default_bundle, find_bundle, read_bundle
from detector.compilation import compile_bundle
from detector.compiled_network import RUNTIME_VARIABLE
from tests.support.archive_kills import Ran, lost_and_doubled, run, storm

ROOT = Path(__file__).parents[1]
DIFFERENT = 50
"""Pictures that are really different; the others are links to them, which are no quicker to score."""
SCORE, STAND_IN = "detector.score", "benchmarks.archive_stand_in"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status: 2 if the model cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.archive", description="Scoring an archive.")
    parser.add_argument(
        "--bundle", default=default_bundle(), metavar="NAME", help="model (default: %(default)s)"
    )
    parser.add_argument("--rows", type=int, default=20_000, help="pictures (default: %(default)s)")
    parser.add_argument("--kills", type=int, default=20, help="in one more run (default: %(default)s)")
    parser.add_argument("--stand-in", action="store_true", help="decode and judge nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    options = parser.parse_args(arguments)
    os.environ.pop(RUNTIME_VARIABLE, None)
    try:
        bundle = find_bundle(options.bundle).resolve()
        compile_bundle(read_bundle(bundle))
    except BundleError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    figures = measure(bundle, options.rows, options.kills, options.stand_in)
    if options.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name}: {value}" for name, value in figures.items()))
    return 0


def measure(bundle: Path, rows: int, kills: int, stand_in: bool) -> dict[str, Any]:
    """All figures; that of Ray is None where it is not installed, or nothing is judged."""
    with tempfile.TemporaryDirectory(prefix="telltale-archive-") as folder:
        here = Path(folder)
        names = [f"{number // 1000:04d}/{number:07d}.jpg" for number in range(rows)]
        source = _manifest(here, names) if stand_in else _pictures(here / "photos", names)
        module = STAND_IN if stand_in else SCORE
        command = [sys.executable, "-m", module, str(source), "--bundle", str(bundle)]
        command += ["--rows-per-part", str(min(1024, max(8, rows // 100))), "--out"]
        whole = _checked(run([*command, str(here / "whole.parquet")], ROOT))
        ray_rate = None
        if importlib.util.find_spec("ray") and not stand_in:
            words = [*command, str(here / "ray.parquet"), "--engine", "ray", "--workers", "2"]
            ray_rate = rows / _checked(run(words, ROOT)).seconds
        killed = here / "killed.parquet"
        struck, last = storm([*command, str(killed)], killed, ROOT, kills)
        _checked(last)
        lost, doubled = lost_and_doubled(killed, names)
        return {
            "bundle": bundle.name,
            "rows": rows,
            "rows_per_s_1": rows / whole.seconds,
            "rows_per_s_ray_2": ray_rate,
            "kills": struck,
            "lost": lost,
            "doubled": doubled,
            "peak_rss_mb": max(whole.peak, last.peak) / 2**20,
        }


def _pictures(folder: Path, names: list[str]) -> Path:
    """Small photographs, most of them links to others."""
    originals = folder / ".originals"  # hidden, so not scored themselves
    originals.mkdir(parents=True)
    for number in range(DIFFERENT):
        (originals / f"{number}.jpg").write_bytes(photograph(number, megapixels=0.08))
    for number, name in enumerate(names):
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        os.link(originals / f"{number % DIFFERENT}.jpg", file)
    return folder


def _manifest(folder: Path, names: list[str]) -> Path:
    file = folder / "list.csv"
    file.write_text("file\n" + "\n".join(names) + "\n")
    return file


def _checked(ran: Ran) -> Ran:
    """Raises RuntimeError for a run that failed."""
    if ran.returncode:
        raise RuntimeError(f"the run ended with {ran.returncode}: {ran.output[-1000:]}")
    return ran


if __name__ == "__main__":
    sys.exit(main())
