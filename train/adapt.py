"""``python -m train.adapt``: adapt a frozen encoder's upper blocks, on tokens stored below them, and write
what was added (`train.adaptation`).

    python -m train.feature_store ARCHITECTURE --encoder FILE --data DIR --out TOKENS --after 5
    python -m train.feature_store ARCHITECTURE --encoder FILE --data DIR --out FEATURES
    python -m train.adapt --recipe NAME --data DIR --tokens TOKENS --features FEATURES --encoder FILE
        --out ADAPTER [--rank 8] [--left-out-folds 3]

What encoder and head then say of test and unseen pictures is printed, if these are in both stores.
Features made with it (`train.feature_store --adapter`) are what `train.head --adapter` then trains a head on.
With ``--left-out-folds N`` encoder and head are then adapted N times without a part of the sources, and what
each says of that part goes to a table beside the adapter, ``NAME-left-out.parquet``, for `train.head
--left-out`. Exit status: 0 done, 2 wrong usage or files, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from detector import architectures
from detector.architectures import Architecture
from detector.atomic_files import replacing
from detector.datasets import Dataset, DatasetError, leave_out, load_dataset
from train.adaptation import Stores, adapter_of, head_and_adapted
from train.adapter_file import write_adapter
from train.exit_status import DONE, ends_with_a_sentence
from train.feature_store import Features
from train.head import as_of_one, judged, logits_of
from train.predict import JUDGED
from train.recipes import Recipe, RecipeError, load_recipe
from train.timed_lines import say
from train.validation import validation_figures

if TYPE_CHECKING:
    import keras


def left_out(
    architecture: Architecture,
    recipe: Recipe,
    dataset: Dataset,
    stores: Stores,
    rank: int,
    folds: int,
    say: Callable[[str], None],
) -> pd.DataFrame:
    """Stored pictures of the training sources, each judged by a network that was adapted without its source;
    logits scaled so that those of all networks mean the same."""
    tables = []
    for fold in range(folds):
        without = leave_out(dataset, fold, folds)
        head, network = head_and_adapted(architecture, recipe, without, stores, rank, say)
        val, unseen = (judged(network, without.split(name), stores.tokens) for name in ("val", "unseen"))
        _compare(f"fold {fold + 1} of {folds}, sources left out", unseen, head, stores, say)
        tables.append(as_of_one(unseen, val).assign(fold=fold))
    return pd.concat(tables, ignore_index=True)


def _compare(
    title: str, table: pd.DataFrame, head: keras.Model, stores: Stores, say: Callable[[str], None]
) -> None:
    """Say what the pictures of ``table``, which the adapted network has judged, tell of it, and of ``head``
    on the encoder as it was."""
    before = logits_of(head, stores.features.of(table["id"])[0])
    for when, logits in (("as it was", before), ("adapted", table["logit"].to_numpy())):
        figures = validation_figures(table, logits)
        words = ", ".join(f"{name.removeprefix('val_')} {worth:.3f}" for name, worth in figures.items())
        say(f"{title}, the encoder {when}: {words}")


@ends_with_a_sentence(
    "train.adapt", DatasetError, RecipeError, OSError, ValueError, interrupted="what is written stays"
)
def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parse(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    out, rank = arguments.out, arguments.rank
    recipe = load_recipe(arguments.recipe, arguments.set)
    architecture = architectures.get(recipe.architecture)
    if architecture.encoder is None:
        raise RecipeError(f"The architecture {architecture.name} has no frozen encoder to adapt.")
    dataset = load_dataset(arguments.data, **recipe.cut, check_files=False)
    tokens, features = Features.read(arguments.tokens), Features.read(arguments.features)
    stores = Stores(tokens, features, arguments.encoder, arguments.after)
    head, network = head_and_adapted(architecture, recipe, dataset, stores, rank, say)
    write_adapter(out, adapter_of(network))
    say(f"Wrote {out.name}.")
    for split in JUDGED:
        rows = dataset.split(split)
        table = judged(network, rows[features.has(rows["id"])], tokens)
        if table["y_true"].nunique() == 2:
            _compare(split, table, head, stores, say)
    if folds := arguments.left_out_folds:
        table = left_out(architecture, recipe, dataset, stores, rank, folds, say)
        with replacing(out.with_name(f"{out.stem}-left-out.parquet")) as temporary:
            table.to_parquet(temporary)
    return DONE


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m train.adapt", description="Adapt a frozen encoder's upper blocks."
    )
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--tokens", required=True, type=Path, help="a store made with --after")
    parser.add_argument("--features", required=True, type=Path, help="a store of the same pictures, without")
    parser.add_argument("--encoder", required=True, type=Path, help="the file with the encoder's weights")
    parser.add_argument("--out", required=True, type=Path, help="the adapter to write, .npz")
    parser.add_argument("--after", type=int, default=5, metavar="BLOCK", help="what --tokens was made with")
    parser.add_argument("--rank", type=int, default=8, help="of what is added to a matrix")
    parser.add_argument("--left-out-folds", type=int, default=0, metavar="N")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
