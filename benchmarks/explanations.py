"""``python -m benchmarks.explanations --data DIR [--write]``: how true each explanation method is of a model, over a few hundred pictures.

For every picture each method's map is drawn and its deletion and insertion curves are compared with random orders of the same patches
(``detector.explain.faithfulness``). No labels are needed: what is watched is the model's confidence in its own call. ``--write`` puts the
result into the bundle's card, where Classify finds the method to show first and Evaluate the table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.photographs import photograph
from detector import Classifier, ImageReadError, Photo, image_files, read_image
from detector.bundle import DEFAULT_BUNDLE, Bundle, BundleError, read_bundle, write_card
from detector.datasets import DatasetError, load_dataset
from detector.evaluation.explanations import Explanations, MethodScore
from detector.explain import METHODS, Unavailable

RANDOM_PAIRS = 4
"""Random orders, each with its reverse, per picture: few, because the interval is over pictures."""
MADE_UP = 12
SEED = 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explanations", description="How true each explanation method is of a model.")
    parser.add_argument("--bundle", default=DEFAULT_BUNDLE, metavar="NAME", help="a model in weights/, or its path (default: %(default)s)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--data", metavar="DIR", help="a dataset; its validation images are used, as many of each class")
    source.add_argument("--folder", metavar="DIR", help="a folder of images instead, labelled or not")
    parser.add_argument("--images", type=_positive, default=300, metavar="N", help="how many at most, drawn with a fixed seed (default: %(default)s)")
    parser.add_argument("--resume", metavar="FILE", help="write each image's figures to FILE at once, and go on where it ends")
    parser.add_argument("--write", action="store_true", help="put the result into the bundle's card")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = parser.parse_args(arguments)
    if options.write and not (options.data or options.folder):
        parser.error("--write needs --data or --folder: the pictures used without them say little about a model.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        classifier = Classifier.load(options.bundle)
        pictures, measured_on = choose(options)
        result = summarise(list(measure(classifier, pictures, options.resume)), measured_on)
        if options.write:
            write(classifier.bundle, result)
    except (BundleError, DatasetError, ImageReadError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    card = result.to_card(classifier.bundle.weights_sha256)
    print(json.dumps(card) if options.json else table(result))
    return 0


def choose(options: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """The pictures by name, each a path or its bytes, and in words which they are."""
    rng = np.random.default_rng(SEED)
    if options.data:
        dataset = load_dataset(options.data, check_files=False)
        rows = dataset.split("val")
        order = rows.sample(frac=1, random_state=SEED)
        order = order.assign(turn=order.groupby("y_true").cumcount()).sort_values("turn", kind="stable").head(options.images)
        return {id: dataset.path(id) for id in order["id"]}, f"{len(order)} validation images, drawn evenly from both classes"
    if options.folder:
        files = image_files([options.folder])
        chosen = [files[place] for place in sorted(rng.permutation(len(files))[: options.images])]
        return {str(path): path for path in chosen}, f"{len(chosen)} images of a folder"
    count = min(options.images, MADE_UP)
    return {f"made-up {number}": photograph(number, 0.3) for number in range(count)}, f"{count} crops of scikit-learn's two sample photographs"


def measure(classifier: Classifier, pictures: dict[str, Any], resume: str | None = None) -> Iterator[dict[str, Any]]:
    """A row per picture: its name, and per method deletion_gain, insertion_gain and seconds. Pictures that cannot be read are left out."""
    bundle = classifier.bundle
    settings = {"weights": bundle.weights_sha256, "temperature": bundle.temperature, "random_pairs": RANDOM_PAIRS, "methods": list(METHODS)}
    known = _rows(resume, settings)
    start, fresh = time.monotonic(), 0
    for number, (name, source) in enumerate(pictures.items(), start=1):
        if name not in known:
            try:
                photo = read_image(source)
            except ImageReadError as error:
                print(f"{name} is left out. {error}", file=sys.stderr)
                continue
            known[name] = {"name": name, **settings, "scores": score(classifier, photo, first=not fresh)}
            fresh += 1
            if resume:
                with open(resume, "a", encoding="utf-8") as file:
                    file.write(json.dumps(known[name]) + "\n")
            if number % 20 == 0:
                left = (time.monotonic() - start) / fresh * (len(pictures) - number)
                print(f"{number} of {len(pictures)} images, about {left / 60:.0f} min left", file=sys.stderr)
        yield known[name]


def score(classifier: Classifier, photo: Photo, first: bool = False) -> dict[str, dict[str, float]]:
    """Per method that can explain this network, the figures of one photo. first: draw each map once before, so that compiling is not timed."""
    heatmaps = []
    for name in METHODS:
        with suppress(Unavailable):
            heatmaps += [classifier.explain(photo, name) for _ in range(1 + first)][-1:]
    found = classifier.faithfulness(photo, heatmaps, random_pairs=RANDOM_PAIRS)
    return {
        heatmap.method: {"deletion_gain": each.deletion_gain.value, "insertion_gain": each.insertion_gain.value, "seconds": heatmap.cost.seconds}
        for heatmap, each in zip(heatmaps, found, strict=True)
    }


def summarise(rows: list[dict[str, Any]], measured_on: str) -> Explanations:
    """Over all pictures. Raises ValueError for none."""
    if not rows:
        raise ValueError("There is no picture to measure on.")
    columns = ("deletion_gain", "insertion_gain", "seconds")
    scores = {name: MethodScore.of(*([row["scores"][name][column] for row in rows] for column in columns)) for name in rows[0]["scores"]}
    best = max(scores, key=lambda name: scores[name].gain)
    return Explanations(best, len(rows), measured_on, scores)


def write(bundle: Bundle, result: Explanations) -> None:
    """Into the card as it is on disk now. Raises BundleError if its weights are not the measured ones any more."""
    card = dict(read_bundle(bundle.path).card)
    if card["weights_sha256"] != bundle.weights_sha256:
        raise BundleError("The model was replaced while it was measured; nothing was written. Measure again.")
    write_card(bundle.path, card | {"explanations": result.to_card(bundle.weights_sha256)})


def table(result: Explanations) -> str:
    """The figures as text for people."""
    lines = [f"{'':<22} {'deletion gain':>24} {'insertion gain':>24} {'beats random':>24} {'ms per map':>11}"]
    for name, one in result.ranked:
        cells = [f"{e.value:.3f} ({e.low:.3f} to {e.high:.3f})" for e in (one.deletion_gain, one.insertion_gain, one.win_rate_over_random)]
        lines.append(f"{name:<22} {cells[0]:>24} {cells[1]:>24} {cells[2]:>24} {one.ms_per_map:>11.1f}")
    return "\n".join([*lines, f"{result.images} images: {result.measured_on}. Shown first: {result.default}."])


def _rows(resume: str | None, settings: dict[str, Any]) -> dict[str, dict]:
    """What an earlier run with the same settings left, by picture; a line cut off by a crash is measured again."""
    known = {}
    if resume and Path(resume).exists():
        for line in Path(resume).read_text("utf-8").splitlines():
            try:
                row = json.loads(line)
                if {key: row[key] for key in settings} == settings and row["scores"]:
                    known[row["name"]] = row
            except (ValueError, KeyError, TypeError):
                continue
    return known


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
