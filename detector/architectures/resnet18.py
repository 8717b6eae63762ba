"""ResNet18 (He et al., CVPR 2016), which ``keras.applications`` does not have: two basic blocks a stage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from detector.architectures.architecture import Architecture, require_size
from detector.architectures.imagenet import standardised
from detector.architectures.pooled_head import HEAD_LAYERS, attach_pooled_head
from detector.architectures.published_weights import Published, load_backbone
from detector.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

PREPROCESSING = Preprocessing(size=224, short_side=256, jpeg_quality=75)
STAGES, BLOCKS = 4, 2
LARGEST_WIDTH = 256
TIMM = {
    "conv1": "conv1",
    "conv1_bn": "bn1",
    "conv2": "conv2",
    "conv2_bn": "bn2",
    "shortcut": "downsample.0",
    "shortcut_bn": "downsample.1",
}
"""Layers of a block -> their names in timm."""


def _named_by_timm(layer: str) -> str:
    if layer.startswith("stem"):
        return {"stem": "conv1", "stem_bn": "bn1"}[layer]
    stage, number, part = re.findall(r"stage(\d)_block(\d)_(\w+)", layer)[0]
    return f"layer{stage}.{int(number) - 1}.{TIMM[part]}"


PUBLISHED = Published(
    repository="timm/resnet18.a1_in1k",
    by="Ross Wightman on ImageNet-1k",
    licence="Apache-2.0",
    megabytes=47,
    classifier="fc.",
    named=_named_by_timm,
)


def build(backbone_weights=None, *, width=64, dropout=0.0):
    """See :class:`Architecture`. width: channels of the first stage; each further one has twice as many."""
    import keras
    from keras import layers

    require_size("width", width, LARGEST_WIDTH)
    pixels = layers.Input((PREPROCESSING.size, PREPROCESSING.size, 3))
    x = _convolution(standardised(pixels), "stem", width, size=7, strides=2)
    x = layers.Activation("relu", name="stem_relu")(x)
    x = layers.ZeroPadding2D(1, name="stem_padding2")(x)
    x = layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)
    for stage in range(STAGES):
        for number in range(BLOCKS):
            strides = 2 if stage and not number else 1
            x = _basic_block(x, f"stage{stage + 1}_block{number + 1}", width * 2**stage, strides)
    load_backbone(keras.Model(pixels, x), backbone_weights, PUBLISHED)
    return keras.Model(pixels, attach_pooled_head(x, dropout=dropout), name="resnet18")


def _basic_block(x: keras.KerasTensor, name: str, channels: int, strides: int) -> keras.KerasTensor:
    """Two 3 x 3 convolutions around which the input is passed, through a 1 x 1 one where its shape
    changes."""
    from keras import layers

    passed = x
    if strides != 1 or x.shape[-1] != channels:
        passed = _convolution(x, f"{name}_shortcut", channels, size=1, strides=strides)
    x = _convolution(x, f"{name}_conv1", channels, size=3, strides=strides)
    x = layers.Activation("relu", name=f"{name}_relu1")(x)
    x = _convolution(x, f"{name}_conv2", channels, size=3)
    x = layers.Add(name=f"{name}_add")([passed, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _convolution(
    x: keras.KerasTensor, name: str, channels: int, size: int, strides: int = 1
) -> keras.KerasTensor:
    """Convolution and batch normalisation. The border is the same on all sides, also where every second
    place is skipped: Keras's own "same" would pad the right and the bottom alone."""
    from keras import layers

    if size > 1:
        x = layers.ZeroPadding2D(size // 2, name=f"{name}_padding")(x)
    kernel = {"use_bias": False, "kernel_initializer": "he_normal"}
    x = layers.Conv2D(channels, size, strides=strides, name=name, **kernel)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)


ARCHITECTURE = Architecture(
    name="resnet18",
    build=build,
    preprocessing=PREPROCESSING,
    head=HEAD_LAYERS,
    feature_layer="stage4_block2_out",
    grid=(7, 7),
    published=PUBLISHED,
)
