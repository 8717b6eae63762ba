"""``python -m experiments.encoder_heads --data DIR --features STORE``: what to read of a frozen encoder, and
from which pictures, judged on sources that were left out (group k-fold).

Each row of the table is trained once a fold on what `train.feature_store` has stored; ROC AUC and balanced
accuracy are those of paired pictures of the sources left out, their mean over the folds, the AUC with its 95%
interval.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from detector import architectures
from detector.datasets import leave_out, load_dataset
from train.collect import read_collection
from train.feature_store import Features
from train.head import Rows, logits_of, train_head
from train.pipeline import sampling_shares
from train.recipes import Recipe, load_recipe

NEWEST = Path(__file__).parents[1] / "train" / "sources.csv"
REGULARISATION = 0.003
"""Of the logistic regression, scikit-learn's C."""
Scores = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Design:
    """One row: which of the encoder's tokens are read, which pictures are trained on, and with what.

    only_paired: unpaired pictures are not trained on. without_newest: nor are those of ``train/sources.csv``.
    """

    name: str
    tokens: tuple[int, ...] = (0, 1, 2)
    only_paired: bool = False
    without_newest: bool = False
    logistic: bool = False


DESIGNS = (
    Design("as the recipe says"),
    Design("without the sources of train/sources.csv", without_newest=True),
    Design("paired pictures only", only_paired=True),
    Design("the last token alone (block 9)", tokens=(2,)),
    Design("the last two (blocks 7 and 9)", tokens=(1, 2)),
    Design("logistic regression instead of the head", logistic=True),
    Design("logistic regression, paired pictures only", only_paired=True, logistic=True),
)


def fit(design: Design, train: Rows, val: Rows, recipe: Recipe) -> Scores:
    """tokens float32 (n, k, C) -> scores float (n,)."""
    if design.only_paired:
        train = _part(train, train.rows["paired"].to_numpy(bool))
    if design.without_newest:
        train = _part(train, ~train.rows["source"].isin(read_collection(NEWEST)["source"]).to_numpy())
    if design.logistic:
        return logistic(train, recipe)
    encoder = architectures.get(recipe.architecture).encoder
    assert encoder is not None
    head = encoder.head(**recipe.architecture_arguments, tokens=train.tokens.shape[1])
    train_head(head, train, val, recipe, lambda line: None)
    return lambda tokens: logits_of(head, tokens)


def _part(rows: Rows, chosen: np.ndarray) -> Rows:
    return Rows(rows.rows[chosen].reset_index(drop=True), rows.tokens[chosen])


def logistic(train: Rows, recipe: Recipe) -> Scores:
    """A logistic regression on all tokens, with the recipe's sampling as weights."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=300, tol=1e-3))
    weights = sampling_shares(train.rows, recipe.sampling) * len(train.rows)
    flat = train.tokens.reshape(len(train.tokens), -1)
    model.fit(flat, train.y_true, logisticregression__sample_weight=weights)
    return lambda tokens: model.decision_function(tokens.reshape(len(tokens), -1))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.encoder_heads", description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--features", required=True, type=Path)
    parser.add_argument("--recipe", default="clip-vit-b16-attention")
    parser.add_argument("--folds", type=int, default=5)
    arguments = parser.parse_args(argv)
    recipe = load_recipe(arguments.recipe)
    dataset = load_dataset(arguments.data, check_files=False)
    features = Features.read(arguments.features)
    areas = np.zeros((len(DESIGNS), arguments.folds))
    accuracies = np.zeros_like(areas)
    for fold in range(arguments.folds):
        without = leave_out(dataset, fold, arguments.folds)
        parts = [Rows.of(without.split(name), features) for name in ("train", "val", "unseen")]
        for row, design in enumerate(DESIGNS):
            train, val, judged = (Rows(each.rows, each.tokens[:, list(design.tokens)]) for each in parts)
            paired = judged.rows["paired"].to_numpy(bool)
            scores = fit(design, train, val, recipe)(judged.tokens[paired])
            y_true = judged.y_true[paired]
            areas[row, fold] = roc_auc_score(y_true, scores)
            accuracies[row, fold] = balanced_accuracy_score(y_true, scores >= 0)
    print("| trained and read | ROC AUC | gain | balanced accuracy |\n|---|---|---|---|")
    for row, design in enumerate(DESIGNS):
        more = gain(areas[row] - areas[0]) if row else ""
        print(
            f"| {design.name} | {areas[row].mean():.3f} | {more} | {accuracies[row].mean():.3f} |", flush=True
        )


def gain(differences: np.ndarray) -> str:
    """The mean with its 95% interval over folds (Student's t)."""
    mean = differences.mean()
    half = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
    return f"{mean:+.3f} ({mean - half:+.3f} to {mean + half:+.3f})"


if __name__ == "__main__":
    main()
