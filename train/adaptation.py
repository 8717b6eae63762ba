"""Low-rank adaptation of a frozen encoder's upper blocks (Hu et al., "LoRA", ICLR 2022, with Keras's own
``enable_lora``), on tokens stored after the block below them (`train.feature_store --after BLOCK`).

The matrices that make queries and values get a product of two thin ones added; everything else of the encoder
stays as it is. The head starts from one that was trained on the frozen encoder, so the first step changes
nothing (the products begin at zero). What was added is an adapter (`train.adapter_file`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from detector.architectures import Architecture
from detector.datasets import Dataset
from train.adapter_file import Adapter
from train.feature_store import Features
from train.head import Rows, train_head
from train.recipes import Recipe

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, eq=False)
class Stores:
    """What is stored of pictures. tokens: all of them after block ``after``. features: those that the head
    reads, of the same pictures at least. encoder: the file with the weights that both were made with."""

    tokens: Features
    features: Features
    encoder: Path
    after: int


def head_and_adapted(
    architecture: Architecture,
    recipe: Recipe,
    dataset: Dataset,
    stores: Stores,
    rank: int,
    say: Callable[[str], None],
) -> tuple[keras.Model, keras.Model]:
    """A head trained on the encoder as it is, and an ``upper_network`` that began with it and was adapted, of
    those of the dataset's training pictures whose tokens are stored."""
    import keras

    assert architecture.encoder is not None
    keras.utils.set_random_seed(recipe.seed)
    head = architecture.encoder.head(**recipe.architecture_arguments)
    train, val = (_stored(dataset.split(name), stores.tokens) for name in ("train", "val"))
    train_head(head, Rows.of(train, stores.features), Rows.of(val, stores.features), recipe, say)
    network = upper_network(architecture, recipe, stores.encoder, stores.after, head)
    # as they are stored: each picture has 150,000 of these numbers
    all_of_train, all_of_val = (Rows.of(rows, stores.tokens, as_stored=True) for rows in (train, val))
    adapt(network, architecture, rank, all_of_train, all_of_val, recipe, say)
    return head, network


def _stored(rows: pd.DataFrame, tokens: Features) -> pd.DataFrame:
    return rows[tokens.has(rows["id"])]


def upper_network(
    architecture: Architecture, recipe: Recipe, encoder: str | os.PathLike, after: int, head: keras.Model
) -> keras.Model:
    """What lies above block ``after``, with the encoder's weights of the file ``encoder`` and those of
    ``head``. Raises OSError, and ValueError for a file that is no encoder."""
    assert architecture.encoder is not None
    whole = architecture.build(encoder, **recipe.architecture_arguments)
    upper = architecture.encoder.upper(after, **recipe.architecture_arguments)
    own = {layer.name: layer for layer in head.layers}
    for layer in upper.layers:
        if layer.weights:
            layer.set_weights((own.get(layer.name) or whole.get_layer(layer.name)).get_weights())
    return upper


def adapt(
    network: keras.Model,
    architecture: Architecture,
    rank: int,
    train: Rows,
    val: Rows,
    recipe: Recipe,
    say: Callable[[str], None],
) -> list[dict[str, float]]:
    """Train an ``upper_network`` in place by the recipe's second stage; it ends with its best epoch. rank: of
    what is added. train, val: with all tokens after the block below. Returns a row per epoch."""
    own = set(architecture.own_layers)
    for layer in network.layers:
        if layer.name not in own:
            for variable in layer.variables:
                variable.trainable = False
    for matrix in _matrices(network).values():
        matrix.enable_lora(rank)
    return train_head(network, train, val, recipe, say, recipe.finetune)


def adapter_of(network: keras.Model) -> Adapter:
    """What was added to an adapted network's encoder."""
    arrays = {}
    for name, matrix in _matrices(network).items():
        arrays[f"{name}/a"] = np.asarray(matrix.lora_kernel_a)
        arrays[f"{name}/b"] = np.asarray(matrix.lora_kernel_b)
    return arrays


def _matrices(network: keras.Model) -> dict[str, keras.layers.EinsumDense]:
    """Those of its blocks that make queries and values, by name: "block6/q"."""
    import keras

    found: dict[str, keras.layers.EinsumDense] = {}
    for layer in network.layers:
        if isinstance(layer, keras.layers.MultiHeadAttention) and "block" in layer.name:
            block = layer.name[layer.name.index("block") :].removesuffix("_attention")
            found |= {f"{block}/q": layer.query_dense, f"{block}/v": layer.value_dense}
    return found
