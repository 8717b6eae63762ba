"""``python -m experiments.encoder_heads --data DIR --features STORE``: what to read of a frozen encoder, and
from which pictures, judged on sources that were left out (group k-fold).

Each row of the table is trained once a fold on what `train.feature_store` has stored; ROC AUC and balanced
accuracy are those of paired pictures of the sources left out, their mean over the folds, the AUC with its 95%
interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.left_out_table import Scores, attention_head, logistic, run
from train.collect import read_collection
from train.head import Rows
from train.recipes import Recipe

NEWEST = Path(__file__).parents[1] / "train" / "sources.csv"


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


def fit(design: Design, recipe: Recipe, train: Rows, val: Rows) -> Callable[[Rows], np.ndarray]:
    read = list(design.tokens)
    scores = _fit(design, recipe, *(Rows(each.rows, each.tokens[:, read]) for each in (train, val)))
    return lambda judged: scores(judged.tokens[:, read])


def _fit(design: Design, recipe: Recipe, train: Rows, val: Rows) -> Scores:
    if design.only_paired:
        train = train.where(train.rows["paired"].to_numpy(bool))
    if design.without_newest:
        train = train.where(~train.rows["source"].isin(read_collection(NEWEST)["source"]).to_numpy())
    if design.logistic:
        return logistic(train, recipe)
    return attention_head(train, val, recipe)


def main(argv: list[str] | None = None) -> None:
    run("python -m experiments.encoder_heads", __doc__, "trained and read", DESIGNS, fit, Rows.of, argv)


if __name__ == "__main__":
    main()
