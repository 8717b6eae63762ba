"""``python -m experiments.levels --data DIR``: which levels of the backbone tell pictures from left-out
sources apart?

The network `efficientnetv2b0-multilevel-attention` with some of its levels shut off, on the same budget,
folds and seeds; `experiments.folds` says how. The trunk is the whole backbone, as ImageNet left it: neck and
head are trained.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd

from detector.architectures.attention_head import attach_attention_head
from detector.architectures.efficientnetv2b0_multilevel_attention import ARCHITECTURE, LEVELS
from experiments import folds
from experiments.folds import BATCH, Fold

RECIPE = "efficientnetv2b0-multilevel-attention"
LAST = "the last alone"
PUBLISHED = "the last alone, without a neck"
"""As in `efficientnetv2b0-attention`: its 1,280 features are the tokens."""
DESIGNS: dict[str, tuple[str, ...]] = {
    LAST: ("level6",),
    PUBLISHED: ("level6",),
    "levels 2 to 5": ("level2", "level3", "level4", "level5"),
    "all five": tuple(LEVELS.values()),
}
RATE = 1e-3


def trunk_and_above(weights: str | None, heads: int):
    """The network in two: model inputs -> every level in patches, (B, 7, 7, C), and from there to its
    outputs; and which level each of the C features is of, str (C,)."""
    import keras
    from keras import layers

    network = ARCHITECTURE.build(weights, heads=heads)
    levels = [network.get_layer(f"{level}_patches").output for level in LEVELS.values()]
    trunk = keras.Model(network.input, layers.Concatenate()(levels))
    patches = layers.Input(trunk.output.shape[1:])
    counts = [level.shape[-1] for level in levels]
    parts = [patches[..., end - count : end] for end, count in zip(np.cumsum(counts), counts, strict=True)]
    return (
        trunk,
        keras.Model(patches, keras.Model(levels, network.output)(parts)),
        np.repeat(list(LEVELS.values()), counts),
    )


def without_neck(level_of: np.ndarray, heads: int):
    """From the same features to the outputs of the published head, which reads those of the last level
    only."""
    import keras
    from keras import layers

    last = np.flatnonzero(level_of == "level6")
    patches = layers.Input((*ARCHITECTURE.grid, len(level_of)))
    settings = {name: ARCHITECTURE.arguments[name] for name in ("key_dim", "residual", "hidden", "dropout")}
    return keras.Model(
        patches, attach_attention_head(patches[..., last[0] : last[-1] + 1], heads=heads, **settings)
    )


def fit(
    above,
    loss: Callable,
    fold: Fold,
    y_true: np.ndarray,
    draw: Callable[[np.random.Generator], np.ndarray],
    rate: float,
    steps: int,
    seed: int,
    kept: np.ndarray | float = 1.0,
) -> None:
    """Train ``above`` for so many batches, cosine from ``rate``. draw(rng): the positions of a batch.
    kept: (C,), what features are multiplied by."""
    import keras

    from train.checkpoints import seed_states

    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    for state in seed_states(above):  # what dropout draws from
        state.assign([seed, 0])
    model = keras.Model(above.input, above.output["logit"])
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps), global_clipnorm=1.0), loss
    )
    for _ in range(steps):
        rows = draw(rng)
        model.train_on_batch(
            fold.features[rng.integers(len(fold.features), size=len(rows)), rows].astype(np.float32) * kept,
            y_true[rows],
        )


def by_share(shares: np.ndarray) -> Callable[[np.random.Generator], np.ndarray]:
    """draw(rng): the positions of a batch, each drawn with its share, (N,), summing to 1."""

    def draw(rng: np.random.Generator) -> np.ndarray:
        return rng.choice(len(shares), BATCH, p=shares)

    return draw


def measure(
    data: str, weights: str | None, count: int, seeds: int, epochs: int, views: int, limit: int
) -> pd.DataFrame:
    """One row per (levels, fold, seed)."""
    import keras

    from train.pipeline import sampling_shares
    from train.recipes import load_recipe

    recipe = load_recipe(RECIPE)
    heads = recipe.architecture_arguments["heads"]
    trunk, _, level_of = trunk_and_above(weights, heads)
    results = []
    for number, fold in enumerate(folds.make_folds(data, recipe, trunk, count, views, limit)):
        draw = by_share(sampling_shares(fold.rows, recipe.sampling))
        loss = keras.losses.BinaryCrossentropy(True, recipe.label_smoothing)
        y_true = fold.labels[:, None]
        steps = epochs * (len(fold.rows) // BATCH)
        for seed in range(seeds):
            for name, levels in DESIGNS.items():
                keras.utils.set_random_seed(seed)
                if name == PUBLISHED:
                    above = without_neck(level_of, heads)
                else:
                    above = trunk_and_above(None, heads)[1]
                kept = np.isin(level_of, levels).astype(np.float32)
                fit(above, loss, fold, y_true, draw, RATE, steps, seed, kept)
                logits = [
                    folds.judge(above, features, kept)[0]
                    for features in (fold.left_out_features, fold.val_features)
                ]
                row = {"levels": name, "fold": number, "seed": seed} | fold.measures(*logits)
                results.append(row)
                folds.show(row, "levels")
    return pd.DataFrame(results)


def main(argv: list[str] | None = None) -> int:
    given = folds.arguments(
        "python -m experiments.levels", __doc__, folds=5, seeds=1, epochs=5, views=2
    ).parse_args(argv)
    results = measure(
        given.data, given.backbone_weights, given.folds, given.seeds, given.epochs, given.views, given.limit
    )
    folds.report(given.json, results, "levels", folds.summary(results, "levels", LAST))
    return 0


if __name__ == "__main__":
    sys.exit(main())
