"""CLIP's image tower, ViT-B/16 (Radford et al., ICML 2021; Dosovitskiy et al., ICLR 2021), as a frozen
encoder.

Pre-norm blocks, 12 heads of 64, LayerNorm epsilon 1e-5 and the activation x * sigmoid(1.702 x). What the rest
of the network reads of it are the class tokens after some of its blocks: those of the middle carry most of
what tells generated pictures from real ones (Koutlis & Papadopoulos, "RINE", ECCV 2024).

The weights lie in a file of their own, named arrays with kernels as (in, out) so that ``x @ kernel + bias``
is the layer: ``patch/kernel`` (16, 16, 3, 768); ``class_token`` (768,); ``positions`` (197, 768);
``pre_norm``, ``block0`` ... ``block11``: ``norm1``, ``norm2`` (``gamma``, ``beta``), ``q``, ``k``, ``v``,
``out``, ``fc1``, ``fc2`` (``kernel``, ``bias``). ``detector.encoder_weights`` reads and writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.architectures import transformer_block

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import keras
    import numpy as np

BLOCKS, HEADS, WIDTH, PATCH = 12, 12, 768, 16
SIZE = 224
GRID = (SIZE // PATCH, SIZE // PATCH)
"""The patches of a view, 14 x 14."""
TOKENS = GRID[0] * GRID[1] + 1
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of RGB / 255, by channel; what CLIP was trained with."""
EPSILON = 1e-5


def tokens_of(views: keras.KerasTensor) -> keras.KerasTensor:
    """float32 (B, 224, 224, 3) in [0, 255], RGB -> (B, 197, 768): the class token and the patches in
    row-major order, with their positions, as the first block reads them."""
    from keras import layers

    scale = [1 / (255 * deviation) for deviation in DEVIATION]
    offset = [-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)]
    x = layers.Rescaling(scale, offset, name="clip_scaling", dtype="float32")(views)
    patches = layers.Conv2D(
        WIDTH, PATCH, strides=PATCH, use_bias=False, name="clip_patches", dtype="float32"
    )(x)
    sequence = layers.Reshape((GRID[0] * GRID[1], WIDTH), name="clip_sequence", dtype="float32")(patches)
    placed = transformer_block.placed(sequence, "clip_places")
    return layers.LayerNormalization(epsilon=EPSILON, name="clip_pre_norm", dtype="float32")(placed)


def block(
    x: keras.KerasTensor, number: int, dtype: str = "float32"
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Block ``number``, counted from 0: (B, 197, 768) -> the same shape, and its attention (B, 12, 197,
    197). dtype: as for ``transformer_block.block``."""
    name = f"clip_block{number}"
    return transformer_block.block(x, name, heads=HEADS, activation=quick_gelu, epsilon=EPSILON, dtype=dtype)


def quick_gelu(x: keras.KerasTensor) -> keras.KerasTensor:
    """x * sigmoid(1.702 x) (Hendrycks & Gimpel 2016, their fast approximation)."""
    from keras import ops

    return x * ops.sigmoid(1.702 * x)


def rollout_rows(scores: Sequence[keras.KerasTensor], last: int) -> keras.KerasTensor:
    """What the class token after block ``last`` holds of each patch, by attention rollout (Abnar & Zuidema,
    ACL 2020, equation 1: 0.5 A + 0.5 I at each block, heads averaged).

    scores: of the blocks from 0 on, (B, heads, 197, 197) each. Returns float32 (B, 196); the share that stays
    with the class token itself is left out.
    """
    from keras import ops

    row: keras.KerasTensor | None = None
    for attention in reversed(scores[: last + 1]):
        mean = ops.mean(ops.cast(attention, "float32"), axis=1)
        start = ops.one_hot(ops.zeros_like(mean[:, 0, 0], dtype="int32"), mean.shape[-1])
        before = start if row is None else row
        row = 0.5 * before + 0.5 * ops.squeeze(ops.matmul(before[:, None], mean), axis=1)
    assert row is not None, "there is at least one block"
    return row[:, 1:]


def assign(network: keras.Model, arrays: Mapping[str, np.ndarray], blocks: Sequence[int]) -> None:
    """Put the encoder's weights into the layers of ``network`` made here, up to the last of ``blocks``.

    arrays: by the names above. Raises KeyError for a name that is missing, ValueError for another shape.
    """
    _set(network, "clip_patches", arrays["patch/kernel"])
    _set(network, "clip_places", arrays["class_token"], arrays["positions"])
    _set_norm(network, "clip_pre_norm", "pre_norm", arrays)
    for number in range(max(blocks) + 1):
        ours, theirs = f"clip_block{number}", f"block{number}"
        for norm in ("norm1", "norm2"):
            _set_norm(network, f"{ours}_{norm}", f"{theirs}/{norm}", arrays)
        _set(network, f"{ours}_attention", *_attention_weights(theirs, arrays))
        for dense in ("fc1", "fc2"):
            _set(network, f"{ours}_{dense}", *_pair(f"{theirs}/{dense}", arrays))


def names(blocks: int = BLOCKS) -> list[str]:
    """The arrays that the first ``blocks`` blocks need."""
    parts = ["norm1/gamma", "norm1/beta", "norm2/gamma", "norm2/beta"]
    parts += [f"{layer}/{part}" for layer in DENSE for part in ("kernel", "bias")]
    return [
        *("patch/kernel", "class_token", "positions", "pre_norm/gamma", "pre_norm/beta"),
        *(f"block{number}/{part}" for number in range(blocks) for part in parts),
    ]


DENSE = ("q", "k", "v", "out", "fc1", "fc2")
"""The matrices of a block."""


def _attention_weights(name: str, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """In the order and the shapes of ``keras.layers.MultiHeadAttention``."""
    split = (WIDTH, HEADS, WIDTH // HEADS)
    weights = []
    for layer in ("q", "k", "v"):
        kernel, bias = _pair(f"{name}/{layer}", arrays)
        weights += [kernel.reshape(split), bias.reshape(split[1:])]
    kernel, bias = _pair(f"{name}/out", arrays)
    return [*weights, kernel.reshape(*split[1:], WIDTH), bias]


def _pair(name: str, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return arrays[f"{name}/kernel"], arrays[f"{name}/bias"]


def _set_norm(network: keras.Model, layer: str, name: str, arrays: Mapping[str, np.ndarray]) -> None:
    _set(network, layer, arrays[f"{name}/gamma"], arrays[f"{name}/beta"])


def _set(network: keras.Model, layer: str, *weights: np.ndarray) -> None:
    network.get_layer(layer).set_weights(weights)
