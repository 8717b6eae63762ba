"""EfficientNetV2B0 (Tan & Le, ICML 2021), pretrained on ImageNet, with self-attention over what five of its
levels see in each patch.

The last blocks of a classifier know what a picture shows; how its surfaces look, which tells more about the
origin of pictures from elsewhere, is kept further below (RINE, Koutlis & Papadopoulos, ECCV 2024, who read
the intermediate blocks of CLIP).
"""

from __future__ import annotations

from detector.architectures.architecture import Architecture
from detector.architectures.attention_head import HEAD_LAYERS, attach_attention_head
from detector.architectures.efficientnetv2b0 import NAME, PREPROCESSING, STAGES, backbone

GRID = (7, 7)
LEVELS = {
    "block2b_add": "level2",
    "block3b_add": "level3",
    "block4c_add": "level4",
    "block5e_add": "level5",
    "top_activation": "level6",
}
"""The backbone's maps: 56 x 56 x 32, 28 x 28 x 48, 14 x 14 x 96, 14 x 14 x 112 and, the last, 7 x 7 x
1280."""
NECK_LAYERS = (
    *(f"{level}_{part}" for level in LEVELS.values() for part in ("patches", "norm", "projected")),
    "features",
)


def build(backbone_weights=None, *, heads=4, key_dim=64, residual=True, hidden=64, dropout=0.6, channels=64):
    """See :class:`Architecture`. Each level is averaged over the patches of a 7 x 7 grid and brought to
    ``channels`` features a patch by a dense layer of its own; a token is all of them, end to end."""
    import keras
    from keras import layers

    trunk = backbone(backbone_weights)
    projected = []
    for layer, level in LEVELS.items():
        x = trunk.get_layer(layer).output
        _, height, width, _ = x.shape
        patch = (height // GRID[0], width // GRID[1])
        x = layers.AveragePooling2D(patch, name=f"{level}_patches")(x)
        x = layers.BatchNormalization(name=f"{level}_norm")(x)
        projected.append(layers.Dense(channels, activation="swish", name=f"{level}_projected")(x))
    features = layers.Concatenate(name="features")(projected)
    outputs = attach_attention_head(
        features, heads=heads, key_dim=key_dim, residual=residual, hidden=hidden, dropout=dropout
    )
    return keras.Model(trunk.input, outputs, name="efficientnetv2b0_multilevel_attention")


ARCHITECTURE = Architecture(
    name="efficientnetv2b0-multilevel-attention",
    build=build,
    preprocessing=PREPROCESSING,
    neck=NECK_LAYERS,
    head=HEAD_LAYERS,
    backbone=NAME,
    feature_layer="features",
    grid=GRID,
    stages=STAGES,
)
