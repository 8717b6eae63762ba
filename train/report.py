"""``python -m train.report BUNDLE --data DIR``: judge the test and unseen pictures again, as they are and after delivery, and print the scoreboard.

Nothing is trained and nothing is chosen: threshold, temperature and unsure band stay the bundle's. With ``--write`` the bundle's
predictions, scoreboard, metrics and limitations become what was found. Exit status: 0 done, 2 wrong usage, bundle or data, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

from detector.bundle import CARD, Bundle, BundleError, find, load_network, read_bundle
from detector.datasets import Dataset, DatasetError, load_dataset
from detector.evaluation.calibration import calibrated
from detector.evaluation.scoreboard import markdown, markdown_of_parts, scoreboard, to_json
from detector.images import ImageReadError
from train.measured import refresh

DONE, USAGE, INTERRUPTED = 0, 2, 130
BATCH_SIZE = 32


def main(argv: list[str] | None = None) -> int:
    arguments = _parse(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        bundle = read_bundle(find(arguments.bundle))
        say(f"Checking the images of {arguments.data}.")
        dataset = load_dataset(arguments.data, seed=seed(bundle))
        if not dataset.rows["split"].isin(("test", "unseen")).any():
            raise DatasetError("There is no picture in the splits test and unseen, so there is nothing to report on.")
        if problem := other_images(bundle, dataset):
            if arguments.write:
                raise DatasetError(f"{problem} Nothing is written.")
            say(problem)
        rows = judge(bundle, dataset)
        if arguments.write:
            card: dict[str, Any] = json.loads((bundle.path / CARD).read_text("utf-8"))
            card["metrics"] = {name: each for name, each in _section(card.get("metrics")).items() if name == "validation"}
            refresh(bundle, card, rows)
            say(f"Wrote predictions, scoreboard, metrics and limitations of {bundle.name}.")
    except (BundleError, DatasetError, ImageReadError) as error:
        print(f"train.report: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("train.report: interrupted before anything was written.", file=sys.stderr)
        return INTERRUPTED
    board = scoreboard(rows, bundle.threshold, bundle.unsure)
    print(json.dumps(to_json(board), ensure_ascii=False) if arguments.json else f"{markdown(board)}\n\n{markdown_of_parts(board)}")
    return DONE


def judge(bundle: Bundle, dataset: Dataset):
    """The bundle's predictions table for the splits test and unseen of ``dataset``, as at the end of a training run."""
    from train.predictions import predict_test  # imports Keras: wrong folders are reported before TensorFlow has started

    pace = {"batch_size": BATCH_SIZE, "workers": min(4, (os.cpu_count() or 1) + 1), "should_stop": lambda: False, "say": say}
    rows = predict_test(load_network(bundle), dataset, bundle.preprocessing, **pace)
    return rows.assign(y_score=calibrated(rows["logit"], bundle.temperature))


def seed(bundle: Bundle) -> int:
    """The seed that cut the splits of the bundle's training data; where the card does not say, the default."""
    seed = _section(_section(bundle.card.get("training")).get("settings")).get("seed")
    return seed if type(seed) is int and seed >= 0 else 0


def other_images(bundle: Bundle, dataset: Dataset) -> str | None:
    """A sentence if these are not the images, labels and splits the bundle was trained with."""
    known = _section(_section(bundle.card.get("training")).get("dataset")).get("manifest_sha256")
    if known == dataset.manifest_hash:
        return None
    return (
        f"These are not the images, labels and splits that {bundle.name} was trained with (its card says {str(known)[:12]}, these are "
        f"{dataset.manifest_hash[:12]}): pictures it was trained on may be among them."
    )


def say(line: str) -> None:
    """How far it is goes to standard error; standard output is the report alone."""
    print(time.strftime("%H:%M:%S"), line, file=sys.stderr, flush=True)


def _section(value: Any) -> dict:
    return value if isinstance(value, dict) else {}


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m train.report", description="Measure a finished model on test and unseen pictures.")
    parser.add_argument("bundle", help="name in weights/, or path of a bundle")
    parser.add_argument("--data", required=True, help="the folder of images, or manifest CSV, that the model was trained from")
    parser.add_argument("--write", action="store_true", help="refresh the bundle's predictions, scoreboard, metrics and limitations")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of Markdown tables")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
