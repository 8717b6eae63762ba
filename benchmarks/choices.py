"""``python -m benchmarks.choices --data DIR``: what to change about training, judged on sources that were left out of it.

Each choice changes one thing about the recipe that ships, on the same budget, folds and seeds; `benchmarks.folds` says how. Within a fold all
choices start from one head, trained for an epoch above the frozen backbone; a seed decides the order of the pictures. So the weights of
several seeds can be averaged, too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from benchmarks import folds
from benchmarks.folds import BATCH, Fold

RECIPE = "efficientnetv2b0-attention-cutmix"
"""Whose augmentation, sampling and label smoothing are changed, CutMix left out: it needs two pictures."""
HEADS = 4
AS_IS = "as it is"
KEPT, KEPT_SHARE = "30% of the start kept", 0.3
"""The first choice's weights, mixed with those it started with (WiSE-FT, Wortsman et al., CVPR 2022)."""
SOUP, ENSEMBLE = "weights of all seeds, averaged", "logits of all seeds, averaged"


@dataclass(frozen=True)
class Choice:
    """How the part above the remembered features is trained."""

    sampling: dict[str, float] = field(default_factory=dict)
    """Settings of the recipe's sampling that differ."""
    loss: str = "error"
    """A key of LOSSES."""
    in_pairs: bool = False
    """Half of each batch: as many real as AI-generated pictures of each of two paired sources, drawn at random."""
    rate: float = 1e-4


CHOICES: dict[str, Choice] = {
    AS_IS: Choice(),
    "paired pictures only": Choice({"unpaired_weight": 0.0}),
    "all sources drawn equally often": Choice({"balance_sources": 1.0}),
    "real and AI of one source together": Choice(in_pairs=True),
    "the same, ranked within the source": Choice(in_pairs=True, loss="ranking"),
    "GroupDRO over sources": Choice(loss="group-dro"),
    "V-REx over sources": Choice(loss="v-rex"),
    "three times the learning rate": Choice(rate=3e-4),
}


def losses(sources: int, smoothing: float) -> dict[str, Callable]:
    """Name -> loss(y_true (B, 2): label and source's number, logits (B, 1)) -> scalar.

    ranking: the error plus that of telling, of each real and AI-generated picture of one source in the batch, which is which (RankNet, Burges et al.
    2005). group-dro: sources' errors, weighted by how large they have lately been (Sagawa et al., ICLR 2020; step 0.01). v-rex: the
    error plus the variance of the sources' errors (Krueger et al., ICML 2021; beta 1).
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
        return ops.matmul(errors(y_true, logits), member) / ops.maximum(count, 1.0), ops.cast(count > 0, "float32")

    def error(y_true, logits):
        return ops.mean(errors(y_true, logits))

    def ranking(y_true, logits):
        label, source, logit = y_true[:, 0], y_true[:, 1], logits[:, 0]
        pair = ops.cast(source[:, None] == source[None], "float32") * label[:, None] * (1 - label[None])
        return error(y_true, logits) + ops.sum(pair * ops.softplus(logit[None] - logit[:, None])) / ops.maximum(ops.sum(pair), 1.0)

    def group_dro(y_true, logits):
        means, present = by_source(y_true, logits)
        raised = weights * ops.exp(0.01 * ops.stop_gradient(means))
        weights.assign(raised / ops.sum(raised))
        share = ops.stop_gradient(weights) * present
        return ops.sum(share * means) / ops.sum(share)

    def v_rex(y_true, logits):
        means, present = by_source(y_true, logits)
        middle = ops.sum(means) / ops.sum(present)
        return error(y_true, logits) + ops.sum(present * ops.square(means - middle)) / ops.sum(present)

    return {"error": error, "ranking": ranking, "group-dro": group_dro, "v-rex": v_rex}


def in_pairs(rows: pd.DataFrame, size: int, rng: np.random.Generator) -> np.ndarray:
    """int (size,): positions of as many real as AI-generated pictures of each of two paired sources. size: a multiple of 4."""
    paired = rows[rows["paired"]]
    names = rng.choice(paired["source"].unique(), 2, replace=False)
    drawn = [
        rng.choice(np.flatnonzero((rows["source"] == name) & rows["paired"] & (rows["y_true"] == label)), size // 4)
        for name in names
        for label in (0, 1)
    ]
    return np.concatenate(drawn)


def fit(
    above, loss: Callable, fold: Fold, sources: np.ndarray, draw: Callable[[np.random.Generator], np.ndarray], rate: float, steps: int, seed: int
):
    """Train what is trainable of ``above`` for so many batches, cosine from ``rate``. draw(rng): the positions of a batch."""
    import keras

    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = keras.Model(above.input, above.output["logit"])
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps), global_clipnorm=1.0), loss)
    y_true = np.stack([fold.labels, sources.astype(np.float32)], axis=1)
    for _ in range(steps):
        rows = draw(rng)
        model.train_on_batch(fold.features[rng.integers(len(fold.features), size=len(rows)), rows].astype(np.float32), y_true[rows])


def train(above, choice: Choice, fold: Fold, sampling, smoothing: float, epochs: int, seed: int) -> None:
    """Train everything of ``above``, which has a trained head, under that choice."""
    from train.pipeline import sampling_shares

    shares = sampling_shares(fold.rows, replace(sampling, **choice.sampling))
    sources, names = pd.factorize(fold.rows["source"])

    def draw(rng: np.random.Generator) -> np.ndarray:
        if not choice.in_pairs:
            return rng.choice(len(shares), BATCH, p=shares)
        return np.concatenate([rng.choice(len(shares), BATCH // 2, p=shares), in_pairs(fold.rows, BATCH // 2, rng)])

    folds.unfreeze(above, head_only=False)
    fit(above, losses(len(names), smoothing)[choice.loss], fold, sources, draw, choice.rate, epochs * (len(fold.rows) // BATCH), seed)


def mixed(several: list[list[np.ndarray]], shares: list[float]) -> list[np.ndarray]:
    """The weighted sum of several networks' weights."""
    return [sum(share * array for share, array in zip(shares, arrays, strict=True)) for arrays in zip(*several, strict=True)]


def measure(data: str, weights: str | None, chosen: list[str], count: int, seeds: int, epochs: int, views: int, limit: int) -> pd.DataFrame:
    """One row per (choice, fold, seed); SOUP and ENSEMBLE of the first choice have one for each fold, with the seed folds.ALL."""
    from train.pipeline import sampling_shares
    from train.recipes import load_recipe

    recipe = load_recipe(RECIPE)
    results = []

    def note(choice: str, number: int, seed: int, left_out: np.ndarray, val: np.ndarray) -> None:
        row = {"choice": choice, "fold": number, "seed": seed} | fold.measures(left_out, val)
        results.append(row)
        folds.show(row, "choice")

    def logits(above) -> tuple[np.ndarray, np.ndarray]:
        return folds.judge(above, fold.left_out_features)[0], folds.judge(above, fold.val_features)[0]

    for number, fold in enumerate(folds.make_folds(data, weights, recipe, count, views, limit)):
        above = folds.above_cut(weights, heads=HEADS)
        folds.unfreeze(above, head_only=True)
        shares, steps = sampling_shares(fold.rows, recipe.sampling), len(fold.rows) // BATCH
        start_loss = losses(1, recipe.label_smoothing)["error"]
        fit(above, start_loss, fold, np.zeros(len(fold.rows)), lambda rng, p=shares: rng.choice(len(p), BATCH, p=p), 1e-3, steps, seed=0)
        start = above.get_weights()
        ends, judged = [], []
        for name in chosen:
            for seed in range(seeds):
                above.set_weights(start)
                train(above, CHOICES[name], fold, recipe.sampling, recipe.label_smoothing, epochs, seed)
                found = logits(above)
                note(name, number, seed, *found)
                if name == AS_IS:
                    ends.append(above.get_weights())
                    judged.append(found)
                    above.set_weights(mixed([start, ends[-1]], [KEPT_SHARE, 1 - KEPT_SHARE]))
                    note(KEPT, number, seed, *logits(above))
        if seeds > 1:
            above.set_weights(mixed(ends, [1 / seeds] * seeds))
            note(SOUP, number, folds.ALL, *logits(above))
            note(ENSEMBLE, number, folds.ALL, *(np.mean(each, axis=0) for each in zip(*judged, strict=True)))
    return pd.DataFrame(results)


def main(argv: list[str] | None = None) -> int:
    parser = folds.arguments("python -m benchmarks.choices", __doc__, folds=3, seeds=2, epochs=2, views=2)
    parser.add_argument("--choice", action="append", choices=list(CHOICES), help="only this one beside the recipe as it is; may be repeated")
    given = parser.parse_args(argv)
    weights = None if given.backbone_weights == "none" else given.backbone_weights
    chosen = [name for name in CHOICES if not given.choice or name in (AS_IS, *given.choice)]
    results = measure(given.data, weights, chosen, given.folds, given.seeds, given.epochs, given.views, given.limit)
    table = folds.summary(results, "choice", AS_IS)
    if given.json:
        folds.write_json(given.json, table, results)
    print(folds.markdown(table, "choice"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
