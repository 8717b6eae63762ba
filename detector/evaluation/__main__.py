"""``python -m detector.evaluation [BUNDLE]``: the figures the README quotes, from a bundle's cached test predictions, as a Markdown table."""

from __future__ import annotations

import argparse
import sys

from detector.bundle import DEFAULT_BUNDLE, PRACTICE_IS_NOT, PREDICTIONS, BundleError, find, read_bundle
from detector.evaluation.metrics import headline, named_subsets
from detector.evaluation.predictions import PredictionsError, read_predictions

COLUMNS = {
    "n": "pictures", "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "precision": "precision", "recall": "recall",
    "roc_auc": "ROC AUC", "false_alarm_rate": "false alarms on real", "expected_calibration_error": "calibration error",
}  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m detector.evaluation", description="Print a bundle's test figures as a Markdown table.")
    parser.add_argument("bundle", nargs="?", default=DEFAULT_BUNDLE, help="name in weights/, or path of a bundle")
    try:
        bundle = read_bundle(find(parser.parse_args(arguments).bundle))
        predictions = read_predictions(bundle.path / PREDICTIONS)
    except (BundleError, PredictionsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if predictions.weights_sha256 != bundle.weights_sha256:
        print("error: the cached predictions were made by other weights than the bundle's; they say nothing about this model.", file=sys.stderr)
        return 2
    if bundle.practice:
        print(f"{bundle.name} is a practice model. {PRACTICE_IS_NOT}", file=sys.stderr)
    rows = predictions.rows
    print("| rows | " + " | ".join(COLUMNS.values()) + " |")
    print("|---|" + "---|" * len(COLUMNS))
    for name, chosen in named_subsets(rows).items():
        figures = headline(rows["y_true"][chosen], rows["y_score"][chosen], bundle.threshold)
        print(f"| {name} | " + " | ".join(_cell(figures.get(key)) for key in COLUMNS) + " |")
    return 0


def _cell(value: float | int | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
