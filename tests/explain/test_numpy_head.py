"""The head's gradient in NumPy is the one that TensorFlow's tape gives."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from detector.engine import _place
from detector.explain.head_weights import from_arrays
from detector.explain.numpy_head import gradient_at_features
from tests.support.networks import PLAIN_NETWORK, TINY, noise


def by_tape(classifier, features: np.ndarray) -> np.ndarray:
    """float32 (gh, gw, C): the logit's gradient at the feature map."""
    import keras
    import tensorflow as tf

    network, layer = classifier.network, classifier.bundle.architecture.feature_layer
    head = keras.Model(network.get_layer(layer).output, network.output["logit"])
    at = tf.constant(features[None])
    with tf.GradientTape() as tape:
        tape.watch(at)
        logit = head(at, training=False)
    return tape.gradient(logit, at).numpy()[0]


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("heads", [1, 4])
def test_gradient_is_that_of_the_tape(made, heads, residual):
    classifier = made(TINY, heads=heads, residual=residual, seed=10 + heads)
    outputs = {name: values[0] for name, values in classifier.engine.outputs(noise()[None]).items()}
    head = from_arrays(classifier.engine.head_weights(), residual)
    found = gradient_at_features(outputs["features"], outputs["attention"][0], head)
    expected = by_tape(classifier, outputs["features"])
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_another_head_is_none_of_these(made):
    classifier = made(PLAIN_NETWORK, lambda network: None)
    assert from_arrays(classifier.engine.head_weights(), residual=True) is None


@pytest.mark.parametrize("path", ["attention_output/kernel", "model/attention/attention_output/kernel"])
def test_a_weight_is_found_by_its_place_whatever_keras_calls_it(path):
    """Networks that are built in a thread have had both."""
    kernel = SimpleNamespace(path=path)
    assert _place(SimpleNamespace(name="attention"), kernel) == "attention/attention_output/kernel"
