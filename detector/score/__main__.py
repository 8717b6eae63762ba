"""``python -m detector.score ARCHIVE --out predictions.parquet``: every picture of an archive into one table.

Exit status: 0 every picture was read, 1 some were not, 2 nothing more was done (wrong usage, unusable model,
output cannot be written), 130 interrupted: the same command goes on from there.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from detector.bundle import Bundle, BundleError, default_bundle, file_sha256, find_bundle, read_bundle
from detector.classifier import Classifier
from detector.printable import printable
from detector.score.archive_files import files_at
from detector.score.errors import ScoreError
from detector.score.listing import Archive, archive_at, write_listing
from detector.score.local_engine import Part, score_here
from detector.score.part_files import PartFiles, plainly_read
from detector.score.progress_line import ProgressLine

ROWS_PER_PART = 1024
Loader = Callable[[Bundle], Classifier]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    options = _parser().parse_args(arguments)
    try:
        return run(options)
    except (ScoreError, BundleError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        where = f" ({printable(os.fspath(error.filename))})" if error.filename else ""
        print(f"error: {error.strerror or error}{where}. What is scored so far is kept.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m detector.score",
        description="Score an archive of pictures into one predictions table; go on where a run was ended.",
        epilog=(
            "The table opens on the Evaluate page and in python -m detector.evaluation FILE --map"
            " others=leave-out. Exit status: 0 all pictures were read, 1 some were not, 2 nothing more was"
            " done."
        ),
    )
    parser.add_argument(
        "archive", help="folder, tar shard, manifest (CSV or Parquet), or a folder's or shard's fsspec URL"
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="the table to write, Parquet")
    parser.add_argument(
        "--root", metavar="DIR", help="folder or URL of a manifest's files (default: its own)"
    )
    parser.add_argument(
        "--bundle",
        default=default_bundle(),
        metavar="NAME",
        help="model to use: name in weights/ or path (default: %(default)s)",
    )
    parser.add_argument(
        "--rows-per-part",
        type=_positive,
        default=ROWS_PER_PART,
        metavar="N",
        help="pictures that are written at once, and at most lost to a kill (default: %(default)s)",
    )
    parser.add_argument("--workers", type=_positive, metavar="N", help="threads that decode, or Ray's actors")
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help="where to run it")
    parser.add_argument(
        "--ray-address", metavar="HOST:PORT", help="the Ray cluster (default: as Ray finds it)"
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 100,000")
    return int(text)


def run(options: argparse.Namespace, load: Loader = Classifier) -> int:
    """Score what the options name; returns the exit status. load: makes the model of a bundle. Raises
    ScoreError, BundleError, OSError."""
    out = Path(os.path.abspath(options.out))
    if out.suffix.lower() != ".parquet":
        raise ScoreError(f"The table is Parquet: give --out a name like {printable(out.stem)}.parquet.")
    if options.engine == "ray" and find_spec("ray") is None:
        raise ScoreError("--engine ray needs Ray: pip install 'telltale[ray]'.")
    archive = archive_at(options.archive, options.root)
    bundle = read_bundle(find_bundle(options.bundle))
    parts = PartFiles(out, settings_of(archive, bundle, options.rows_per_part))
    if not parts.finished:
        with parts.claimed(lambda path: write_listing(archive, path, options.rows_per_part)):
            _score_all(parts, _engine(options, archive, bundle, load))
            parts.join(bundle.weights_sha256)
    return _report(out)


def settings_of(archive: Archive, bundle: Bundle, rows_per_part: int) -> dict[str, Any]:
    """What must be the same for a run to go on, each under the name that a message calls it by."""
    return {
        "archive": os.path.join(archive.root, archive.only or ""),
        "manifest": file_sha256(archive.manifest.path) if archive.manifest else None,
        "model": [bundle.weights_sha256, bundle.encoder_sha256],
        "calibration": [bundle.temperature, bundle.threshold, *bundle.unsure],
        "preprocessing": asdict(bundle.preprocessing),
        "number of rows per part": rows_per_part,
    }


def _score_all(parts: PartFiles, engine: Callable[[Iterator[Part]], Iterator[Part]]) -> None:
    done = sum(parts.rows_in(number) or 0 for number in range(parts.listing.num_row_groups))
    if done == parts.rows:
        return
    if done:
        print(f"Going on after {done:,} of {parts.rows:,} pictures.", file=sys.stderr)
    progress = ProgressLine(parts.rows, done)
    try:
        for number, table in engine(parts.pending()):
            parts.write(number, table)
            progress.advance(len(table))
    finally:
        progress.clear()


def _engine(
    options: argparse.Namespace, archive: Archive, bundle: Bundle, load: Loader
) -> Callable[[Iterator[Part]], Iterator[Part]]:
    """Made only when there is something to score: it starts the model."""
    if options.engine == "ray":
        from detector.score.ray_engine import score_on_ray

        return partial(
            score_on_ray,
            bundle=str(bundle.path),
            root=archive.root,
            actors=options.workers,
            address=options.ray_address,
        )

    def here(parts: Iterator[Part]) -> Iterator[Part]:
        return score_here(parts, load(bundle), files_at(archive.root), options.workers)

    return here


def _report(out: Path) -> int:
    with open(out, "rb") as file:
        errors = plainly_read(file, ["error"])["error"]
    unreadable = len(errors) - errors.null_count
    print(f"{printable(out)}: {len(errors):,} pictures, {unreadable:,} of them unreadable")
    return 1 if unreadable else 0


if __name__ == "__main__":
    sys.exit(main())
