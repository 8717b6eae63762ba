"""EfficientNetV2B0 (Tan & Le, ICML 2021), pretrained on ImageNet, with self-attention over its 7 x 7 feature map."""

from __future__ import annotations

from detector.architectures.architecture import Architecture
from detector.architectures.attention_head import HEAD_LAYERS, attach_attention_head
from detector.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(size=224, short_side=256, jpeg_quality=75)


def build(backbone_weights=None, *, heads=1, key_dim=128, residual=True, hidden=64, dropout=0.6):
    """See :class:`Architecture`. The Keras backbone scales the pixels itself."""
    import keras

    size = PREPROCESSING.size
    backbone = keras.applications.EfficientNetV2B0(
        include_top=False, weights="imagenet" if backbone_weights == "imagenet" else None, input_shape=(size, size, 3)
    )
    if backbone_weights not in (None, "imagenet"):
        backbone.load_weights(backbone_weights)
    outputs = attach_attention_head(backbone.output, heads=heads, key_dim=key_dim, residual=residual, hidden=hidden, dropout=dropout)
    return keras.Model(backbone.input, outputs, name="efficientnetv2b0_attention")


ARCHITECTURE = Architecture(
    name="efficientnetv2b0-attention",
    build=build,
    preprocessing=PREPROCESSING,
    head=HEAD_LAYERS,
    feature_layer="top_activation",
    grid=(7, 7),
    arguments={"heads": 1, "key_dim": 128, "residual": True, "hidden": 64, "dropout": 0.6},
)
