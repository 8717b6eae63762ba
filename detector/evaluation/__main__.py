"""``python -m detector.evaluation [BUNDLE or FILE]``: as Markdown tables, the scoreboard that the docs quote,
from a bundle's cached test predictions, or the same figures of a table of anybody's predictions."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

import pandas as pd

from detector.bundle import (
    DEFAULT_BUNDLE,
    PRACTICE_IS_NOT,
    PREDICTIONS,
    BundleError,
    find_bundle,
    read_bundle,
)
from detector.evaluation import mapping_options
from detector.evaluation.column_mapping import apply_mapping
from detector.evaluation.predictions import PredictionsError, read_predictions
from detector.evaluation.scoreboard import (
    Scoreboard,
    markdown,
    markdown_of_parts,
    scoreboard,
    scoreboard_of_table,
    to_json,
)
from detector.evaluation.tables import read_frame
from detector.printable import printable

TABLE_SUFFIXES = {".csv", ".tsv", ".txt", ".parquet"}


class UsageError(ValueError):
    """Nothing can be done; the message is a sentence for the user."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if Path(options.what).is_file():
            board = _of_table(Path(options.what), options.map, options.threshold)
        else:
            board = _of_bundle(options)
    except (BundleError, PredictionsError, UsageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {printable(options.what)} cannot be read: {error.strerror}.", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(to_json(board), ensure_ascii=False))
        return 0
    print(markdown(board))
    if options.parts:
        print(f"\n{markdown_of_parts(board)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m detector.evaluation",
        description=(
            "Print the test figures of a bundle, or of a CSV or Parquet file with a row per picture, as"
            " Markdown tables."
        ),
    )
    parser.add_argument(
        "what",
        nargs="?",
        default=DEFAULT_BUNDLE,
        metavar="BUNDLE or FILE",
        help="name in weights/, or path of a bundle or of a table (default: %(default)s)",
    )
    parser.add_argument(
        "--parts", action="store_true", help="print the figures by source and by generator as well"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object that holds everything instead"
    )
    parser.add_argument(
        "--threshold",
        type=_threshold,
        metavar="0..1",
        help="called AI-generated from this score on; for a FILE (default: 0.5), a bundle has its own",
    )
    parser.add_argument(
        "--map", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help=mapping_options.HELP
    )
    return parser


def _threshold(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be a number from 0 to 1")
    return value


def _of_table(path: Path, options: list[str], threshold: float | None) -> Scoreboard:
    """Of somebody's table; how it was understood goes to standard error, in words that --map takes."""
    frame = read_frame(path.read_bytes(), path.name)
    mapping = mapping_options.mapping_of(frame, options)
    understood = printable(shlex.join(mapping_options.options_of(mapping)))
    print(f"understood as: --map {understood}", file=sys.stderr)
    rows = apply_mapping(frame, mapping)
    if left_out := len(frame) - len(rows):
        print(f"left out: {left_out:,} of {len(frame):,} rows", file=sys.stderr)
    return scoreboard_of_table(rows, 0.5 if threshold is None else threshold)


def _of_bundle(options: argparse.Namespace) -> Scoreboard:
    if Path(options.what).suffix.lower() in TABLE_SUFFIXES:
        raise UsageError(f"There is no file {printable(options.what)}.")
    if options.map or options.threshold is not None:
        raise UsageError(
            f"--map and --threshold are for a table, and {printable(options.what)} is no file. A bundle's"
            " columns and threshold are known."
        )
    bundle = read_bundle(find_bundle(options.what))
    predictions = read_predictions(bundle.path / PREDICTIONS)
    if predictions.weights_sha256 != bundle.weights_sha256:
        raise UsageError(
            "the cached predictions were made by other weights than the bundle's; they say nothing about this"
            " model."
        )
    _check_columns(predictions.rows)
    if bundle.practice:
        print(f"{bundle.name} is a practice model. {PRACTICE_IS_NOT}", file=sys.stderr)
    return scoreboard(predictions.rows, bundle.threshold, bundle.unsure)


def _check_columns(rows: pd.DataFrame) -> None:
    missing = [column for column in ("split", "paired") if column not in rows]
    if missing:
        raise UsageError(f"the cached predictions have no column {' and no column '.join(missing)}.")


if __name__ == "__main__":
    sys.exit(main())
