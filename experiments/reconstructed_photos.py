"""``python -m experiments.reconstructed_photos --data MANIFEST --features STORE``: do content-matched fakes
help a head with sources that were left out (group k-fold)?

MANIFEST is what `train.reconstruct` wrote; the store holds its pictures (`train.feature_store`). ROC AUC and
balanced accuracy are those of the paired pictures of the sources left out, as they came, their mean over the
folds; of photos and reconstructions none is judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.left_out_table import attention_head, logistic, run
from train.feature_store import Features
from train.head import Rows
from train.recipes import Recipe
from train.reconstruct import COPY, KIND


@dataclass(frozen=True)
class Design:
    """One row. reconstructed: photos and their reconstructions are trained on, too. generated: so are the
    pictures of real generators."""

    name: str
    reconstructed: bool = True
    generated: bool = True
    logistic: bool = True


DESIGNS = (
    Design("without reconstructions", reconstructed=False),
    Design("with reconstructions"),
    Design("with reconstructions as the only fakes", generated=False),
    Design("without, by the recipe's head", reconstructed=False, logistic=False),
    Design("with, by the recipe's head", logistic=False),
)


def fit(design: Design, recipe: Recipe, train: Rows, val: Rows) -> Callable[[Rows], np.ndarray]:
    made = train.rows["kind"].isin((KIND, COPY)).to_numpy()
    chosen = np.ones(len(made), bool)
    if not design.reconstructed:
        chosen &= ~made
    if not design.generated:
        chosen &= made | (train.y_true == 0)
    train = train.where(chosen)
    scores = logistic(train, recipe) if design.logistic else attention_head(train, val, recipe)
    return lambda judged: scores(judged.tokens)


def pick(rows: pd.DataFrame, features: Features) -> Rows:
    """Those that are stored; of sources left out, what `train.reconstruct` made is not judged."""
    made = rows["kind"].isin((KIND, COPY))
    return Rows.of(rows[~made | (rows["split"] == "train")], features)


def main(argv: list[str] | None = None) -> None:
    run("python -m experiments.reconstructed_photos", __doc__, "trained on", DESIGNS, fit, pick, argv)


if __name__ == "__main__":
    main()
