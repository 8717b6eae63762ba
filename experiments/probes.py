"""``python -m experiments.probes --data DIR``: would more data help, and which? A larger input? The noise
residual?

Linear probes, judged on left-out sources; `experiments.folds` says how. The features of a picture are the
mean and the standard deviation of every channel of five levels of the backbone, as ImageNet left it; on top
is a logistic regression, so a design takes seconds once the features are there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from detector.architectures.efficientnetv2b0 import PREPROCESSING, backbone
from detector.architectures.efficientnetv2b0_multilevel_attention import LEVELS
from experiments import folds
from experiments.folds import Fold
from experiments.levels import RECIPE

ENLARGED = 288
"""Side in pixels of the larger input. It is the same square: the canonical form of a picture holds nothing
finer."""
LOOKS = ("square", "enlarged", "residual")
INVERSE_PENALTY = 1e-3
"""scikit-learn's C, for standardised features and sample weights with a mean of 1: a strong one, for there
are half as many features as pictures. It was not tuned; on fewer pictures, and on more features, it weighs
more."""
DRAWS = 3
"""How often a part of the training pictures is drawn at random, in each fold."""

Part = Callable[[pd.DataFrame, np.random.Generator], np.ndarray]
"""Rows to train on, and what to draw by -> bool (N,): which of them are used."""


def share_of_sources(share: float) -> Part:
    """Every picture of so many of the paired sources, and of the others."""

    def part(rows: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
        kept: list[str] = []
        for _, group in rows.groupby("paired"):
            names = np.sort(group["source"].unique())
            kept.extend(rng.permutation(names)[: max(1, round(share * len(names)))])
        return rows["source"].isin(kept).to_numpy()

    return part


def share_of_pictures(share: float) -> Part:
    """So many pictures of each class of each source, at least one."""

    def part(rows: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
        order = (
            pd.Series(rng.random(len(rows)), index=rows.index)
            .groupby([rows["source"], rows["y_true"]])
            .rank(method="first")
        )
        size = rows.groupby(["source", "y_true"])["y_true"].transform("size")
        return (order <= np.maximum(1, np.round(share * size))).to_numpy()

    return part


@dataclass(frozen=True)
class Design:
    """What a probe is trained on. part: of the training rows; drawn DRAWS times if it is random. looks: of
    LOOKS, end to end."""

    looks: tuple[str, ...] = ("square",)
    part: Part | None = None
    random: bool = False


AS_IS = "as the network sees it, all training pictures"
DESIGNS: dict[str, Design] = {
    AS_IS: Design(),
    "half of the sources": Design(part=share_of_sources(0.5), random=True),
    "a quarter of the sources": Design(part=share_of_sources(0.25), random=True),
    "half of the pictures of each source": Design(part=share_of_pictures(0.5), random=True),
    "a quarter of the pictures of each source": Design(part=share_of_pictures(0.25), random=True),
    "paired pictures only": Design(part=lambda rows, rng: rows["paired"].to_numpy(bool)),
    "unpaired pictures only": Design(part=lambda rows, rng: ~rows["paired"].to_numpy(bool)),
    f"the square enlarged to {ENLARGED}": Design(("enlarged",)),
    "its noise residual alone": Design(("residual",)),
    "its noise residual as well": Design(("square", "residual")),
}


def probe_features(weights: str | None):
    """float32 (B, 224, 224, 3) in [0, 255] -> (B, 1, 1, C): LOOKS end to end, each as long as the others.

    The noise residual is what a blur over 5 x 5 pixels takes away, four times as strong, around mid-grey: how
    a picture was made rather than what it shows (after Zhou et al., CVPR 2018, who give such filters a stream
    of their own).
    """
    import keras
    from keras import layers

    size = PREPROCESSING.size
    square = layers.Input((size, size, 3))
    enlarged = layers.Resizing(ENLARGED, ENLARGED, interpolation="bicubic")(square)
    blurred = layers.AveragePooling2D(5, strides=1, padding="same")(square)
    residual = 4 * (square - blurred) + 128
    statistics = {side: _statistics(weights, side) for side in (size, ENLARGED)}
    looks = [
        statistics[image.shape[1]](keras.ops.clip(image, 0, 255)) for image in (square, enlarged, residual)
    ]
    return keras.Model(square, layers.Reshape((1, 1, -1))(layers.Concatenate()(looks)))


def _statistics(weights: str | None, side: int):
    """Mean and standard deviation of each channel of every level, (B, C), of images of that side."""
    import keras
    from keras import layers, ops

    trunk = backbone(weights, side)
    maps = [trunk.get_layer(layer).output for layer in LEVELS]
    moments = [moment(each, axis=(1, 2)) for each in maps for moment in (ops.mean, ops.std)]
    return keras.Model(trunk.input, layers.Concatenate()(moments))


def fit_and_judge(
    fold: Fold, chosen: np.ndarray, weights: np.ndarray, columns: np.ndarray
) -> dict[str, float]:
    """A logistic regression on every view of the ``chosen`` rows, (N,) bool; weights: (N,) of the rows;
    columns: of the features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    def flat(features: np.ndarray) -> np.ndarray:
        return features.reshape(-1, features.shape[-1])[:, columns].astype(np.float32)

    views = len(fold.features)
    scaler = StandardScaler()
    x = scaler.fit_transform(flat(fold.features[:, chosen]))
    probe = LogisticRegression(C=INVERSE_PENALTY, max_iter=300)
    probe.fit(
        x, np.tile(fold.labels[chosen], views), np.tile(weights[chosen] / weights[chosen].mean(), views)
    )
    return fold.measures(
        *(
            probe.decision_function(scaler.transform(flat(each)))
            for each in (fold.left_out_features, fold.val_features)
        )
    )


def measure(data: str, weights: str | None, count: int, views: int, limit: int) -> pd.DataFrame:
    """One row per (design, fold); where part of the pictures is drawn, the mean over draws."""
    from train.pipeline import sampling_shares
    from train.recipes import load_recipe

    recipe = load_recipe(RECIPE)
    results = []
    for number, fold in enumerate(
        folds.make_folds(data, recipe, probe_features(weights), count, views, limit)
    ):
        look_of = np.repeat(LOOKS, fold.features.shape[-1] // len(LOOKS))
        for name, design in DESIGNS.items():
            rng = np.random.default_rng(number)
            found = []
            for _ in range(DRAWS if design.random else 1):
                chosen = np.ones(len(fold.rows), bool) if design.part is None else design.part(fold.rows, rng)
                shares = np.zeros(len(fold.rows))
                shares[chosen] = sampling_shares(fold.rows[chosen], recipe.sampling)
                found.append(fit_and_judge(fold, chosen, shares, np.isin(look_of, design.looks)))
            row = {"trained on": name, "fold": number, "seed": 0} | pd.DataFrame(found).mean().to_dict()
            results.append(row)
            folds.show(row, "trained on")
    return pd.DataFrame(results)


def main(argv: list[str] | None = None) -> int:
    given = folds.arguments("python -m experiments.probes", __doc__, folds=5, views=2).parse_args(argv)
    results = measure(given.data, given.backbone_weights, given.folds, given.views, given.limit)
    folds.report(given.json, results, "trained on", folds.summary(results, "trained on", AS_IS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
