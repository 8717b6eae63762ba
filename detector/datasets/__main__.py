"""``python -m detector.datasets scan DIR [--json]``: what the Data page shows, in a terminal.

Exit status: 0 the dataset can be trained on, 1 it cannot as it is, 2 it could not be looked at, 130 ended by
Ctrl-C; what was measured until then is not measured again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from detector.atomic_files import write_whole
from detector.datasets.dataset import DatasetError
from detector.datasets.dataset_scan import CHECKING, DatasetScan, scan_dataset
from detector.datasets.exclusions import exclusion_csv
from detector.datasets.scan_summary import in_words, to_json

USABLE, UNUSABLE, FAILED, INTERRUPTED = 0, 1, 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status."""
    options = _parser().parse_args(arguments)
    tell = _Progress() if sys.stderr.isatty() else None
    try:
        scan = scan_dataset(options.data, seed=options.seed, exclude=options.exclude, progress=tell)
        if tell:
            tell.end()
        if options.write_exclusions:
            _write_exclusions(scan, options.write_exclusions)
        audit = scan.audit()
        if options.json:
            print(json.dumps(to_json(scan, audit, scan.spectra()), ensure_ascii=False))
        else:
            print("\n".join(in_words(scan, audit)))
    except DatasetError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except OSError as error:
        print(f"error: {error.strerror or error}: {error.filename}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return UNUSABLE if scan.cannot_train else USABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m detector.datasets",
        description="What is in a dataset, and what gives its classes away.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    scan = verbs.add_parser("scan", help="look at every image of a dataset")
    scan.add_argument("data", help="folder of images, or a manifest CSV; docs/training.md lists the layouts")
    scan.add_argument("--json", action="store_true", help="print one JSON object with everything")
    scan.add_argument("--seed", type=int, default=0, help="of the splits that are cut; a run's own is 0")
    scan.add_argument("--exclude", metavar="FILE", help="exclusion list, instead of exclude.csv in the data")
    scan.add_argument(
        "--write-exclusions",
        metavar="FILE",
        type=Path,
        help="write what should be left out as an exclusion list: unreadable, leaking, of both labels",
    )
    return parser


def _write_exclusions(scan: DatasetScan, path: Path) -> None:
    every = [reason for kind in scan.exclusions().values() for reason in kind]
    write_whole(path, exclusion_csv(every))


class _Progress:
    """One line of a terminal that says how far the scan is."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if time.monotonic() < self._next and done != total:
            return
        self._next = time.monotonic() + 0.2
        what = f"{done:,} of {total:,} images checked" if stage == CHECKING else f"{done:,} images found"
        print(f"\r{what}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        print("\r\033[K", end="", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
