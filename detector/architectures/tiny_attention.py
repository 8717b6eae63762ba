"""A network of a few thousand weights with the same anatomy as the real one: what tests and quick trials
train."""

from __future__ import annotations

from detector.architectures.architecture import Architecture
from detector.architectures.attention_head import HEAD_LAYERS, attach_attention_head
from detector.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(size=32, short_side=36, jpeg_quality=90)


def build(backbone_weights=None, *, heads=1, key_dim=8, residual=True, hidden=16, dropout=0.1):
    """See :class:`Architecture`. Three strided convolutions stand in for the backbone; there are no
    ImageNet weights for it."""
    import keras
    from keras import layers

    if backbone_weights == "imagenet":
        raise ValueError('The tiny architecture has no ImageNet weights; use backbone_weights = "none".')
    inputs = layers.Input((PREPROCESSING.size, PREPROCESSING.size, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescaling")(inputs)
    for number, filters in enumerate((8, 16, 24), start=1):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"bn{number}")(x)
        x = layers.Activation("relu", name=f"relu{number}")(x)
    backbone = keras.Model(inputs, x)
    if backbone_weights is not None:
        backbone.load_weights(backbone_weights)
    outputs = attach_attention_head(
        x, heads=heads, key_dim=key_dim, residual=residual, hidden=hidden, dropout=dropout
    )
    return keras.Model(inputs, outputs, name="tiny_attention")


ARCHITECTURE = Architecture(
    name="tiny-attention",
    build=build,
    preprocessing=PREPROCESSING,
    head=HEAD_LAYERS,
    feature_layer="relu3",
    grid=(4, 4),
    stages=("relu1", "relu2"),
)
