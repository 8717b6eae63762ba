"""EfficientNetV2B0 (Tan & Le, ICML 2021), pretrained on ImageNet, with self-attention over its 7 x 7
feature map."""

from __future__ import annotations

from detector.architectures.architecture import Architecture
from detector.architectures.attention_head import HEAD_LAYERS, attach_attention_head
from detector.architectures.efficientnetv2b0 import NAME, PREPROCESSING, STAGES, backbone


def build(backbone_weights=None, *, heads=1, key_dim=128, residual=True, hidden=64, dropout=0.6):
    """See :class:`Architecture`."""
    import keras

    trunk = backbone(backbone_weights)
    outputs = attach_attention_head(
        trunk.output, heads=heads, key_dim=key_dim, residual=residual, hidden=hidden, dropout=dropout
    )
    return keras.Model(trunk.input, outputs, name="efficientnetv2b0_attention")


ARCHITECTURE = Architecture(
    name="efficientnetv2b0-attention",
    build=build,
    preprocessing=PREPROCESSING,
    head=HEAD_LAYERS,
    backbone=NAME,
    feature_layer="top_activation",
    grid=(7, 7),
    stages=STAGES,
)
