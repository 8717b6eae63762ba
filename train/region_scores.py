"""``python -m train.region_scores --data DIR [--split val] [--write]``: do a model's region maps find a part
that was put into a photo?

Into real photos of the data set a part of another picture of the same source is pasted, with soft edges, at
its own scale, and the whole is saved as a JPEG once more: a part of an AI-generated picture, and, as a
control, of another real photo. Over the parts of the map, those that lie in what was pasted against those
that do not: ROC AUC, mean over the photos. ``--write`` puts the result into the bundle's card, from which
Classify quotes it. Exit status: 0 done, 1 unusable model or pictures, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter
from sklearn.metrics import roc_auc_score

from detector import Classifier, ImageReadError
from detector.bundle import DEFAULT_BUNDLE, BundleError, add_to_card
from detector.datasets import Dataset, DatasetError, load_dataset
from detector.evaluation.intervals import mean
from detector.evaluation.localisation_scores import SECTION, RegionScores
from detector.explain.method import Unavailable
from detector.explain.region_map import cells, grid, region_map
from detector.perturbations import AS_SENT, jpeg_round_trip
from train.pipeline import read_photo

SEED = 0
PARTS = 6
"""A photo whose map has fewer is left out: there is nothing to be found in it."""
SHARE = 0.35, 0.6
"""Of a photo's height and width that is pasted over, drawn evenly in between."""
SOFT = 6
"""Standard deviation of the blur of what was pasted along its edges, pixels."""
QUALITY = 90
"""Of the JPEG that each photo becomes afterwards."""
INSIDE, OUTSIDE = 0.5, 0.1
"""A part counts as pasted from that share of its pixels on, as not pasted up to the other."""
LABELS = {"ai": 1, "real": 0}
TRIES = 5
"""Pictures of a source that are looked at for one from which so large a part can be cut."""


def paste(photo: np.ndarray, other: np.ndarray, box: tuple[int, int, int, int]) -> tuple[np.ndarray, ...]:
    """uint8 (H, W, 3) each, ``other`` at least as large as the box (top, left, height, width) -> ``photo``
    with the upper left corner of ``other`` in the box, uint8 (H, W, 3), and which pixels that are, bool (H,
    W)."""
    top, left, height, width = box
    put, where = photo.copy(), np.zeros(photo.shape[:2], np.uint8)
    put[top : top + height, left : left + width] = other[:height, :width]
    where[top : top + height, left : left + width] = 255
    soft = Image.fromarray(where).filter(ImageFilter.GaussianBlur(SOFT))
    pasted = Image.composite(Image.fromarray(put), Image.fromarray(photo), soft)
    return np.asarray(jpeg_round_trip(pasted, QUALITY)), where > 0


def localisation(values: np.ndarray, pasted: np.ndarray) -> float | None:
    """How well a map, float (rows, columns), tells the parts that were pasted, bool (H, W), from the others:
    ROC AUC; None where there are not both."""
    rows, columns = values.shape
    shares = np.array([part.mean() for part in cells(pasted, rows, columns)])
    counts = (shares >= INSIDE) | (shares <= OUTSIDE)
    truth = shares[counts] >= INSIDE
    if truth.all() or not truth.any():
        return None
    return float(roc_auc_score(truth, values.ravel()[counts]))


def score_all(classifier: Classifier, dataset: Dataset, split: str, most: int) -> Iterator[dict[str, float]]:
    """For up to ``most`` real photos of a split, in an order drawn once: the localisation of a part of an
    AI-generated picture ("ai") and of another real one ("real"). Where there are paired pictures, these alone
    are taken. Photos that are too small, or without a partner, are left out."""
    rows, rng = dataset.split(split), np.random.default_rng(SEED)
    if rows["paired"].any():
        rows = rows[rows["paired"]]
    found = (
        _score_one(classifier, dataset, rows, str(id), rng)
        for id in rows["id"][rows["y_true"] == 0].sample(frac=1, random_state=SEED)
    )
    yield from islice(filter(None, found), most)


def _score_one(
    classifier: Classifier, dataset: Dataset, rows: pd.DataFrame, id: str, rng: np.random.Generator
) -> dict[str, float] | None:
    photo = _pixels(dataset, id)
    if photo is None or not _has_room(photo, classifier.bundle.preprocessing.short_side):
        return None
    height, width = photo.shape[:2]
    share = rng.uniform(*SHARE)
    tall, wide = round(share * height), round(share * width)
    box = (int(rng.integers(height - tall)), int(rng.integers(width - wide)), tall, wide)
    source = rows["source"][rows["id"] == id].iloc[0]
    partners = rows[(rows["source"] == source) & (rows["id"] != id)]
    scores = {}
    for name, label in LABELS.items():
        other = _partner(dataset, partners["id"][partners["y_true"] == label], box, rng)
        if other is None:
            return None
        pixels, pasted = paste(photo, other, box)
        score = localisation(region_map(classifier.engine, pixels).values, pasted)
        if score is None:
            return None
        scores[name] = score
    return scores


def _has_room(photo: np.ndarray, side: int) -> bool:
    height, width = photo.shape[:2]
    try:
        rows, columns = grid(height, width, side)
    except Unavailable:
        return False
    return rows * columns >= PARTS


def _pixels(dataset: Dataset, id: str) -> np.ndarray | None:
    try:
        return read_photo(dataset, id, short_side=AS_SENT).pixels
    except ImageReadError:
        return None


def _partner(
    dataset: Dataset, ids: pd.Series, box: tuple[int, int, int, int], rng: np.random.Generator
) -> np.ndarray | None:
    """One of those pictures from which so large a part can be cut; None if none was found."""
    for id in rng.permutation(ids.to_numpy())[:TRIES]:
        pixels = _pixels(dataset, str(id))
        if pixels is not None and pixels.shape[0] >= box[2] and pixels.shape[1] >= box[3]:
            return pixels
    return None


def summarise(found: list[dict[str, float]], measured_on: str) -> RegionScores:
    """Raises ValueError for no photo."""
    ai, real = (mean(np.array([each[name] for each in found])) for name in LABELS)
    if ai is None or real is None:
        raise ValueError("There is no photo with room for a part of another one of its source.")
    return RegionScores(ai, real, len(found), measured_on)


def _which_photos(split: str) -> str:
    if split.startswith("unseen"):
        return f"real photos from sources that the model never saw ({split})"
    return f"real photos of the split {split}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m train.region_scores", description="Do region maps find a part that was put in?"
    )
    parser.add_argument("--bundle", default=DEFAULT_BUNDLE, metavar="NAME", help="(default: %(default)s)")
    parser.add_argument("--data", required=True, metavar="DIR", help="a data set, sources of both classes")
    parser.add_argument("--split", default="val", help="of the data set (default: %(default)s)")
    parser.add_argument("--pictures", type=int, default=150, help="at most (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="put the result into the bundle's card")
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        classifier = Classifier.load(options.bundle)
        dataset = load_dataset(options.data, check_files=False)
        found = []
        for each in score_all(classifier, dataset, options.split, options.pictures):
            found.append(each)
            if len(found) % 20 == 0:
                print(f"{len(found)} photos", file=sys.stderr, flush=True)
        scores = summarise(found, _which_photos(options.split))
        if options.write:
            add_to_card(classifier.bundle, SECTION, scores.to_card(classifier.bundle.weights_sha256))
    except (BundleError, DatasetError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(scores.to_card(classifier.bundle.weights_sha256)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
