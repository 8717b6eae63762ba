"""EfficientNetB0 (Tan & Le, ICML 2019), as ``keras.applications`` has it, with a linear classifier on its
average feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.architectures.architecture import Architecture
from detector.architectures.imagenet import DEVIATION, MEAN
from detector.architectures.pooled_head import HEAD_LAYERS, attach_pooled_head
from detector.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

PREPROCESSING = Preprocessing(size=224, short_side=256, jpeg_quality=75)


def backbone(weights: str | None) -> keras.Model:
    """float32 (B, 224, 224, 3) in [0, 255], RGB -> (B, 7, 7, 1280); it scales the pixels itself. weights: as
    for ``Architecture.build``; a file holds what Keras calls "notop" weights."""
    import keras

    def untrained() -> keras.Model:
        shape = (PREPROCESSING.size, PREPROCESSING.size, 3)
        return keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=shape)

    network = untrained()
    if weights == "imagenet":
        downloaded = keras.applications.EfficientNetB0(include_top=False, weights="imagenet")
        network.set_weights(downloaded.get_weights())
    elif weights is not None:
        network.load_weights(weights)
    _standardise(network)
    return network


def _standardise(network: keras.Model) -> None:
    """Scale the pixels as ImageNet's were. Keras's own file holds deviations where the layer wants variances,
    and mends that by one more layer, in the network with ImageNet's weights alone: a bundle trained from it
    could not be loaded into one without."""
    import numpy as np

    (layer,) = (layer for layer in network.layers if layer.name.startswith("normalization"))
    layer.adapt_mean.assign(np.array(MEAN, np.float32))
    layer.adapt_variance.assign(np.array(DEVIATION, np.float32) ** 2)
    layer.finalize_state()


def build(backbone_weights=None, *, dropout=0.2):
    """See :class:`Architecture`."""
    import keras

    trunk = backbone(backbone_weights)
    outputs = attach_pooled_head(trunk.output, dropout=dropout)
    return keras.Model(trunk.input, outputs, name="efficientnetb0")


ARCHITECTURE = Architecture(
    name="efficientnetb0",
    build=build,
    preprocessing=PREPROCESSING,
    head=HEAD_LAYERS,
    feature_layer="top_activation",
    grid=(7, 7),
)
