"""The pre-norm block of a vision transformer (Dosovitskiy et al., ICLR 2021), and what puts the class token
before the patches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def block(
    x: keras.KerasTensor,
    name: str,
    *,
    heads: int,
    activation: str | Callable,
    epsilon: float,
    dtype: str | None = None,
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """(B, n, C) -> the same shape, and its attention (B, heads, n, n), a softmax over the last axis.

    Layers are called ``name`` and after it _norm1, _attention, _attended, _norm2, _fc1, _fc2. dtype: a Keras
    dtype policy for the matrices, the global one if None. What blocks add up is float32 in any case: some of
    its numbers are large, and 16 bits would lose the others.
    """
    from keras import layers

    width = x.shape[-1]

    def norm(which: str) -> keras.Layer:
        return layers.LayerNormalization(epsilon=epsilon, name=f"{name}_{which}", dtype="float32")

    attention = layers.MultiHeadAttention(heads, width // heads, name=f"{name}_attention", dtype=dtype)
    widen = layers.Dense(4 * width, activation=activation, name=f"{name}_fc1", dtype=dtype)
    narrow = layers.Dense(width, name=f"{name}_fc2", dtype=dtype)
    normed = norm("norm1")(x)
    attended, scores = attention(normed, normed, return_attention_scores=True)
    x = layers.Add(name=f"{name}_attended", dtype="float32")([x, attended])
    return layers.Add(name=name, dtype="float32")([x, narrow(widen(norm("norm2")(x)))]), scores


def placed(patches: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """(B, n, C) -> (B, n + 1, C), float32: the class token first, and to every token its position added."""
    return _placing()(name=name, dtype="float32")(patches)


def _placing():
    """The layer's class; made here, for importing this module must not import Keras."""
    import keras
    from keras import ops

    class Placing(keras.layers.Layer):
        def build(self, shape):
            _, n, width = shape
            self.class_token = self.add_weight(shape=(width,), initializer="zeros", name="class_token")
            spread = keras.initializers.RandomNormal(stddev=0.02)
            self.positions = self.add_weight(shape=(n + 1, width), initializer=spread, name="positions")

        def call(self, patches):
            first = ops.broadcast_to(self.class_token, (ops.shape(patches)[0], 1, patches.shape[-1]))
            return ops.concatenate([first, patches], axis=1) + self.positions

    return Placing
