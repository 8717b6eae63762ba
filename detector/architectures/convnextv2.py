"""ConvNeXt V2 (Woo et al., CVPR 2023): ConvNeXt, which ``keras.applications`` has, with global response
normalisation in the place of its layer scale."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from detector.architectures.architecture import require_size
from detector.architectures.imagenet import standardised
from detector.architectures.published_weights import Published, load_backbone
from detector.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

PREPROCESSING = Preprocessing(size=224, short_side=256, jpeg_quality=75)
GRID = (7, 7)
EPSILON = 1e-6
STAGES = 4
BLOCKS = 3
"""In each stage but the third."""
LARGEST_WIDTH, LARGEST_DEPTH = 352, 27
"""Those of ConvNeXt V2 Huge, the largest that was published."""
FEATURE_LAYER = f"stage{STAGES}_block{BLOCKS}"
HEAD_LAYERS = ("pooled", "pooled_norm", "dropout", "logit")
TIMM = {
    "depthwise": "conv_dw",
    "norm": "norm",
    "widen": "mlp.fc1",
    "grn": "mlp.grn",
    "narrow": "mlp.fc2",
}
"""Layers of a block -> their names in timm."""


def _named_by_timm(layer: str) -> str:
    first = {"stage1_shrink": "stem.0", "stage1_norm": "stem.1", "pooled_norm": "head.norm"}
    if layer in first:
        return first[layer]
    stage, number, part = re.findall(r"stage(\d)(?:_block(\d+))?_(\w+)", layer)[0]
    if not number:
        return f"stages.{int(stage) - 1}.downsample.{('norm', 'shrink').index(part)}"
    return f"stages.{int(stage) - 1}.blocks.{int(number) - 1}.{TIMM[part]}"


def published(model: str, megabytes: int) -> Published:
    """The weights that timm has under that name."""
    return Published(
        repository=f"timm/{model}",
        by="Meta on ImageNet, by masked autoencoding, then on ImageNet-22k and -1k with labels",
        licence="CC BY-NC 4.0: not for commercial use",
        megabytes=megabytes,
        classifier="head.fc.",
        named=_named_by_timm,
    )


def convnextv2(
    backbone_weights: str | None, name: str, source: Published, *, width: int, depth: int, dropout: float
) -> keras.Model:
    """A network whose first stage has ``width`` channels, each further one twice as many, and whose third
    stage has ``depth`` blocks. source: of ImageNet's weights, those of ``pooled_norm`` among them."""
    import keras
    from keras import layers

    require_size("width", width, LARGEST_WIDTH)
    require_size("depth", depth, LARGEST_DEPTH)
    pixels = layers.Input((PREPROCESSING.size, PREPROCESSING.size, 3))
    x = standardised(pixels)
    for stage in range(1, STAGES + 1):
        x = _smaller(x, f"stage{stage}", width * 2 ** (stage - 1), 2 if stage > 1 else 4)
        for number in range(1, (depth if stage == 3 else BLOCKS) + 1):
            x = _block(x, f"stage{stage}_block{number}")
    pooled = layers.GlobalAveragePooling2D(name="pooled")(x)
    normed = layers.LayerNormalization(epsilon=EPSILON, name="pooled_norm")(pooled)
    backbone, whole = keras.Model(pixels, x), keras.Model(pixels, normed)
    load_backbone(backbone, backbone_weights, source, whole)
    x = layers.Dropout(dropout, name="dropout")(normed)
    logit = layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(pixels, {"logit": logit}, name=name.replace("-", "_"))


def _smaller(x: keras.KerasTensor, name: str, channels: int, factor: int) -> keras.KerasTensor:
    """The map shrunk ``factor`` times. The picture itself is normalised afterwards, the maps before."""
    from keras import layers

    norm = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm")
    shrink = layers.Conv2D(channels, factor, strides=factor, name=f"{name}_shrink")
    return norm(shrink(x)) if factor == 4 else shrink(norm(x))


def _block(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """A 7 x 7 convolution of each channel by itself, then two dense layers at each place, around which the
    input is passed."""
    from keras import layers

    channels = x.shape[-1]
    y = layers.DepthwiseConv2D(7, padding="same", name=f"{name}_depthwise")(x)
    y = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm")(y)
    y = layers.Dense(4 * channels, activation="gelu", name=f"{name}_widen")(y)
    y = _response_norm()(name=f"{name}_grn")(y)
    y = layers.Dense(channels, name=f"{name}_narrow")(y)
    return layers.Add(name=name)([x, y])


def _response_norm():
    """The layer's class; made here, for importing this module must not import Keras."""
    import keras
    from keras import ops

    class GlobalResponseNormalization(keras.layers.Layer):
        """x -> x + gamma * x * N + beta, N being each channel's norm over all places, divided by the mean of
        all channels' (their equations 1 to 3); gamma and beta begin at 0, so it begins as the identity."""

        def build(self, shape):
            self.gamma = self.add_weight(shape=(shape[-1],), initializer="zeros", name="gamma")
            self.beta = self.add_weight(shape=(shape[-1],), initializer="zeros", name="beta")

        def call(self, x):
            squares = ops.sum(ops.square(ops.cast(x, "float32")), axis=(1, 2), keepdims=True)
            norms = ops.sqrt(squares + EPSILON)
            share = norms / (ops.mean(norms, axis=-1, keepdims=True) + EPSILON)
            return x + self.gamma * (x * ops.cast(share, x.dtype)) + self.beta

    return GlobalResponseNormalization
