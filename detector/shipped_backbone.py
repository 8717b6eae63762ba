"""Starting from a model that ships: its backbone, which was trained on this very task, in a new network."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from detector.architectures import Architecture
from detector.bundle import SHIPPED, SHIPPED_WEIGHTS, Bundle, BundleError, load_network, read_bundle

if TYPE_CHECKING:
    import keras


@cache
def shipped_with(backbone: str) -> Bundle | None:
    """The model that ships and stands on the backbone of that name; None if there is none, or it is not
    whole."""
    for name in SHIPPED if backbone else ():
        try:
            bundle = read_bundle(SHIPPED_WEIGHTS / name)
        except BundleError:
            continue
        if bundle.architecture.backbone == backbone:
            return bundle
    return None


def copy_shipped_backbone(network: keras.Model, architecture: Architecture) -> None:
    """Give the backbone of a new network the weights that it has in the model that ships; neck and head stay
    as they are. Raises BundleError if no such model ships, or it cannot be loaded."""
    bundle = shipped_with(architecture.backbone)
    if bundle is None:
        raise BundleError(f"No model that ships has the backbone of {architecture.name}.")
    trained = load_network(bundle)
    own = architecture.own_layers
    for layer in network.layers:
        if layer.name not in own and layer.weights:
            layer.set_weights(trained.get_layer(layer.name).get_weights())
