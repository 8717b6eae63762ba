"""What a low-rank adaptation added to an encoder (Hu et al., "LoRA", ICLR 2022), kept where a bundle keeps
all that was trained: the encoder's own file stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

ADAPTER = "adapter"
"""Name of the layer."""
PARTS = ("a", "b")


def kept(x: keras.KerasTensor, matrices: Sequence[str], heads: int, width: int, rank: int):
    """``x``, unchanged, through a layer that does nothing but hold, for each of ``matrices``, two thin ones
    of ``rank``: a (width, heads, rank), b (rank, width / heads), as Keras's ``EinsumDense.enable_lora`` has
    them for queries and values. They start at zero."""
    return _holding()(matrices, heads, width, rank, name=ADAPTER, dtype="float32", trainable=False)(x)


def products(layer: keras.Layer) -> Iterator[tuple[str, np.ndarray]]:
    """The name of each matrix, and what is to be added to it: float32 (width, width)."""
    for name, (a, b) in layer.pairs.items():
        added = np.einsum("chr,rd->chd", np.asarray(a), np.asarray(b))
        yield name, added.reshape(len(added), -1)


def _holding():
    """The layer's class; made here, for importing this module must not import Keras."""
    import keras

    class Holding(keras.layers.Layer):
        def __init__(self, matrices, heads, width, rank, **named):
            super().__init__(**named)
            shapes = (width, heads, rank), (rank, width // heads)
            self.pairs = {
                name: [
                    self.add_weight(shape=shape, initializer="zeros", name=f"{name.replace('/', '_')}_{part}")
                    for part, shape in zip(PARTS, shapes, strict=True)
                ]
                for name in matrices
            }

        def call(self, x):
            return x

    return Holding
