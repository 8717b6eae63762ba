"""``python -m train.teacher --data MANIFEST --scores TABLE... --out MANIFEST``: a manifest with what another
model says of its training images, for recipes with ``teacher_weight`` (knowledge distillation, Hinton et al.
2015).

The tables are those that ``python -m detector.score`` writes, for some or all of the images; of an image that
is in several the last one counts. Of images that are not in split train nothing is kept. ``--out`` lies in
the folder of the manifest, from which its paths start. Exit status: 0 done, 2 wrong usage or files.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from detector.atomic_files import replacing
from detector.datasets import TEACHER_SCORE, DatasetError
from detector.datasets.manifests import file_column, normal_path, read_csv
from detector.evaluation.predictions import PredictionsError, read_predictions
from train.exit_status import DONE, ends_with_a_sentence


def with_scores(manifest: pd.DataFrame, scores: dict[str, float]) -> pd.DataFrame:
    """The manifest's table with the column ``teacher_score``, empty for what is not in split train or in
    ``scores`` (id -> P(AI-generated)). Raises DatasetError for a table without files, and where nothing of it
    is in ``scores``."""
    files = file_column(manifest)
    if files is None or "split" not in manifest:
        raise DatasetError("The manifest needs the columns file and split.")
    says = manifest[files].map(normal_path).map(scores)
    says = says.where(manifest["split"].str.strip().str.lower() == "train")
    if says.isna().all():
        raise DatasetError("None of the manifest's training images is in these tables.")
    written = says.map(lambda score: "" if pd.isna(score) else f"{score:.6f}")
    return manifest.assign(**{TEACHER_SCORE: written})


@ends_with_a_sentence(
    "train.teacher", DatasetError, PredictionsError, OSError, interrupted="nothing was written"
)
def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m train.teacher", description="Put another model's scores into a manifest."
    )
    parser.add_argument("--data", required=True, type=Path, help="the manifest, a CSV")
    parser.add_argument("--scores", required=True, nargs="+", help="tables of python -m detector.score")
    parser.add_argument("--out", required=True, type=Path, help="the manifest to write, in the same folder")
    arguments = parser.parse_args(argv)
    if arguments.out.resolve().parent != arguments.data.resolve().parent:
        raise DatasetError("--out must lie beside --data: its paths start there.")
    scores: dict[str, float] = {}
    for table in arguments.scores:
        rows = read_predictions(table).rows
        scores |= dict(zip(rows["id"].astype(str), rows["y_score"], strict=True))
    manifest = with_scores(read_csv(arguments.data), scores)
    with replacing(arguments.out) as temporary:
        manifest.to_csv(temporary, index=False)
    count = (manifest[TEACHER_SCORE] != "").sum()
    print(f"{count:,} of {len(manifest):,} images have a teacher's score in {arguments.out.name}.")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
