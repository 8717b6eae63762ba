"""Vision transformers (Dosovitskiy et al., ICLR 2021) that are trained as a whole: 16 x 16 patches, a class
token, and a linear classifier on what it holds in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.architectures.architecture import TransformerBlocks, require_size
from detector.architectures.published_weights import Published, load_backbone
from detector.architectures.transformer_block import block, placed
from detector.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

PREPROCESSING = Preprocessing(size=224, short_side=256, jpeg_quality=75)
PATCH = 16
GRID = (PREPROCESSING.size // PATCH, PREPROCESSING.size // PATCH)
BLOCKS = 12
LARGEST_WIDTH = 1280
"""That of ViT-H, the widest that was published."""
EPSILON = 1e-6
OPENED = TransformerBlocks("places", tuple(f"block{number}_attention" for number in range(BLOCKS)), GRID)
"""What How it works opens."""
HEAD_LAYERS = ("class_token", "dropout", "logit", "attention_scores")
TIMM = {
    "patches": "patch_embed.proj",
    "places": "",
    "norm1": "norm1",
    "attention": "attn",
    "norm2": "norm2",
    "fc1": "mlp.fc1",
    "fc2": "mlp.fc2",
    "norm": "norm",
}
"""Layers, those of a block without its name -> their names in timm."""


def _named_by_timm(layer: str) -> str:
    block, _, part = layer.rpartition("_")
    return f"blocks.{block.removeprefix('block')}.{TIMM[part]}" if block else TIMM[part]


def published(model: str, by: str, megabytes: int) -> Published:
    """The weights that timm has under that name. by: who trained them, and on what."""
    return Published(
        repository=f"timm/{model}",
        by=by,
        licence="Apache-2.0",
        megabytes=megabytes,
        classifier="head.",
        named=_named_by_timm,
    )


def vision_transformer(
    backbone_weights: str | None, name: str, source: Published, *, width: int, heads: int, dropout: float
) -> keras.Model:
    """A network whose blocks have ``width`` channels, a multiple of ``heads``. source: of ImageNet's weights.

    Its ``attention`` is that of every block, float32 (B, 12, 1, 197, 197): the mean over the heads, which is
    all that rollout takes. Those of every head of a batch of ViT-B/16 would be 0.7 GB.
    """
    import keras
    from keras import layers

    require_size("width", width, LARGEST_WIDTH)
    require_size("heads", heads, width)
    pixels = layers.Input((PREPROCESSING.size, PREPROCESSING.size, 3))
    x = layers.Rescaling(1 / 127.5, -1.0, name="scaled")(pixels)
    x = layers.Conv2D(width, PATCH, strides=PATCH, name="patches")(x)
    x = layers.Reshape((GRID[0] * GRID[1], width), name="sequence")(x)
    x = placed(x, "places")
    scores = []
    for number in range(BLOCKS):
        x, attention = block(x, f"block{number}", heads=heads, activation="gelu", epsilon=EPSILON)
        scores.append(attention)
    x = layers.LayerNormalization(epsilon=EPSILON, name="norm")(x)
    load_backbone(keras.Model(pixels, x), backbone_weights, source)
    x = layers.Lambda(lambda tokens: tokens[:, 0], output_shape=(width,), name="class_token")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    outputs = {
        "logit": layers.Dense(1, dtype="float32", name="logit")(x),
        "attention": _mean_over_heads()(name="attention_scores", dtype="float32")(scores),
    }
    return keras.Model(pixels, outputs, name=name.replace("-", "_"))


def _mean_over_heads():
    """The layer's class; made here, for importing this module must not import Keras."""
    import keras
    from keras import ops

    class MeanOverHeads(keras.layers.Layer):
        """Attention of L layers, (B, heads, n, n) each -> (B, L, 1, n, n)."""

        def call(self, scores):
            means = [ops.mean(ops.cast(each, "float32"), axis=1, keepdims=True) for each in scores]
            return ops.stack(means, axis=1)

    return MeanOverHeads
