"""``python -m experiments.delivered_photos --data DIR --features STORE``: does a head gain from randomly
delivered copies of its training pictures, on sources that were left out (group k-fold), as they are and as
delivered?

The store holds the pictures as they are and one copy each (`train.feature_store --delivered 1`). ROC AUC and
balanced accuracy are those of the paired pictures of the sources left out, as they are and as those copies,
their mean over the folds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import keras
import numpy as np
import pandas as pd

from experiments.left_out_table import attention_head, run
from train.feature_store import Features
from train.head import Rows
from train.recipes import Recipe


@dataclass(frozen=True)
class Design:
    """One row. probability: of taking a delivered copy where a picture is drawn in training."""

    name: str
    probability: float


DESIGNS = (
    Design("pictures as they are", 0.0),
    Design("a quarter of them delivered", 0.25),
    Design("half of them delivered", 0.5),
    Design("three quarters of them delivered", 0.75),
)


def delivered(judged: Rows) -> Rows:
    """The first copy instead of each picture."""
    assert judged.delivered is not None
    return replace(judged, tokens=judged.delivered[:, 0])


LOOKS: dict[str, Callable[[Rows], Rows]] = {
    "as they are": lambda judged: judged,
    "delivered": delivered,
}


def fit(design: Design, recipe: Recipe, train: Rows, val: Rows) -> Callable[[Rows], np.ndarray]:
    keras.utils.set_random_seed(recipe.seed)
    augmentation = replace(recipe.augmentation, delivery_probability=design.probability)
    scores = attention_head(train, val, replace(recipe, augmentation=augmentation))
    return lambda judged: scores(judged.tokens)


def pick(rows: pd.DataFrame, features: Features) -> Rows:
    return Rows.of(rows, features).with_deliveries(features)


def main(argv: list[str] | None = None) -> None:
    run("python -m experiments.delivered_photos", __doc__, "trained on", DESIGNS, fit, pick, argv, LOOKS)


if __name__ == "__main__":
    main()
