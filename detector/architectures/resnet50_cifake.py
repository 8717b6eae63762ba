"""ResNet50 (He et al., CVPR 2016) for the 32 x 32 pictures of CIFAKE (Bird & Lotfi, IEEE Access 2024).

Its last map has a single cell at that size, so Grad-CAM weighs the last one that still has places, 4 x 4.
"""

from __future__ import annotations

from detector.architectures.architecture import Architecture
from detector.architectures.resnet50 import backbone
from detector.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(size=32, short_side=32, jpeg_quality=90)
HEAD_LAYERS = ("flat", "hidden1", "hidden1_norm", "dropout", "hidden2", "logit")


def build(backbone_weights=None, *, dropout=0.5):
    """See :class:`Architecture`. Flatten -> Dense 256 ReLU, batch normalisation, dropout -> Dense 128 ReLU ->
    logit."""
    import keras
    from keras import layers

    trunk = backbone(backbone_weights, PREPROCESSING.size)
    x = layers.Flatten(name="flat")(trunk.output)
    x = layers.Dense(256, activation="relu", name="hidden1")(x)
    x = layers.BatchNormalization(name="hidden1_norm")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Dense(128, activation="relu", name="hidden2")(x)
    logit = layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(trunk.input, {"logit": logit}, name="resnet50_cifake")


ARCHITECTURE = Architecture(
    name="resnet50-cifake",
    build=build,
    preprocessing=PREPROCESSING,
    head=HEAD_LAYERS,
    feature_layer="conv3_block4_out",
    grid=(4, 4),
)
