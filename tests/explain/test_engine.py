"""detector.engine: compiled once, shared, and nobody waits longer than a batch."""

import threading

import numpy as np
import pytest

from detector.explain import METHODS
from tests.support.networks import TINY, noise

PATIENCE = 60


@pytest.fixture(scope="module")
def tiny(made):
    classifier = made(TINY)
    classifier.warm_up()
    return classifier


def test_a_verdict_does_not_wait_for_a_function_that_somebody_else_compiles(tiny):
    compiling, go_on = threading.Event(), threading.Event()

    def make(network, bundle):
        compiling.set()
        assert go_on.wait(PATIENCE)
        return lambda features: {"features": features}

    thread = threading.Thread(target=tiny.engine.inside, args=(make, noise()[None]), daemon=True)
    thread.start()
    assert compiling.wait(PATIENCE)
    tiny.forward(noise()[None])
    assert thread.is_alive() and not go_on.is_set()
    go_on.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_a_verdict_comes_between_two_batches_of_a_long_explanation(tiny):
    """The explanation holds on after its first batch until the verdict is there: it could not if it kept
    the network to itself."""
    heatmaps = [tiny.explain(noise(), method) for method in METHODS]
    first, verdict, told = threading.Event(), threading.Event(), []

    def progress(*far):
        told.append(far)
        first.set()
        assert verdict.wait(PATIENCE)

    thread = threading.Thread(
        target=lambda: tiny.faithfulness(noise(), heatmaps, progress=progress), daemon=True
    )
    thread.start()
    assert first.wait(PATIENCE)
    tiny.forward(noise()[None])
    assert told == [(1, told[0][1])] and told[0][1] > 100
    verdict.set()
    thread.join(PATIENCE)
    assert told[-1][0] == told[-1][1]


def test_a_function_is_compiled_once(tiny):
    made = []

    def make(network, bundle):
        made.append(1)
        return lambda features: {"sum": features[:, 0, 0, :1]}

    for number in range(3):
        tiny.engine.inside(make, noise(seed=number)[None])
    assert made == [1]


def test_feature_map_is_the_one_before_the_head(tiny):
    import keras

    image = noise()
    found = tiny.engine.inside(lambda network, bundle: lambda features: {"features": features}, image[None])[
        "features"
    ]
    backbone = keras.Model(tiny.network.input, tiny.network.get_layer("relu3").output)
    np.testing.assert_allclose(found, backbone(image[None].astype(np.float32)).numpy(), atol=1e-5)
