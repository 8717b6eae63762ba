"""``python -m experiments.views --data DIR --features STORE``: what tiles at a picture's own scale add to
the whole picture, and how the two are best read together, judged on sources that were left out (group
k-fold).

The store holds the whole of every picture and tiles of some (`train.feature_store --tiles N`). What reads
the whole alone is trained on all, what reads tiles on those that have some. ROC AUC and balanced accuracy are
those of the paired pictures with tiles of the sources left out, means over the folds, the AUC with the 95%
interval of its gain over the first row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import keras
import numpy as np
import pandas as pd

from detector.evaluation.calibration import fit_temperature
from experiments.left_out_table import Scores, attention_head, logistic, run
from train.feature_store import Features
from train.head import Rows
from train.recipes import Recipe


@dataclass(frozen=True, eq=False)
class Pictures:
    """all: with the tokens of the whole, (n, k, C). tiled: those that have tiles, with the tokens of each
    view, the whole first, (m, 1 + t, k, C)."""

    all: Rows
    tiled: Rows

    @classmethod
    def of(cls, rows: pd.DataFrame, features: Features) -> Pictures:
        """Those of ``rows`` that are stored."""
        here = rows[features.has(rows["id"], tiles=True)].reset_index(drop=True)
        whole, tiles = features.of(here["id"])[0][:, None], features.tiles_of(here["id"])
        return cls(Rows.of(rows, features), Rows(here, np.concatenate([whole, tiles], axis=1)))

    @property
    def y_true(self) -> np.ndarray:
        """Of those that have tiles."""
        return self.tiled.y_true


READINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "whole": lambda views: views[:, 0],
    "one tile": lambda views: views[:, 1],
    "tiles": lambda views: views[:, 1:].mean(1),
    "each": lambda views: views.reshape(len(views), -1, views.shape[-1]),
}
"""Tokens of a picture's views, float32 (n, 1 + t, k, C), the whole first -> those read, (n, x, C)."""


@dataclass(frozen=True)
class Part:
    """What one regression or head reads. read: names of ``READINGS``. everywhere: it is trained on all
    pictures, which only the whole can be. head: it is the recipe's attention head, not a logistic
    regression."""

    read: tuple[str, ...]
    everywhere: bool = False
    head: bool = False


@dataclass(frozen=True)
class Design:
    """One row: parts whose logits are added, each divided by the temperature that validation asks for."""

    name: str
    parts: tuple[Part, ...]


WHOLE, TILES = Part(("whole",), everywhere=True), Part(("tiles",))
DESIGNS = (
    Design("the whole", (WHOLE,)),
    Design("the whole, trained on the pictures with tiles alone", (Part(("whole",)),)),
    Design("one tile", (Part(("one tile",)),)),
    Design("all tiles", (TILES,)),
    Design("the whole and all tiles, one regression", (Part(("whole", "tiles")),)),
    Design("one attention head over the tokens of all views", (Part(("each",), head=True),)),
    Design("the whole and one tile, logits added", (WHOLE, Part(("one tile",)))),
    Design("the whole and all tiles, logits added", (WHOLE, TILES)),
    Design("the same, the whole by the recipe's head", (replace(WHOLE, head=True), TILES)),
    Design(
        "the same, both by such heads",
        (replace(WHOLE, head=True), replace(TILES, head=True)),
    ),
)


def fit(design: Design, recipe: Recipe, train: Pictures, val: Pictures) -> Callable[[Pictures], np.ndarray]:
    scores = {part: _fit(part, recipe, train, val) for part in design.parts}
    validated = {part: _read(part, val.tiled) for part in design.parts}
    units = {
        part: fit_temperature(rows.y_true, scores[part](rows.tokens)) for part, rows in validated.items()
    }

    def added(judged: Pictures) -> np.ndarray:
        each = [scores[part](_read(part, judged.tiled).tokens) / units[part] for part in design.parts]
        return np.sum(each, axis=0)

    return added


def _fit(part: Part, recipe: Recipe, train: Pictures, val: Pictures) -> Scores:
    own, other = (each.all if part.everywhere else _read(part, each.tiled) for each in (train, val))
    if not part.head:
        return logistic(own, recipe)
    keras.utils.set_random_seed(recipe.seed)
    return attention_head(own, other, recipe)


def _read(part: Part, pictures: Rows) -> Rows:
    tokens = [READINGS[name](pictures.tokens) for name in part.read]
    return Rows(pictures.rows, np.concatenate(tokens, axis=1))


def main(argv: list[str] | None = None) -> None:
    run("python -m experiments.views", __doc__, "views read", DESIGNS, fit, Pictures.of, argv)


if __name__ == "__main__":
    main()
