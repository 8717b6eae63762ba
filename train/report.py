"""``python -m train.report BUNDLE --data DIR``: judge the test and unseen pictures again, as they are and
after delivery, and print the scoreboard.

Nothing is trained and nothing is chosen: threshold, temperature and unsure band stay the bundle's. With
``--write`` the bundle's predictions, scoreboard, metrics and limitations become what was found. Exit status:
0 done, 2 wrong usage, bundle or data, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from detector.bundle import CARD, Bundle, BundleError, find_bundle, load_network, read_bundle
from detector.datasets import Dataset, DatasetError, load_dataset, only
from detector.evaluation.calibration import calibrated
from detector.evaluation.scoreboard import markdown, markdown_of_parts, scoreboard, to_json
from detector.images import ImageReadError
from train.exit_status import DONE, ends_with_a_sentence
from train.model_card import refresh
from train.predict import JUDGED

BATCH_SIZE = 32


@ends_with_a_sentence(
    "train.report", BundleError, DatasetError, ImageReadError, interrupted="nothing was written"
)
def main(argv: list[str] | None = None) -> int:
    arguments = _parse(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    bundle = read_bundle(find_bundle(arguments.bundle))
    say(f"Checking the images of {arguments.data}.")
    dataset = load_dataset(arguments.data, **cut(bundle))
    if not dataset.rows["split"].isin(JUDGED).any():
        raise DatasetError(
            "There is no picture in the splits test and unseen, so there is nothing to report on."
        )
    if arguments.where:
        dataset = only(dataset, arguments.where)
    if problem := other_images(bundle, dataset):
        if arguments.write:
            raise DatasetError(f"{problem} Nothing is written.")
        say(problem)
    rows = judge_stored(bundle, dataset, arguments.features) if arguments.features else judge(bundle, dataset)
    if arguments.write:
        card = card_on_disk(bundle)
        of_validation = _section(card.get("metrics")).get("validation")
        card["metrics"] = {} if of_validation is None else {"validation": of_validation}
        refresh(bundle, card, rows)
        say(f"Wrote predictions, scoreboard, metrics and limitations of {bundle.name}.")
    board = scoreboard(rows, bundle.threshold, bundle.unsure)
    if arguments.json:
        print(json.dumps(to_json(board), ensure_ascii=False))
    else:
        print(f"{markdown(board)}\n\n{markdown_of_parts(board)}")
    return DONE


def card_on_disk(bundle: Bundle) -> dict[str, Any]:
    """The bundle's card with everything in it, to be written back with changes."""
    return json.loads((bundle.path / CARD).read_text("utf-8"))


def judge(bundle: Bundle, dataset: Dataset) -> pd.DataFrame:
    """The bundle's predictions table for the splits test and unseen of ``dataset``, as at the end of a
    training run."""
    from train.predict import predict_test

    rows = predict_test(load_network(bundle), dataset, bundle.preprocessing, **pace())
    return rows.assign(y_score=calibrated(rows["logit"].to_numpy(), bundle.temperature))


def judge_stored(bundle: Bundle, dataset: Dataset, features: str) -> pd.DataFrame:
    """The same, of a model whose encoder's features of these pictures are stored (`train.feature_store
    --perturbed`). Raises BundleError for another kind of model and a store that lacks pictures."""
    from train.feature_store import Features
    from train.head import predictions

    if bundle.architecture.encoder is None:
        raise BundleError(f"{bundle.name} has no frozen encoder whose features could be stored.")
    try:
        stored = Features.read(Path(features))
    except (OSError, ValueError) as error:
        raise BundleError(f"The features in {features} cannot be read: {error}") from error
    rows = predictions(bundle.architecture.trained(load_network(bundle)), dataset, stored)
    lacking = dataset.rows["split"].isin(JUDGED).sum() - (rows["delivery"] == "").sum()
    if lacking:
        raise BundleError(f"The features of {lacking:,} of these pictures are not in {features}.")
    return rows.assign(y_score=calibrated(rows["logit"].to_numpy(), bundle.temperature))


def pace() -> dict[str, Any]:
    """How pictures are judged outside a training run, which nothing but Ctrl-C stops: what `train.predict`
    takes."""
    return {
        "batch_size": BATCH_SIZE,
        "workers": min(4, (os.cpu_count() or 1) + 1),
        "should_stop": lambda: False,
        "say": say,
    }


def cut(bundle: Bundle) -> dict[str, Any]:
    """How the splits of the bundle's training data were cut, as arguments of ``load_dataset``; what the card
    does not say is left to the defaults."""
    settings = _section(_section(bundle.card.get("training")).get("settings"))
    split, seed = _section(settings.get("split")), settings.get("seed")
    shares = {"val_fraction": split.get("val_share"), "test_fraction": split.get("test_share")}
    known = {name: share for name, share in shares.items() if type(share) is float}
    return {"seed": seed if type(seed) is int and seed >= 0 else 0, **known}


def other_images(bundle: Bundle, dataset: Dataset) -> str | None:
    """A sentence if these are not the images, labels and splits the bundle was trained with."""
    of_training = _section(_section(bundle.card.get("training")).get("dataset"))
    known, found = of_training.get("manifest_sha256"), dataset.manifest_hash
    if known == found:
        return None
    return (
        f"These are not the images, labels and splits that {bundle.name} was trained with (its card says"
        f" {str(known)[:12]}, these are {found[:12]}): pictures it was trained on may be among them."
    )


def say(line: str) -> None:
    """How far it is goes to standard error; standard output is the report alone."""
    print(time.strftime("%H:%M:%S"), line, file=sys.stderr, flush=True)


def _section(value: Any) -> dict:
    return value if isinstance(value, dict) else {}


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m train.report", description="Measure a finished model on test and unseen pictures."
    )
    parser.add_argument("bundle", help="name in weights/, or path of a bundle")
    parser.add_argument(
        "--data", required=True, help="the folder of images, or manifest CSV, that the model was trained from"
    )
    parser.add_argument(
        "--features", metavar="STORE", help="judge stored features (train.feature_store), not the pictures"
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="refresh the bundle's predictions, scoreboard, metrics and limitations",
    )
    parser.add_argument(
        "--where", metavar="QUERY", help="of which rows, for instance \"split != 'test'\"; not with --write"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of Markdown tables"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
