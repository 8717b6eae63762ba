"""``python -m experiments.views --data FILE --features STORE``: what tiles at a picture's own scale add to
the whole picture, judged on sources that were left out (group k-fold).

The store holds the whole, one tile and four tiles of every picture (`train.feature_store --tiles 1 4`). A
logistic regression reads the encoder's class tokens of some of these views, tiles by their mean; ROC AUC and
balanced accuracy are those of paired pictures of the sources left out, means over the folds, the AUC with the
95% interval of its gain over the first row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.left_out_table import Scores, logistic, run
from train.head import Rows
from train.recipes import Recipe

VIEWS = {"whole": slice(0, 1), "middle": slice(1, 2), "four": slice(2, 6), "five": slice(1, 6)}
"""Places of a picture's views in the store."""
COUNT = 6


@dataclass(frozen=True)
class Design:
    """One row. read: names of ``VIEWS``, each read as one view, the mean of its tokens. together: of all
    together; otherwise each by a regression of its own, and their logits are added."""

    name: str
    read: tuple[str, ...]
    together: bool = True


DESIGNS = (
    Design("the whole", ("whole",)),
    Design("one tile, the middle", ("middle",)),
    Design("four tiles", ("four",)),
    Design("the whole and one tile", ("whole", "middle")),
    Design("the whole and four tiles", ("whole", "four")),
    Design("the whole and five tiles", ("whole", "five")),
    Design("the whole and five tiles, logits added", ("whole", "five"), together=False),
)


def read(tokens: np.ndarray, views: tuple[str, ...]) -> np.ndarray:
    """float32 (n, COUNT * k, C), as stored -> (n, len(views) * k, C)."""
    n, _, width = tokens.shape
    by_view = tokens.reshape(n, COUNT, -1, width)
    return np.concatenate([by_view[:, VIEWS[name]].mean(1) for name in views], axis=1)


def fit(design: Design, recipe: Recipe, train: Rows, val: Rows) -> Scores:
    parts = [design.read] if design.together else [(name,) for name in design.read]
    scores = [(part, logistic(Rows(train.rows, read(train.tokens, part)), recipe)) for part in parts]
    return lambda tokens: np.sum([score(read(tokens, part)) for part, score in scores], axis=0)


def main(argv: list[str] | None = None) -> None:
    run("python -m experiments.views", __doc__, "views read", DESIGNS, fit, argv)


if __name__ == "__main__":
    main()
