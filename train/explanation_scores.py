"""``python -m train.explanation_scores --data DIR [--write]``: how true each explanation method is of a
model, over a few hundred pictures.

For every picture each method's map is drawn and its deletion and insertion curves are compared with random
orders of the same patches (``detector.explain.faithfulness``). No labels are needed: what is watched is the
model's confidence in its own call. ``--write`` puts the result into the bundle's card, where Classify finds
the method to show first and Evaluate the table. ``python -m benchmarks.explanations`` does the same, and more
where there are no pictures at hand. Exit status: 0 done, 1 unusable model or pictures, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from detector import Classifier, ImageReadError, Photo, image_files
from detector.bundle import DEFAULT_BUNDLE, BundleError, add_to_card
from detector.datasets import DatasetError, load_dataset
from detector.evaluation.method_scores import COMMAND, Explanations, MethodScore
from detector.explain import METHODS, Unavailable

RANDOM_PAIRS = 4
"""Random orders, each with its reverse, per picture: few, because the interval is over pictures."""
SEED = 0
SAY_EVERY = 20
"""Pictures."""
WAITED_FOR_MS = 5000.0
"""A map that takes longer, in the median, is not the one to show first."""
COLUMNS = ("deletion_gain", "insertion_gain", "seconds")

Pictures = Mapping[str, Any]
"""Name -> path or bytes."""


def main(arguments: list[str] | None = None) -> int:
    options = parser(COMMAND, required=True).parse_args(arguments)
    return run(options)


def parser(program: str, required: bool) -> argparse.ArgumentParser:
    """The command line. required: whether pictures must be named."""
    made = argparse.ArgumentParser(
        prog=program, description="How true each explanation method is of a model."
    )
    made.add_argument(
        "--bundle",
        default=DEFAULT_BUNDLE,
        metavar="NAME",
        help="a model in weights/, or its path (default: %(default)s)",
    )
    source = made.add_mutually_exclusive_group(required=required)
    source.add_argument(
        "--data", metavar="DIR", help="a dataset; its validation images are used, as many of each class"
    )
    source.add_argument("--folder", metavar="DIR", help="a folder of images instead, labelled or not")
    made.add_argument(
        "--images",
        type=_positive,
        default=300,
        metavar="N",
        help="how many at most, drawn with a fixed seed (default: %(default)s)",
    )
    made.add_argument(
        "--resume", metavar="FILE", help="write each image's figures to FILE at once, and go on where it ends"
    )
    made.add_argument("--write", action="store_true", help="put the result into the bundle's card")
    made.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    return made


def run(options: argparse.Namespace, pictures: Pictures | None = None, said_of_them: str = "") -> int:
    """Score, write and print as ``parser`` was told. pictures: those to use where none were named, and what
    they are in words."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        classifier = Classifier.load(options.bundle)
        if pictures is None:
            pictures, said_of_them = choose(options)
        result = summarise(list(score_all(classifier, pictures, options.resume)), said_of_them)
        if options.write:
            add_to_card(classifier.bundle, "explanations", result.to_card(classifier.bundle.weights_sha256))
    except (BundleError, DatasetError, ImageReadError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    card = result.to_card(classifier.bundle.weights_sha256)
    print(json.dumps(card) if options.json else table(result))
    return 0


def choose(options: argparse.Namespace) -> tuple[Pictures, str]:
    """The pictures that were named, and in words which they are."""
    if options.data:
        dataset = load_dataset(options.data, check_files=False)
        order = dataset.split("val").sample(frac=1, random_state=SEED)
        order = order.assign(turn=order.groupby("y_true").cumcount())
        order = order.sort_values("turn", kind="stable").head(options.images)
        pictures = {name: dataset.path(name) for name in order["id"]}
        return pictures, f"{len(order)} validation images, drawn evenly from both classes"
    files = image_files([options.folder])
    drawn = np.random.default_rng(SEED).permutation(len(files))
    chosen = [files[place] for place in sorted(drawn[: options.images])]
    return {str(path): path for path in chosen}, f"{len(chosen)} images of a folder"


def score_all(
    classifier: Classifier, pictures: Pictures, resume: str | None = None
) -> Iterator[dict[str, Any]]:
    """A row per picture: its name, and per method deletion_gain, insertion_gain and seconds. Pictures that
    cannot be read are left out."""
    bundle = classifier.bundle
    settings = {
        "weights": bundle.weights_sha256,
        "temperature": bundle.temperature,
        "random_pairs": RANDOM_PAIRS,
        "methods": list(METHODS),
    }
    known = _rows(resume, settings)
    start, fresh = time.monotonic(), 0
    for number, (name, source) in enumerate(pictures.items(), start=1):
        if name not in known:
            try:
                photo = classifier.read(source)
            except ImageReadError as error:
                print(f"{name} is left out. {error}", file=sys.stderr)
                continue
            known[name] = {"name": name, **settings, "scores": score(classifier, photo, first=not fresh)}
            fresh += 1
            if resume:
                with open(resume, "a", encoding="utf-8") as file:
                    file.write(json.dumps(known[name]) + "\n")
            if number % SAY_EVERY == 0:
                each = (time.monotonic() - start) / max(fresh, 1)
                minutes = each * (len(pictures) - number) / 60
                told = f"{number} of {len(pictures)} images, about {minutes:.0f} min left"
                print(told, file=sys.stderr)
        yield known[name]


def score(classifier: Classifier, photo: Photo, first: bool = False) -> dict[str, dict[str, float]]:
    """Per method that can explain this network, the figures of one photo. first: draw each map once
    before, so that compiling is not timed."""
    heatmaps = []
    for name in METHODS:
        with suppress(Unavailable):
            if first:
                classifier.explain(photo, name)
            heatmaps.append(classifier.explain(photo, name))
    found = classifier.faithfulness(photo, heatmaps, random_pairs=RANDOM_PAIRS)
    return {
        heatmap.method: {
            "deletion_gain": each.deletion_gain.value,
            "insertion_gain": each.insertion_gain.value,
            "seconds": heatmap.cost.seconds,
        }
        for heatmap, each in zip(heatmaps, found, strict=True)
    }


def summarise(rows: list[dict[str, Any]], measured_on: str) -> Explanations:
    """Over all pictures, which are those in words. Raises ValueError for none."""
    if not rows:
        raise ValueError("There is no picture to measure on.")
    scores = {}
    for name in rows[0]["scores"]:
        columns = [[row["scores"][name][column] for row in rows] for column in COLUMNS]
        scores[name] = MethodScore.of(*columns)
    waited_for = {name: score for name, score in scores.items() if score.ms_per_map <= WAITED_FOR_MS}
    candidates = waited_for or scores
    first = max(candidates, key=lambda name: candidates[name].gain)
    return Explanations(first, len(rows), measured_on, scores)


def table(result: Explanations) -> str:
    """The figures as text for people."""
    lines = [f"{'':<22} {'deletion gain':>24} {'insertion gain':>24} {'beats random':>24} {'ms per map':>11}"]
    for name, one in result.ranked:
        cells = [f"{name:<22}"]
        for estimate in (one.deletion_gain, one.insertion_gain, one.win_rate_over_random):
            cell = f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
            cells.append(f"{cell:>24}")
        cells.append(f"{one.ms_per_map:>11.1f}")
        lines.append(" ".join(cells))
    lines.append(f"{result.images} images: {result.measured_on}. Shown first: {result.default}.")
    return "\n".join(lines)


def _rows(resume: str | None, settings: dict[str, Any]) -> dict[str, dict]:
    """What an earlier run with the same settings left, by picture; a line cut off by a crash is measured
    again."""
    known = {}
    if resume and Path(resume).exists():
        for line in Path(resume).read_text("utf-8").splitlines():
            try:
                row = json.loads(line)
                alike = {key: row[key] for key in settings} == settings
                if alike and row["scores"]:
                    known[row["name"]] = row
            except (ValueError, KeyError, TypeError):
                continue
    return known


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
