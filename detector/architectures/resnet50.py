"""ResNet50 (He et al., CVPR 2016), as ``keras.applications`` has it, with a linear classifier on its average
feature; and the backbone that three architectures stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.architectures.architecture import Architecture
from detector.architectures.pooled_head import HEAD_LAYERS, attach_pooled_head
from detector.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

PREPROCESSING = Preprocessing(size=224, short_side=256, jpeg_quality=75)
MEAN = (123.68, 116.779, 103.939)
"""Of ImageNet's red, green and blue, which Caffe took off without scaling."""


def backbone(weights: str | None, size: int = PREPROCESSING.size) -> keras.Model:
    """float32 (B, size, size, 3) in [0, 255], RGB -> (B, size / 32, size / 32, 2048). Its weights expect
    Caffe's input, blue first and without the mean; that is done in here. weights: as for
    ``Architecture.build``."""
    import keras
    from keras import layers, ops

    pixels = layers.Input((size, size, 3))
    centred = layers.Rescaling(1.0, [-mean for mean in MEAN], name="centred")(pixels)
    network = keras.applications.ResNet50(
        include_top=False,
        weights="imagenet" if weights == "imagenet" else None,
        input_tensor=ops.flip(centred, axis=-1),
    )
    if weights not in (None, "imagenet"):
        network.load_weights(weights)
    return keras.Model(pixels, network.output)


def build(backbone_weights=None, *, dropout=0.0):
    """See :class:`Architecture`."""
    import keras

    trunk = backbone(backbone_weights)
    outputs = attach_pooled_head(trunk.output, dropout=dropout)
    return keras.Model(trunk.input, outputs, name="resnet50")


ARCHITECTURE = Architecture(
    name="resnet50",
    build=build,
    preprocessing=PREPROCESSING,
    head=HEAD_LAYERS,
    feature_layer="conv5_block3_out",
    grid=(7, 7),
)
