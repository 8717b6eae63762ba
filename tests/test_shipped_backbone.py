"""A new network that starts from the backbone of a model that ships."""

import numpy as np
import pytest

from detector import architectures
from detector.bundle import BundleError, load_network
from detector.shipped_backbone import copy_shipped_backbone, shipped_with
from train.recipes import RecipeError, load_recipe


def test_the_backbone_is_that_of_the_shipped_model_and_the_rest_is_new():
    architecture = architectures.get("efficientnetv2b0-multilevel-attention")
    network = architecture.build(None)
    before = {layer.name: layer.get_weights() for layer in network.layers}
    copy_shipped_backbone(network, architecture)
    shipped = load_network(shipped_with("efficientnetv2b0"))
    for layer in filter(lambda layer: layer.weights, network.layers):
        own = layer.name in architecture.neck + architecture.head
        expected = before[layer.name] if own else shipped.get_layer(layer.name).get_weights()
        for now, then in zip(layer.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(now, then)


def test_an_architecture_that_no_shipped_model_shares_its_backbone_with_is_refused():
    tiny = architectures.get("tiny-attention")
    with pytest.raises(BundleError, match="No model that ships has the backbone of tiny-attention"):
        copy_shipped_backbone(tiny.build(None), tiny)
    with pytest.raises(RecipeError, match="backbone_weights must be imagenet, none or a file"):
        load_recipe("tiny-attention", ["backbone_weights=shipped"])
    assert load_recipe("efficientnetv2b0-attention", ["backbone_weights=shipped"])
