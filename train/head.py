"""``python -m train.head``: train what lies above a frozen
encoder, on features stored ahead (`train.feature_store`), and write the bundle.

The recipe's frozen stage says how: pictures are drawn by its sampling, the epoch with the best value of its
monitor is kept. With ``--left-out-folds N`` the head is also trained N times without a part of the sources
(group k-fold) and judged by them; temperature and unsure band are then fitted to validation and to these in
equal parts, for nobody knows where a picture comes from.

With ``--adapter FILE`` the features are those of an adapted encoder (`train.adapt`), and the bundle holds the
adapter; what such encoders say of left-out sources is in the table that ``--left-out`` names.

With ``--set architecture_arguments.tile_head=true`` a second head is fitted to the tiles in the store, and
only pictures whose tiles are there are judged.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from detector import architectures
from detector.architectures.attention_head import TILE_LOGIT
from detector.datasets import Dataset, DatasetError, leave_out, load_dataset
from detector.perturbations import DELIVERY_CHAINS
from train.adapter_file import put, rank_of, read_adapter
from train.exit_status import DONE, ends_with_a_sentence
from train.feature_store import DELIVERED, Features
from train.linear_head import logistic_regression
from train.pipeline import draw, sampling_shares
from train.predict import described
from train.recipes import Recipe, RecipeError, Stage, load_recipe
from train.runs import RunDirectory, RunError
from train.timed_lines import say
from train.validation import higher_is_better, validation_figures

if TYPE_CHECKING:
    import keras

PREDICT_BATCH = 256
NO_DELIVERIES = (
    "augmentation.delivery_probability asks for delivered copies of the training pictures, and there are"
    " none. For train.head, train.feature_store --delivered 1 makes them."
)


@dataclass(frozen=True, eq=False)
class Rows:
    """Labelled features. rows: n rows of a dataset. tokens: (n, k, C), float32 or as they are stored.
    delivered: those of m copies of each picture, as ``train.deliveries`` made them, float32 (n, m, k, C)."""

    rows: pd.DataFrame
    tokens: np.ndarray
    delivered: np.ndarray | None = None

    @classmethod
    def of(cls, rows: pd.DataFrame, features: Features, as_stored: bool = False) -> Rows:
        """Those of ``rows`` that are stored. as_stored: see ``Features.of``."""
        here = rows[features.has(rows["id"])].reset_index(drop=True)
        return cls(here, features.of(here["id"], as_stored=as_stored)[0])

    def with_deliveries(self, features: Features) -> Rows:
        """The same with the copies that are stored. Raises ValueError where a picture lacks one that others
        have, or none has any."""
        copies: list[np.ndarray] = []
        while features.has(self.rows["id"], name := DELIVERED.format(len(copies) + 1)).any():
            missing = int((~features.has(self.rows["id"], name)).sum())
            if missing:
                raise ValueError(
                    f"The store lacks the copy {name} of {missing:,} pictures; train.feature_store"
                    f" --delivered {len(copies) + 1} goes on making them."
                )
            copies.append(features.of(self.rows["id"], name)[0])
        if not copies:
            raise ValueError(NO_DELIVERIES)
        return replace(self, delivered=np.stack(copies, axis=1))

    @classmethod
    def of_tiles(cls, rows: pd.DataFrame, features: Features) -> Rows:
        """Those of ``rows`` whose tiles are stored, with the mean of their tokens."""
        here = rows[features.has(rows["id"], tiles=True)].reset_index(drop=True)
        return cls(here, features.tiles_of(here["id"]).mean(axis=1))

    def where(self, chosen: np.ndarray) -> Rows:
        """Some of them. chosen: bool (n,)."""
        delivered = None if self.delivered is None else self.delivered[chosen]
        return Rows(self.rows[chosen].reset_index(drop=True), self.tokens[chosen], delivered)

    def drawn(self, chosen: np.ndarray, probability: float, rng: np.random.Generator) -> np.ndarray:
        """float32 (B, k, C): tokens of some rows, int (B,), with ``probability`` of a delivered copy instead.
        Raises ValueError where copies are wanted and there are none."""
        tokens = self.tokens[chosen].astype(np.float32, copy=False)
        if not probability:
            return tokens
        if self.delivered is None:
            raise ValueError(NO_DELIVERIES)
        took = rng.random(len(chosen)) < probability
        copies = rng.integers(self.delivered.shape[1], size=len(chosen))
        tokens[took] = self.delivered[chosen[took], copies[took]]
        return tokens

    @property
    def y_true(self) -> np.ndarray:
        return self.rows["y_true"].to_numpy()


def train_head(
    head: keras.Model,
    train: Rows,
    val: Rows,
    recipe: Recipe,
    say: Callable[[str], None],
    stage: Stage | None = None,
) -> list[dict[str, float]]:
    """Train ``head`` in place; it ends with the weights of its best epoch. stage: of the recipe, its frozen
    one if None. Returns a row per epoch."""
    import keras

    from train.loop import averaged_weights
    from train.optimizers import optimizer

    stage, rng = stage or recipe.frozen, np.random.default_rng(recipe.seed)
    shares = sampling_shares(train.rows, recipe.sampling)
    drawn = recipe.sampling.images_per_epoch or len(train.rows)
    steps = max(drawn // recipe.batch_size, 1)
    smoothed = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
    head.compile(optimizer(stage, steps * stage.epochs), loss={"logit": smoothed})
    history: list[dict[str, float]] = []
    best, best_epoch, kept = -np.inf, 0, head.get_weights()
    for epoch in range(stage.epochs):
        order = draw(shares, steps * recipe.batch_size, rng).reshape(steps, recipe.batch_size)
        losses = [
            head.train_on_batch(
                train.drawn(chosen, recipe.augmentation.delivery_probability, rng),
                {"logit": train.y_true[chosen][:, None]},
            )
            for chosen in order
        ]
        with averaged_weights(head, stage):
            measured = validation_figures(val.rows, logits_of(head, val.tokens))
            worth = higher_is_better(stage.monitor, measured)
            if worth > best:
                best, best_epoch, kept = worth, epoch, head.get_weights()
        history.append({"epoch": epoch + 1, "loss": float(np.mean(losses)), **measured})
        say(", ".join(f"{name} {value:.4g}" for name, value in history[-1].items()))
        if epoch - best_epoch >= stage.patience:
            break
    head.set_weights(kept)
    return history


def train_tile_head(head: keras.Model, train: Rows, val: Rows, whole: Rows, recipe: Recipe) -> None:
    """Fit the second head of ``head``, whose first is trained, to tiles: a logistic regression, in the first
    head's own units, so that the two count the same when they are added.

    train, val: pictures with the mean of their tiles' tokens. whole: ``val`` with the tokens of the whole.
    """
    from detector.evaluation.calibration import fit_temperature

    kernel, bias = regression_of(train, recipe)
    own = val.tokens.reshape(len(val.tokens), -1) @ kernel + bias
    unit = fit_temperature(whole.y_true, logits_of(head, whole.tokens)) / fit_temperature(val.y_true, own)
    head.get_layer(TILE_LOGIT).set_weights([unit * kernel[:, None], np.array([unit * bias])])


def regression_of(train: Rows, recipe: Recipe) -> tuple[np.ndarray, float]:
    """Kernel and bias of a logistic regression on all tokens, with the recipe's sampling as weights."""
    weights = sampling_shares(train.rows, recipe.sampling) * len(train.rows)
    return logistic_regression(train.tokens.reshape(len(train.tokens), -1), train.y_true, weights)


def logits_of(head: keras.Model, tokens: np.ndarray, output: str = "logit") -> np.ndarray:
    """Tokens (n, k, C) -> float32 (n,)."""
    parts = []
    for start in range(0, len(tokens), PREDICT_BATCH):
        batch = tokens[start : start + PREDICT_BATCH].astype(np.float32, copy=False)
        parts.append(np.asarray(head(batch, training=False)[output])[:, 0])
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def judged(head: keras.Model, rows: pd.DataFrame, features: Features, perturbation: str = "") -> pd.DataFrame:
    """The stored ones of ``rows`` as a predictions table, without y_score; with a second head, those whose
    tiles are stored."""
    tiled = TILE_LOGIT in head.output
    here = rows[features.has(rows["id"], perturbation, tiles=tiled)].reset_index(drop=True)
    tokens, sizes = features.of(here["id"], perturbation, as_stored=True)
    logits = logits_of(head, tokens)
    if tiled:
        logits += logits_of(head, features.tiles_of(here["id"], perturbation).mean(axis=1), TILE_LOGIT)
    table = described(here).assign(logit=logits, delivery=perturbation)
    table[["width", "height"]] = sizes
    return table


def predictions(head: keras.Model, dataset: Dataset, features: Features) -> pd.DataFrame:
    """Every test and unseen picture as it is and, where that is stored, after each perturbation."""
    rows = dataset.rows[~dataset.rows["split"].isin(("train", "val"))].reset_index(drop=True)
    names = ("", *(each.name for each in DELIVERY_CHAINS))
    return pd.concat([judged(head, rows, features, name) for name in names], ignore_index=True)


def left_out(
    dataset: Dataset, features: Features, recipe: Recipe, folds: int, say: Callable[[str], None]
) -> pd.DataFrame:
    """Pictures of the training sources, each judged by a head that saw nothing of its source; logits
    scaled so that those of all heads mean the same."""
    architecture, tables = architectures.get(recipe.architecture), []
    for fold in range(folds):
        without = leave_out(dataset, fold, folds)
        head = _trained(architecture, recipe, without, features, lambda line: None)
        table = judged(head, without.split("unseen"), features)
        tables.append(as_of_one(table, judged(head, without.split("val"), features)).assign(fold=fold))
        figures = validation_figures(table, table["logit"].to_numpy())
        say(f"fold {fold + 1} of {folds}, {table['source'].nunique()} sources left out: " + _words(figures))
    return pd.concat(tables, ignore_index=True)


def as_of_one(table: pd.DataFrame, val: pd.DataFrame) -> pd.DataFrame:
    """``table`` with logits divided by the temperature that the same network's validation pictures, ``val``,
    ask for: so the logits of several networks mean the same."""
    from detector.evaluation.calibration import fit_temperature

    own = fit_temperature(val["y_true"].to_numpy(), val["logit"].to_numpy())
    return table.assign(logit=table["logit"] / own)


def _trained(
    architecture: architectures.Architecture,
    recipe: Recipe,
    dataset: Dataset,
    features: Features,
    say: Callable[[str], None],
) -> keras.Model:
    """A new head, or two, trained on what is stored of the dataset's training pictures."""
    head = _head(architecture, recipe)
    train, val = (Rows.of(dataset.split(name), features) for name in ("train", "val"))
    if recipe.augmentation.delivery_probability:
        train = train.with_deliveries(features)
    train_head(head, train, val, recipe, say)
    if TILE_LOGIT in head.output:
        tiled, tiled_val = (Rows.of_tiles(dataset.split(name), features) for name in ("train", "val"))
        say(f"Tiles of {len(tiled.rows):,} training and {len(tiled_val.rows):,} validation pictures, too.")
        train_tile_head(head, tiled, tiled_val, Rows.of(tiled_val.rows, features), recipe)
    return head


def _words(figures: dict[str, float]) -> str:
    return ", ".join(f"{name.removeprefix('val_')} {value:.3f}" for name, value in figures.items())


def _head(architecture: architectures.Architecture, recipe: Recipe) -> keras.Model:
    """A new head with the recipe's arguments and random weights of its seed."""
    import keras

    assert architecture.encoder is not None
    keras.utils.set_random_seed(recipe.seed)
    return architecture.encoder.head(**recipe.architecture_arguments)


@ends_with_a_sentence(
    "train.head", DatasetError, RecipeError, RunError, OSError, ValueError, interrupted="nothing was written"
)
def main(argv: list[str] | None = None) -> int:
    arguments = _parse(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    recipe = load_recipe(arguments.recipe, arguments.set)
    architecture = architectures.get(recipe.architecture)
    if architecture.encoder is None:
        raise RecipeError(f"The architecture {architecture.name} has no frozen encoder; use python -m train.")
    dataset = load_dataset(arguments.data, **recipe.cut, check_files=False)
    features = Features.read(arguments.features)
    run = RunDirectory.claim(arguments.run_dir)
    _train(run, recipe, dataset, features, arguments)
    return DONE


def _train(
    run: RunDirectory, recipe: Recipe, dataset: Dataset, features: Features, arguments: argparse.Namespace
) -> None:
    from train.finish import Judged, write_bundle

    architecture = architectures.get(recipe.architecture)
    stored = {name: int(features.has(dataset.split(name)["id"]).sum()) for name in ("train", "val")}
    say(f"{stored['train']:,} training and {stored['val']:,} validation pictures are stored.")
    unknown = pd.read_parquet(arguments.left_out) if arguments.left_out else None
    if arguments.left_out_folds:
        unknown = left_out(dataset, features, recipe, arguments.left_out_folds, say)
    trained = _trained(architecture, recipe, dataset, features, say)
    adapter = read_adapter(arguments.adapter) if arguments.adapter else {}
    if adapter:
        recipe = replace(
            recipe, architecture_arguments={**recipe.architecture_arguments, "rank": rank_of(adapter)}
        )
    head = _head(architecture, recipe)  # the same network without what its optimizer remembers
    for layer in (layer for layer in trained.layers if layer.weights):
        head.get_layer(layer.name).set_weights(layer.get_weights())
    if adapter:
        put(head, adapter)
    val = judged(head, dataset.split("val"), features)
    tables = Judged(val, predictions(head, dataset, features), unknown)
    tiles = features.tiles.shape[1] if TILE_LOGIT in head.output else 0
    run.write("config.json", {"recipe": recipe.to_dict(), "manifest_sha256": dataset.manifest_hash})
    command = _command(run, arguments)
    settings = replace(recipe, backbone_weights=str(arguments.encoder))
    folder = write_bundle(run, settings, dataset, head, command, lambda: False, say, tables, tiles)
    say(f"Wrote {folder}.")


def _command(run: RunDirectory, arguments: argparse.Namespace) -> str:
    """What repeats it, without this machine's paths."""
    words = [
        "python",
        "-m",
        "train.head",
        "--recipe",
        arguments.recipe,
        "--data",
        "DATA",
        "--features",
        "STORE",
    ]
    words += ["--encoder", f"weights/encoders/{Path(arguments.encoder).name}", "--run-dir", f"runs/{run.id}"]
    words += [word for setting in arguments.set for word in ("--set", setting)]
    if arguments.left_out_folds:
        words += ["--left-out-folds", str(arguments.left_out_folds)]
    for option, file in (("--adapter", arguments.adapter), ("--left-out", arguments.left_out)):
        words += [option, file.name] if file else []
    return shlex.join(words)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m train.head", description=__doc__.split("\n\n")[0])
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--features", required=True, type=Path, help="the folder of train.feature_store")
    parser.add_argument("--encoder", required=True, help="the file with the encoder's weights")
    parser.add_argument("--run-dir", required=True, type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting")
    parser.add_argument("--adapter", type=Path, help="of train.adapt; the features were made with it")
    unknown = parser.add_mutually_exclusive_group()
    unknown.add_argument("--left-out-folds", type=int, default=0, metavar="N")
    unknown.add_argument("--left-out", type=Path, help="the table that train.adapt wrote with its folds")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
