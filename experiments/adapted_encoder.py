"""``python -m experiments.adapted_encoder --data DIR --tokens STORE --features STORE --encoder FILE``: does
adapting the encoder's upper blocks help with sources that were left out (group k-fold)?

For each fold a head is trained on the frozen encoder, then head and low-rank matrices together
(`train.adaptation`); both read the same pictures, those that ``--tokens`` holds (all tokens after block 5,
`train.feature_store --after 5`). ROC AUC and balanced accuracy are those of paired pictures of the sources
left out, means over the folds.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from detector import architectures
from detector.datasets import leave_out, load_dataset
from experiments.left_out_table import gain
from train.adaptation import Stores, head_and_adapted, part_way
from train.feature_store import Features
from train.head import Rows, logits_of
from train.recipes import load_recipe

AFTER = 5


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.adapted_encoder", description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--tokens", required=True, type=Path)
    parser.add_argument("--features", required=True, type=Path)
    parser.add_argument("--encoder", required=True, type=Path)
    parser.add_argument("--recipe", default="clip-vit-b16-attention-adapted")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--folds", type=int, default=3)
    arguments = parser.parse_args(argv)
    dataset = load_dataset(arguments.data, check_files=False)
    sequences, features = Features.read(arguments.tokens), Features.read(arguments.features)
    recipe = load_recipe(arguments.recipe)
    architecture = architectures.get(recipe.architecture)
    stores = Stores(sequences, features, arguments.encoder, AFTER)
    figures: dict[str, list[tuple[float, float]]] = {}
    for fold in range(arguments.folds):
        without = leave_out(dataset, fold, arguments.folds)
        head, network = head_and_adapted(architecture, recipe, without, stores, arguments.rank, _say)
        rows = without.split("unseen")
        judged = Rows.of(rows[rows["paired"] & sequences.has(rows["id"])], sequences)
        logits = {"the encoder as it is": logits_of(head, Rows.of(judged.rows, features).tokens)}
        logits["adapted"] = logits_of(network, judged.tokens)
        with part_way(network, head, 0.5):
            logits["half of the way"] = logits_of(network, judged.tokens)
        logits["as it is and adapted, logits added"] = logits["the encoder as it is"] + logits["adapted"]
        for name, each in logits.items():
            worth = roc_auc_score(judged.y_true, each), balanced_accuracy_score(judged.y_true, each >= 0)
            figures.setdefault(name, []).append(worth)
            _say(f"fold {fold + 1}: {name}: {worth[0]:.3f} {worth[1]:.3f}")
    _print(figures)


def _print(figures: dict[str, list[tuple[float, float]]]) -> None:
    first = np.array(next(iter(figures.values())))
    print("| read from | ROC AUC | gain | balanced accuracy |\n|---|---|---|---|")
    for name, each in figures.items():
        areas, accuracies = np.array(each).T
        more = gain(areas - first[:, 0]) if name != next(iter(figures)) else ""
        print(f"| {name} | {areas.mean():.3f} | {more} | {accuracies.mean():.3f} |", flush=True)


def _say(line: str) -> None:
    print(time.strftime("%H:%M:%S"), line, flush=True)


if __name__ == "__main__":
    main()
