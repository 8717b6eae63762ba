"""``python -m benchmarks.attention --data DIR``: does self-attention help, and how diffuse is what it learns?

The same network without attention, with 1 head, with 4, and with 1 head as the recipe ``efficientnetv2b0-attention-focus`` has it, trained
on the same budget, folds and seeds. A fold leaves whole sources out of training and is judged on those; near-duplicates never cross, since
the training split alone is used and a dataset keeps each of their groups within one split. To afford it, everything below the last two
blocks of the backbone is run once and remembered: those two blocks, the last convolution and the head are trained, which is the published
"last several layers unfrozen". What is true of them need not be true of a network trained as a whole.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

CUT = "block6f_add"
"""The layer whose output is remembered, (B, 7, 7, 192); 33 layers of the backbone lie above it."""

PLAIN = "no attention"
DESIGNS: dict[str, dict] = {
    PLAIN: {"heads": 0}, "1 head": {"heads": 1}, "4 heads": {"heads": 4}, "1 head, focused": {"heads": 1, "residual": False},
}  # fmt: skip
"""Name -> arguments of the architecture. A focused one has the recipe's ``attention_focus`` in its loss, too."""
MEASURES = {"val_auc": "ROC AUC, validation", "left_out_auc": "left-out sources", "left_out_paired_auc": "left-out sources, paired"}
BATCH = 64
RECIPE = "efficientnetv2b0-attention-focus"
"""Whose augmentation and sampling all designs have, CutMix left out: it needs two pictures."""


def source_folds(rows: pd.DataFrame, count: int) -> np.ndarray:
    """int (N,): the fold in which each row is left out. Whole sources; paired ones and others each spread evenly, the largest first."""
    fold = pd.Series(-1, index=rows.index)
    for _, part in rows.groupby("paired"):
        filled = np.zeros(count, int)
        for source, size in part["source"].value_counts(sort=True).items():
            chosen = int(filled.argmin())
            fold[part.index[part["source"] == source]] = chosen
            filled[chosen] += size
    return fold.to_numpy()


def remember(dataset, rows: pd.DataFrame, network, recipe, views: int) -> np.ndarray:
    """float16 (views, N, 7, 7, 192): the output of CUT for augmented squares, or with ``views`` 0 for the one central square, (1, N, ...)."""
    import keras

    from train.augmentation import augment
    from train.pipeline import CanonicalImages, central_square, read_ahead

    size = network.input.shape[1]
    images = CanonicalImages(dataset, rows, _architecture().preprocessing, recipe.cache_gb)
    trunk = keras.Model(network.input, network.get_layer(CUT).output)
    remembered = np.empty((max(views, 1), len(rows), *trunk.output.shape[1:]), np.float16)
    for view in range(len(remembered)):

        def square(place: int, view: int = view) -> np.ndarray:
            if not views:
                return central_square(images[place], size)
            return augment(images[place], size, recipe.augmentation, np.random.default_rng([recipe.seed, view, place]))

        def batch(start: int, square=square) -> np.ndarray:
            return np.stack([square(place) for place in range(start, min(start + BATCH, len(rows)))])

        starts = range(0, len(rows), BATCH)
        for start, squares in zip(starts, read_ahead(batch, starts, recipe.workers), strict=True):
            remembered[view, start : start + BATCH] = np.asarray(trunk.predict_on_batch(squares.astype(np.float32)))
        print(f"  remembered view {view + 1} of {len(remembered)}, {len(rows):,} pictures", file=sys.stderr, flush=True)
    return remembered


def train(design: str, seed: int, weights: str, features: np.ndarray, labels: np.ndarray, shares: np.ndarray, epochs: int):
    """The network above CUT in that design, trained: one epoch of the head alone, then ``epochs`` of everything, cosine from 1e-4.

    features: (views, N, 7, 7, 192), a view drawn at random each time; shares: how often each row is drawn, summing to 1.
    """
    import keras

    from train.losses import AttentionFocus
    from train.recipes import load_recipe

    keras.utils.set_random_seed(seed)
    network = _architecture().build(weights, **DESIGNS[design])
    above = keras.Model(network.get_layer(CUT).output, network.output)
    head = set(_architecture().head)
    focused = "focused" in design
    model = keras.Model(above.input, [above.output["logit"], above.output["attention"]] if focused else above.output["logit"])
    recipe = load_recipe(RECIPE)
    losses = [keras.losses.BinaryCrossentropy(from_logits=True), AttentionFocus(recipe.attention_entropy)][: 1 + focused]
    weights_of_losses = [1.0, recipe.attention_focus][: 1 + focused]
    steps, rng = len(labels) // BATCH, np.random.default_rng(seed)
    for rate, count, frozen in ((1e-3, 1, True), (1e-4, epochs, False)):
        for layer in above.layers:
            layer.trainable = layer.name in head or not (frozen or isinstance(layer, keras.layers.BatchNormalization))
        schedule = keras.optimizers.schedules.CosineDecay(rate, count * steps)
        model.compile(keras.optimizers.Adam(schedule, global_clipnorm=1.0), losses, loss_weights=weights_of_losses)
        for _ in range(count * steps):
            rows = rng.choice(len(labels), BATCH, p=shares)
            model.train_on_batch(features[rng.integers(len(features), size=BATCH), rows].astype(np.float32), [labels[rows, None]] * len(losses))
    return above


def judge(above, features: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Logits (N,) and each picture's attention peak in multiples of the uniform share (N,), before the residual is added; None without attention."""
    logits, peaks = [], []
    for start in range(0, len(features), 4 * BATCH):
        outputs = above.predict_on_batch(features[start : start + 4 * BATCH].astype(np.float32))
        logits.append(outputs["logit"][:, 0])
        if "attention" in outputs:
            received = outputs["attention"].mean(axis=(1, 2, 3))  # layers, heads, queries
            peaks.append(received.max(axis=1) * received.shape[1])
    return np.concatenate(logits), np.concatenate(peaks) if peaks else None


def summary(results: pd.DataFrame) -> list[dict]:
    """One row per design: means over folds and seeds, and the difference from no attention with a 95% interval (paired t)."""
    table = []
    index = ["fold", "seed"]
    plain = results[results["design"] == PLAIN].set_index(index)
    for design, part in results.groupby("design", sort=False):
        row = {"design": design, "runs": len(part)}
        for name in MEASURES:
            row[name] = float(part[name].mean())
            if design != PLAIN:
                difference = (part.set_index(index)[name] - plain[name]).to_numpy()
                half = stats.t.ppf(0.975, len(difference) - 1) * stats.sem(difference)
                row[f"{name}_gain"] = [float(difference.mean()), float(difference.mean() - half), float(difference.mean() + half)]
        if design != PLAIN:
            row["peak_median"], row["diffuse_share"] = float(part["peak_median"].mean()), float(part["diffuse_share"].mean())
        table.append(row)
    return table


def markdown(table: Sequence[dict]) -> str:
    lines = ["| design | runs | " + " | ".join(f"{title} | gain" for title in MEASURES.values()) + " | attention peak, median | diffuse |"]
    lines.append("|---" * (lines[0].count("|") - 1) + "|")
    for row in table:
        cells = [row["design"], str(row["runs"])]
        for name in MEASURES:
            gain = row.get(f"{name}_gain")
            cells += [f"{row[name]:.3f}", "{:+.3f} ({:+.3f} to {:+.3f})".format(*gain) if gain else ""]
        cells += [f"{row['peak_median']:.1f}x", f"{row['diffuse_share']:.0%}"] if "peak_median" in row else ["", ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def measure(data: str, weights: str, folds: int, seeds: int, epochs: int, views: int, limit: int) -> pd.DataFrame:
    """One row per (design, fold, seed)."""
    from sklearn.metrics import roc_auc_score

    from detector.datasets import load_dataset
    from detector.explain.heatmap import DIFFUSE_BELOW
    from train.pipeline import sampling_shares
    from train.recipes import load_recipe

    recipe = load_recipe(RECIPE)
    dataset = load_dataset(data, seed=recipe.seed)
    rows, val = (dataset.split(split).sample(frac=1, random_state=0)[: limit or None].reset_index(drop=True) for split in ("train", "val"))
    network = _architecture().build(weights, heads=0)
    views_of_train, plain_train, plain_val = (
        remember(dataset, part, network, recipe, count) for part, count in ((rows, views), (rows, 0), (val, 0))
    )
    labels, val_labels = rows["y_true"].to_numpy(np.float32), val["y_true"].to_numpy()
    fold_of = source_folds(rows, folds)
    results = []
    for fold in range(folds):
        inside = np.flatnonzero(fold_of != fold)
        outside = fold_of == fold
        known = val["source"].isin(rows["source"][inside]).to_numpy()
        shares = sampling_shares(rows.iloc[inside], recipe.sampling)
        features = views_of_train[:, inside]
        for seed in range(seeds):
            for design in DESIGNS:
                above = train(design, seed, weights, features, labels[inside], shares, epochs)
                left_out, peaks = judge(above, plain_train[0][outside])
                paired = rows["paired"].to_numpy(bool)[outside]
                row = {
                    "design": design, "fold": fold, "seed": seed,
                    "val_auc": roc_auc_score(val_labels[known], judge(above, plain_val[0][known])[0]),
                    "left_out_auc": roc_auc_score(labels[outside], left_out),
                    "left_out_paired_auc": roc_auc_score(labels[outside][paired], left_out[paired]),
                }  # fmt: skip
                if peaks is not None:
                    row |= {"peak_median": float(np.median(peaks)), "diffuse_share": float((peaks < DIFFUSE_BELOW).mean())}
                results.append(row)
                print("  ".join(f"{name} {value:.4g}" for name, value in row.items() if name != "design"), f"({design})", file=sys.stderr, flush=True)
    return pd.DataFrame(results)


def _architecture():
    from detector import architectures

    return architectures.get("efficientnetv2b0-attention")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attention", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", required=True, help="a folder of labelled images, in any layout that `python -m train` takes")
    parser.add_argument("--backbone-weights", default="imagenet", help="imagenet (downloaded by Keras), none, or a file")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2, help="of everything that is trained, after one of the head alone")
    parser.add_argument("--views", type=int, default=2, help="augmented squares remembered of each training picture")
    parser.add_argument("--limit", type=int, default=0, help="use so many training and validation pictures only, to try it out")
    parser.add_argument("--json", type=Path, help="also write the table and every run there")
    given = parser.parse_args(argv)
    weights = None if given.backbone_weights == "none" else given.backbone_weights
    results = measure(given.data, weights, given.folds, given.seeds, given.epochs, given.views, given.limit)
    table = summary(results)
    if given.json:
        given.json.write_text(json.dumps({"table": table, "runs": results.to_dict("records")}, indent=1), "utf-8")
    print(markdown(table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
