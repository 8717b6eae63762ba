"""``python -m detector.evaluation [BUNDLE]``: the scoreboard the README quotes, from a bundle's cached test predictions, as Markdown tables."""

from __future__ import annotations

import argparse
import json
import sys

from detector.bundle import DEFAULT_BUNDLE, PRACTICE_IS_NOT, PREDICTIONS, BundleError, find, read_bundle
from detector.evaluation.predictions import PredictionsError, read_predictions
from detector.evaluation.scoreboard import markdown, markdown_of_parts, scoreboard, to_json


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m detector.evaluation", description="Print a bundle's test figures as Markdown tables.")
    parser.add_argument("bundle", nargs="?", default=DEFAULT_BUNDLE, help="name in weights/, or path of a bundle")
    parser.add_argument("--parts", action="store_true", help="print the figures by source and by generator as well")
    parser.add_argument("--json", action="store_true", help="print one JSON object that holds everything instead")
    options = parser.parse_args(arguments)
    try:
        bundle = read_bundle(find(options.bundle))
        predictions = read_predictions(bundle.path / PREDICTIONS)
    except (BundleError, PredictionsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if predictions.weights_sha256 != bundle.weights_sha256:
        print("error: the cached predictions were made by other weights than the bundle's; they say nothing about this model.", file=sys.stderr)
        return 2
    if bundle.practice:
        print(f"{bundle.name} is a practice model. {PRACTICE_IS_NOT}", file=sys.stderr)
    if missing := [column for column in ("split", "paired") if column not in predictions.rows]:
        print(f"error: the cached predictions have no column {' and no column '.join(missing)}.", file=sys.stderr)
        return 2
    board = scoreboard(predictions.rows, bundle.threshold, bundle.unsure)
    if options.json:
        print(json.dumps(to_json(board), ensure_ascii=False))
    else:
        print(markdown(board) + (f"\n\n{markdown_of_parts(board)}" if options.parts else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
