"""ResNet50 (He et al., CVPR 2016) with a classifier of two hidden layers on its average feature:
"RealityCheck", whose backbone stays as ImageNet left it."""

from __future__ import annotations

from detector.architectures.architecture import Architecture
from detector.architectures.resnet50 import PREPROCESSING, backbone

HIDDEN = (1000, 500)
HEAD_LAYERS = ("pooled", "hidden1", "dropout1", "hidden2", "dropout2", "logit")


def build(backbone_weights=None, *, dropout=0.5):
    """See :class:`Architecture`. 2048 -> 1000 -> 500 -> logit, each hidden layer with ReLU and dropout."""
    import keras
    from keras import layers

    trunk = backbone(backbone_weights)
    x = layers.GlobalAveragePooling2D(name="pooled")(trunk.output)
    for number, units in enumerate(HIDDEN, start=1):
        x = layers.Dense(units, activation="relu", name=f"hidden{number}")(x)
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    logit = layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(trunk.input, {"logit": logit}, name="resnet50_realitycheck")


ARCHITECTURE = Architecture(
    name="resnet50-realitycheck",
    build=build,
    preprocessing=PREPROCESSING,
    head=HEAD_LAYERS,
    feature_layer="conv5_block3_out",
    grid=(7, 7),
)
