"""Smaller data sets made from a large one, for comparing recipes within minutes.

``python -m experiments.smaller_sets --data DIR --out FILE.csv --train 1000 --val 200 --test 300``: a manifest
of some of a collection's rows, the test ones from those that are paired; it has to lie in the collection's
folder. With ``--cifake`` the pictures are written to the folder ``--out`` as CIFAKE has them (Bird & Lotfi,
IEEE Access 2024): 32 x 32, ``train|val|test`` folders with ``REAL`` and ``FAKE`` in each.

Which rows are taken depends on nothing but their ids, so the same command makes the same set. Classes are
taken equally. ``--paired`` takes paired pictures only, ``--per-source N`` at most N of each source and class.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import pandas as pd
from PIL import Image

from detector.datasets import Dataset, DatasetError, load_dataset
from detector.datasets.manifests import write_manifest
from detector.images import read_image

SIDE, QUALITY = 32, 95
FOLDERS = {0: "REAL", 1: "FAKE"}


def subset(
    dataset: Dataset, wanted: dict[str, int], paired: bool = False, per_source: int | None = None
) -> pd.DataFrame:
    """So many rows of each split, half of them of each class; of test the paired ones, if there are any.

    paired: of every split. per_source: at most so many of each source and class.
    """
    chosen = []
    for split, count in wanted.items():
        rows = dataset.split(split)
        if paired or (split == "test" and rows["paired"].any()):
            rows = rows[rows["paired"]]
        order = rows["id"].map(lambda name: hashlib.sha256(name.encode()).hexdigest())
        rows = rows.assign(order=order).sort_values("order").drop(columns="order")
        if per_source is not None:
            rows = rows.groupby(["source", "y_true"], dropna=False).head(per_source)
        chosen += [of_class.head(count // 2) for _, of_class in rows.groupby("y_true")]
    return pd.concat(chosen, ignore_index=True)


def write_cifake(dataset: Dataset, rows: pd.DataFrame, folder: Path) -> None:
    """The middle square of every picture, reduced to 32 x 32."""
    columns = (rows[name].tolist() for name in ("id", "split", "y_true"))
    for number, (name, split, y_true) in enumerate(zip(*columns, strict=True)):
        pixels = read_image(dataset.path(name)).pixels
        height, width = pixels.shape[:2]
        side = min(height, width)
        left, top = (width - side) // 2, (height - side) // 2
        box = (left, top, left + side, top + side)
        small = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=box)
        target = folder / split / FOLDERS[y_true] / f"{number:05d}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        small.save(target, quality=QUALITY)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.smaller_sets", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--cifake", action="store_true", help="write 32 x 32 pictures to the folder --out")
    for split, count in (("train", 1000), ("val", 200), ("test", 300)):
        parser.add_argument(f"--{split}", type=int, default=count, metavar="N")
    parser.add_argument("--paired", action="store_true", help="paired pictures only")
    parser.add_argument("--per-source", type=int, metavar="N", help="at most N of each source and class")
    arguments = parser.parse_args(argv)
    try:
        dataset = load_dataset(arguments.data, check_files=False)
    except DatasetError as error:
        print(f"experiments.smaller_sets: {error}", file=sys.stderr)
        return 2
    wanted = {split: getattr(arguments, split) for split in ("train", "val", "test")}
    rows = subset(dataset, wanted, arguments.paired, arguments.per_source)
    if arguments.cifake:
        write_cifake(dataset, rows, arguments.out)
    else:
        write_manifest(rows, arguments.out)
    print(rows.groupby(["split", "y_true"]).size().to_string())
    return 0


if __name__ == "__main__":
    sys.exit(main())
