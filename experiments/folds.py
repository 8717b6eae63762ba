"""Training on remembered features, judged on sources that were left out: what `attention`, `levels`,
`choices` and `probes` share.

A fold leaves whole sources out of training, and near-duplicates of their pictures with them, and is judged on
those. To afford many trainings, the trunk of the network is run once, as ImageNet left it, and its output
remembered; what lies above is trained. What is true of that need not be true of a network trained as a whole.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

BATCH = 64
ALL = -1
"""The seed of what was made of all seeds together; its gain is over the mean of the baseline's."""
MEASURES = {
    "val_auc": "ROC AUC, validation",
    "left_out_auc": "left-out sources",
    "left_out_paired_auc": "left-out sources, paired",
}


@dataclass(frozen=True)
class Fold:
    """The training pictures of one fold, and how to judge a network by the sources it leaves out."""

    rows: pd.DataFrame
    """Of the dataset, to train on."""
    features: np.ndarray
    """float16 (views, N, gh, gw, C): the trunk's output for augmented squares of ``rows``."""
    left_out: pd.DataFrame
    left_out_features: np.ndarray
    """float16 (M, gh, gw, C), as are val_features: of central squares."""
    val: pd.DataFrame
    """Validation rows of the sources that are trained on."""
    val_features: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """float32 (N,)"""
        return self.rows["y_true"].to_numpy(np.float32)

    def measures(self, left_out: np.ndarray, val: np.ndarray) -> dict[str, float]:
        """MEASURES, from the logits of ``left_out`` and ``val``."""
        from sklearn.metrics import roc_auc_score

        paired = self.left_out["paired"].to_numpy(bool)
        y_true = self.left_out["y_true"].to_numpy()
        return {
            "val_auc": roc_auc_score(self.val["y_true"], val),
            "left_out_auc": roc_auc_score(y_true, left_out),
            "left_out_paired_auc": roc_auc_score(y_true[paired], left_out[paired]),
        }


def make_folds(data: str, recipe, trunk, count: int, views: int, limit: int = 0) -> Iterator[Fold]:
    """``count`` folds of the training split, augmented as the recipe has it but for CutMix, which needs two
    pictures.

    trunk: model inputs -> the features to remember, (B, gh, gw, C). limit: use so many training and
    validation pictures only; 0 is all.
    """
    from detector.datasets import leave_out, load_dataset

    dataset = load_dataset(data, seed=recipe.seed)
    train, val = (
        dataset.split(split).sample(frac=1, random_state=0)[: limit or None].reset_index(drop=True)
        for split in ("train", "val")
    )
    dataset = replace(dataset, rows=pd.concat([train, val], ignore_index=True))
    parts = [
        leave_out(dataset, fold, count) for fold in range(count)
    ]  # what cannot be judged is refused before anything is remembered
    views_of_train, plain_train, plain_val = (
        remember(dataset, part, recipe, trunk, looks)
        for part, looks in ((train, views), (train, 0), (val, 0))
    )
    for part in parts:
        rows, left_out, known = (part.split(split) for split in ("train", "unseen", "val"))
        inside, outside = (pd.Index(train["id"]).get_indexer(each["id"]) for each in (rows, left_out))
        yield Fold(
            rows,
            views_of_train[:, inside],
            left_out,
            plain_train[0][outside],
            known,
            plain_val[0][pd.Index(val["id"]).get_indexer(known["id"])],
        )


def remember(dataset, rows: pd.DataFrame, recipe, trunk, views: int) -> np.ndarray:
    """float16 (views, N, gh, gw, C): the trunk's output for augmented squares, or with ``views`` 0 for the
    one central square, (1, N, ...)."""
    from detector import architectures
    from train.augmentation import augment
    from train.pipeline import CanonicalImages, central_square, read_ahead

    preprocessing = architectures.get(recipe.architecture).preprocessing
    size, images = preprocessing.size, CanonicalImages(dataset, rows, preprocessing, recipe.cache_gb)
    remembered = np.empty((max(views, 1), len(rows), *trunk.output.shape[1:]), np.float16)
    for view in range(len(remembered)):

        def square(place: int, view: int = view) -> np.ndarray:
            if not views:
                return central_square(images[place], size)
            return augment(
                images[place], size, recipe.augmentation, np.random.default_rng([recipe.seed, view, place])
            )

        def batch(start: int, square=square) -> np.ndarray:
            return np.stack([square(place) for place in range(start, min(start + BATCH, len(rows)))])

        starts = range(0, len(rows), BATCH)
        for start, squares in zip(starts, read_ahead(batch, starts, recipe.workers), strict=True):
            remembered[view, start : start + BATCH] = np.asarray(
                trunk.predict_on_batch(squares.astype(np.float32))
            )
        print(
            f"  remembered view {view + 1} of {len(remembered)}, {len(rows):,} pictures",
            file=sys.stderr,
            flush=True,
        )
    return remembered


def judge(
    above, features: np.ndarray, kept: np.ndarray | float = 1.0
) -> tuple[np.ndarray, np.ndarray | None]:
    """Logits (N,) and each picture's attention peak in multiples of the uniform share (N,), before the
    residual is added; None without attention.

    kept: (C,), what features are multiplied by.
    """
    logits, peaks = [], []
    for start in range(0, len(features), 4 * BATCH):
        outputs = above.predict_on_batch(
            features[start : start + 4 * BATCH].astype(np.float32) * np.float32(kept)
        )
        logits.append(outputs["logit"][:, 0])
        if "attention" in outputs:
            received = outputs["attention"].mean(axis=(1, 2, 3))  # layers, heads, queries
            peaks.append(received.max(axis=1) * received.shape[1])
    return np.concatenate(logits), np.concatenate(peaks) if peaks else None


def summary(results: pd.DataFrame, name: str, baseline: str) -> list[dict]:
    """One row per value of the column ``name``: means over folds and seeds, and the difference from
    ``baseline`` on the same ones with a 95% interval for the chance in which sources a fold leaves out
    (paired t over folds; none where there is a single one)."""
    table = []
    index = ["fold", "seed"]
    base = results[results[name] == baseline].set_index(index)[list(MEASURES)]
    base = pd.concat([base, base.groupby("fold").mean().assign(seed=ALL).set_index("seed", append=True)])
    for value, part in results.groupby(name, sort=False):
        row: dict[str, Any] = {name: value, "runs": len(part)}
        for measure in MEASURES:
            row[measure] = float(part[measure].mean())
            if value != baseline:
                differences = (part.set_index(index)[measure] - base[measure]).dropna()
                by_fold = differences.groupby("fold").mean().to_numpy()
                row[f"{measure}_gain"] = mean_with_interval(by_fold)
        table.append(row)
    return table


def mean_with_interval(values: np.ndarray) -> list[float]:
    """[mean, low, high]: the t interval of 95% of values (n,); low and high are NaN where there is one."""
    mean, half = float(values.mean()), math.nan
    if len(values) > 1:
        half = float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))
    return [mean, mean - half, mean + half]


def markdown(table: Sequence[dict], name: str, further: dict[str, str] | None = None) -> str:
    """``summary`` as a Markdown table. further: more columns, title -> format of the row's values, empty
    where a row lacks one of them."""
    further = further or {}
    titles = [name, "runs", *(part for title in MEASURES.values() for part in (title, "gain")), *further]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for row in table:
        cells = [row[name], str(row["runs"])]
        for measure in MEASURES:
            gain = row.get(f"{measure}_gain")
            form = "" if not gain else "{:+.3f}" if np.isnan(gain[1]) else "{:+.3f} ({:+.3f} to {:+.3f})"
            cells += [f"{row[measure]:.3f}", form.format(*gain or [])]
        for form in further.values():
            try:
                cells.append(form.format(**row))
            except KeyError:
                cells.append("")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def arguments(prog: str, description: str, **defaults: int) -> argparse.ArgumentParser:
    """The command line that such experiments share. defaults: of folds, seeds, epochs and views, those that
    there are."""
    parser = argparse.ArgumentParser(
        prog=prog, description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--data",
        required=True,
        help="a folder of labelled images, in any layout that `python -m train` takes",
    )
    weights = "imagenet (downloaded by Keras), none, or a file"
    parser.add_argument(
        "--backbone-weights",
        default="imagenet",
        type=lambda text: None if text == "none" else text,
        help=weights,
    )
    meanings = {
        "folds": "of left-out sources",
        "seeds": "of each training",
        "views": "augmented squares remembered of each training picture",
        "epochs": "of everything that is trained, after one of the head alone",
    }
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=meanings[name])
    parser.add_argument(
        "--limit",
        type=int,
        default=0,
        help="use so many training and validation pictures only, to try it out",
    )
    parser.add_argument("--json", type=Path, help="also write the table and every run there")
    return parser


def show(row: dict, name: str) -> None:
    """One finished training, to stderr."""
    figures = "  ".join(f"{key} {value:.4g}" for key, value in row.items() if key != name)
    print(f"{figures} ({row[name]})", file=sys.stderr, flush=True)


def report(
    path: Path | None,
    results: pd.DataFrame,
    name: str,
    table: Sequence[dict],
    further: dict[str, str] | None = None,
) -> None:
    """Print the table; with a path, also write it and every run there. name, further: as for ``markdown``."""
    if path:
        path.write_text(json.dumps({"table": table, "runs": results.to_dict("records")}, indent=1), "utf-8")
    print(markdown(table, name, further))
