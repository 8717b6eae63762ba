"""``python -m experiments.choices --data DIR``: what to change about training, judged on sources that were
left out of it.

Each choice changes one thing about the recipe `efficientnetv2b0-multilevel-attention`, on the same budget,
folds and seeds; `experiments.folds` says how. The trunk is the whole backbone, as ImageNet left it; neck and
head are trained. Within a fold all choices start from the same ones, trained for an epoch; a seed decides the
order of the pictures. So the weights of several seeds can be averaged, too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from experiments import folds
from experiments.folds import BATCH, Fold
from experiments.levels import RATE, RECIPE, fit, trunk_and_above

AS_IS = "as it is"
SOUP, ENSEMBLE = "weights of all seeds, averaged", "logits of all seeds, averaged"


@dataclass(frozen=True)
class Choice:
    """How neck and head are trained."""

    sampling: dict[str, float] = field(default_factory=dict)
    """Settings of the recipe's sampling that differ."""
    loss: str = "error"
    """A key of LOSSES."""
    in_pairs: bool = False
    """Half of each batch: as many real as AI-generated pictures of each of two paired sources, drawn at
    random. So paired pictures come more often, too."""
    rate: float = RATE


CHOICES: dict[str, Choice] = {
    AS_IS: Choice(),
    "paired pictures only": Choice({"unpaired_weight": 0.0}),
    "all sources drawn equally often": Choice({"balance_sources": 1.0}),
    "real and AI of one source together": Choice(in_pairs=True),
    "the same, ranked within the source": Choice(in_pairs=True, loss="ranking"),
    "GroupDRO over sources": Choice(loss="group-dro"),
    "V-REx over sources": Choice(loss="v-rex"),
    "three times the learning rate": Choice(rate=3 * RATE),
}


def losses(sources: int, smoothing: float) -> dict[str, Callable]:
    """Name -> loss(y_true (B, 2): label and source's number, logits (B, 1)) -> scalar.

    ranking: the error plus that of telling, of each real and AI-generated picture of one source in the batch,
    which is which (RankNet, Burges et al. 2005). group-dro: sources' errors, weighted by how large they have
    lately been (Sagawa et al., ICLR 2020; step 0.01); a batch moves weight between the sources in it. v-rex:
    the error plus the variance of the sources' errors (Krueger et al., ICML 2021; beta 1), much of which is
    chance where a batch has a few pictures of each.
    """
    import keras
    from keras import ops

    weights = keras.Variable(np.full(sources, 1 / sources, np.float32), trainable=False)

    def errors(y_true, logits):
        target = y_true[:, 0] * (1 - smoothing) + smoothing / 2
        return ops.softplus(logits[:, 0]) - target * logits[:, 0]

    def by_source(y_true, logits):
        member = ops.one_hot(ops.cast(y_true[:, 1], "int32"), sources)
        count = ops.sum(member, axis=0)
        return ops.matmul(errors(y_true, logits), member) / ops.maximum(count, 1.0), ops.cast(
            count > 0, "float32"
        )

    def error(y_true, logits):
        return ops.mean(errors(y_true, logits))

    def ranking(y_true, logits):
        label, source, logit = y_true[:, 0], y_true[:, 1], logits[:, 0]
        pair = ops.cast(source[:, None] == source[None], "float32") * label[:, None] * (1 - label[None])
        return error(y_true, logits) + ops.sum(
            pair * ops.softplus(logit[None] - logit[:, None])
        ) / ops.maximum(ops.sum(pair), 1.0)

    def group_dro(y_true, logits):
        means, present = by_source(y_true, logits)
        raised = weights * present * ops.exp(0.01 * ops.stop_gradient(means))
        weights.assign(weights * (1 - present) + raised * ops.sum(weights * present) / ops.sum(raised))
        share = ops.stop_gradient(weights) * present
        return ops.sum(share * means) / ops.sum(share)

    def v_rex(y_true, logits):
        means, present = by_source(y_true, logits)
        middle = ops.sum(means) / ops.sum(present)
        return error(y_true, logits) + ops.sum(present * ops.square(means - middle)) / ops.sum(present)

    return {"error": error, "ranking": ranking, "group-dro": group_dro, "v-rex": v_rex}


def in_pairs(rows: pd.DataFrame, size: int, rng: np.random.Generator) -> np.ndarray:
    """int (size,): positions of as many real as AI-generated pictures of each of two paired sources. size:
    a multiple of 4."""
    paired = rows[rows["paired"]]
    names = rng.choice(paired["source"].unique(), 2, replace=False)
    drawn = [
        rng.choice(
            np.flatnonzero((rows["source"] == name) & rows["paired"] & (rows["y_true"] == label)), size // 4
        )
        for name in names
        for label in (0, 1)
    ]
    return np.concatenate(drawn)


def train(above, choice: Choice, fold: Fold, sampling, smoothing: float, epochs: int, seed: int) -> None:
    """Train ``above`` further under that choice."""
    from train.pipeline import sampling_shares

    shares = sampling_shares(fold.rows, replace(sampling, **choice.sampling))
    sources, names = pd.factorize(fold.rows["source"])

    def draw(rng: np.random.Generator) -> np.ndarray:
        if not choice.in_pairs:
            return rng.choice(len(shares), BATCH, p=shares)
        return np.concatenate(
            [rng.choice(len(shares), BATCH // 2, p=shares), in_pairs(fold.rows, BATCH // 2, rng)]
        )

    y_true = np.stack([fold.labels, sources.astype(np.float32)], axis=1)
    fit(
        above,
        losses(len(names), smoothing)[choice.loss],
        fold,
        y_true,
        draw,
        choice.rate,
        epochs * (len(fold.rows) // BATCH),
        seed,
    )


def measure(
    data: str,
    weights: str | None,
    chosen: list[str],
    count: int,
    seeds: int,
    epochs: int,
    views: int,
    limit: int,
) -> pd.DataFrame:
    """One row per (choice, fold, seed); SOUP and ENSEMBLE of the first choice have one for each fold, with
    the seed folds.ALL."""
    import keras

    from train.checkpoints import mixed
    from train.recipes import load_recipe

    recipe = load_recipe(RECIPE)
    results: list[dict] = []

    def note(choice: str, number: int, seed: int, left_out: np.ndarray, val: np.ndarray) -> None:
        row = {"choice": choice, "fold": number, "seed": seed} | fold.measures(left_out, val)
        results.append(row)
        folds.show(row, "choice")

    def logits(above) -> tuple[np.ndarray, np.ndarray]:
        return folds.judge(above, fold.left_out_features)[0], folds.judge(above, fold.val_features)[0]

    heads = recipe.architecture_arguments["heads"]
    for number, fold in enumerate(
        folds.make_folds(data, recipe, trunk_and_above(weights, heads)[0], count, views, limit)
    ):
        keras.utils.set_random_seed(number)
        above = trunk_and_above(None, heads)[1]
        train(above, CHOICES[AS_IS], fold, recipe.sampling, recipe.label_smoothing, epochs=1, seed=0)
        start = above.get_weights()
        ends, judged = [], []
        for name in chosen:
            for seed in range(seeds):
                above.set_weights(start)
                train(
                    above, CHOICES[name], fold, recipe.sampling, recipe.label_smoothing, epochs, seed=1 + seed
                )
                found = logits(above)
                note(name, number, seed, *found)
                if name == AS_IS:
                    ends.append(above.get_weights())
                    judged.append(found)
        if seeds > 1:
            above.set_weights(mixed(ends, [1 / seeds] * seeds))
            note(SOUP, number, folds.ALL, *logits(above))
            note(ENSEMBLE, number, folds.ALL, *(np.mean(each, axis=0) for each in zip(*judged, strict=True)))
    return pd.DataFrame(results)


def main(argv: list[str] | None = None) -> int:
    parser = folds.arguments("python -m experiments.choices", __doc__, folds=5, seeds=2, epochs=4, views=2)
    parser.add_argument(
        "--choice",
        action="append",
        choices=list(CHOICES),
        help="only this one beside the recipe as it is; may be repeated",
    )
    given = parser.parse_args(argv)
    chosen = [name for name in CHOICES if not given.choice or name in (AS_IS, *given.choice)]
    results = measure(
        given.data,
        given.backbone_weights,
        chosen,
        given.folds,
        given.seeds,
        given.epochs,
        given.views,
        given.limit,
    )
    folds.report(given.json, results, "choice", folds.summary(results, "choice", AS_IS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
