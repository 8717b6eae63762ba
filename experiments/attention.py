"""``python -m experiments.attention --data DIR``: does self-attention help, and how diffuse is what it
learns?

The same network without attention, with 1 head, with 4, and with 1 head as the recipe
``efficientnetv2b0-attention-focus`` has it, trained on the same budget, folds and seeds; `experiments.folds`
says how. The trunk ends two blocks below the backbone's end: those two, the last convolution and the head are
trained, which is the published "last several layers unfrozen".
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from experiments import folds
from experiments.folds import BATCH, Fold

PLAIN = "no attention"
DESIGNS: dict[str, dict] = {
    PLAIN: {"heads": 0},
    "1 head": {"heads": 1},
    "4 heads": {"heads": 4},
    "1 head, focused": {"heads": 1, "residual": False},
}
"""Name -> arguments of the architecture. A focused one has the recipe's ``attention_focus`` in its loss,
too."""
RECIPE = "efficientnetv2b0-attention-focus"
"""Whose augmentation and sampling all designs have."""
CUT = "block6f_add"
"""The layer that the trunk ends in, (B, 7, 7, 192); 33 layers of the backbone lie above it."""
DIFFUSENESS = {"attention peak, median": "{peak_median:.1f}x", "diffuse": "{diffuse_share:.0%}"}


def train(design: str, seed: int, weights: str | None, fold: Fold, shares: np.ndarray, epochs: int):
    """What lies above CUT in that design, trained: one epoch of the head alone, then ``epochs`` of
    everything, cosine from 1e-4.

    A view of each picture is drawn at random each time. shares: how often each row is drawn, summing to 1.
    """
    import keras

    from detector import architectures
    from train.losses import AttentionFocus
    from train.recipes import load_recipe

    keras.utils.set_random_seed(seed)
    recipe = load_recipe(RECIPE)
    architecture = architectures.get(recipe.architecture)
    network = architecture.build(weights, **DESIGNS[design])
    above = keras.Model(network.get_layer(CUT).output, network.output)
    focused = "focused" in design
    model = keras.Model(
        above.input, [above.output["logit"], above.output["attention"]] if focused else above.output["logit"]
    )
    losses = [keras.losses.BinaryCrossentropy(from_logits=True), AttentionFocus(recipe.attention_entropy)][
        : 1 + focused
    ]
    weights_of_losses = [1.0, recipe.attention_focus][: 1 + focused]
    labels, features = fold.labels, fold.features
    steps, rng = len(labels) // BATCH, np.random.default_rng(seed)
    for rate, count, head_only in ((1e-3, 1, True), (1e-4, epochs, False)):
        for layer in above.layers:
            layer.trainable = layer.name in architecture.head or not (
                head_only or isinstance(layer, keras.layers.BatchNormalization)
            )
        schedule = keras.optimizers.schedules.CosineDecay(rate, count * steps)
        model.compile(
            keras.optimizers.Adam(schedule, global_clipnorm=1.0), losses, loss_weights=weights_of_losses
        )
        for _ in range(count * steps):
            rows = rng.choice(len(labels), BATCH, p=shares)
            model.train_on_batch(
                features[rng.integers(len(features), size=BATCH), rows].astype(np.float32),
                [labels[rows, None]] * len(losses),
            )
    return above


def measure(
    data: str, weights: str | None, count: int, seeds: int, epochs: int, views: int, limit: int
) -> pd.DataFrame:
    """One row per (design, fold, seed)."""
    import keras

    from detector import architectures
    from detector.explain.heatmap import DIFFUSE_BELOW
    from train.pipeline import sampling_shares
    from train.recipes import load_recipe

    recipe = load_recipe(RECIPE)
    network = architectures.get(recipe.architecture).build(weights, heads=0)
    trunk = keras.Model(network.input, network.get_layer(CUT).output)
    results = []
    for number, fold in enumerate(folds.make_folds(data, recipe, trunk, count, views, limit)):
        shares = sampling_shares(fold.rows, recipe.sampling)
        for seed in range(seeds):
            for design in DESIGNS:
                above = train(design, seed, weights, fold, shares, epochs)
                left_out, peaks = folds.judge(above, fold.left_out_features)
                row = {"design": design, "fold": number, "seed": seed} | fold.measures(
                    left_out, folds.judge(above, fold.val_features)[0]
                )
                if peaks is not None:
                    row |= {
                        "peak_median": float(np.median(peaks)),
                        "diffuse_share": float((peaks < DIFFUSE_BELOW).mean()),
                    }
                results.append(row)
                folds.show(row, "design")
    return pd.DataFrame(results)


def with_diffuseness(table: list[dict], results: pd.DataFrame) -> list[dict]:
    """``folds.summary`` and the means of how diffuse attention is, for the designs that have any."""
    means = results.groupby("design")[["peak_median", "diffuse_share"]].mean()
    return [row | means.loc[row["design"]].dropna().to_dict() for row in table]


def main(argv: list[str] | None = None) -> int:
    given = folds.arguments(
        "python -m experiments.attention", __doc__, folds=3, seeds=3, epochs=2, views=2
    ).parse_args(argv)
    results = measure(
        given.data, given.backbone_weights, given.folds, given.seeds, given.epochs, given.views, given.limit
    )
    table = with_diffuseness(folds.summary(results, "design", PLAIN), results)
    folds.report(given.json, results, "design", table, DIFFUSENESS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
