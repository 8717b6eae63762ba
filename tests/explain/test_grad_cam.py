"""Grad-CAM as in the paper, on 3 x 3 cells small enough to do by hand."""

import numpy as np
import pytest

from detector.explain.grad_cam import grad_cam
from tests.support.networks import PLAIN_NETWORK, TINY, noise

A = np.stack([[[1, 0, 0], [0, 2, 0], [0, 0, 3]], [[0, 1, 0], [1, 0, 1], [0, 1, 0]]], axis=-1).astype(
    np.float32
)
"""Two channels: a diagonal 1, 2, 3, and the four cells beside the middle."""


def test_channels_are_weighed_by_their_mean_gradient_and_the_negative_part_is_cut_off():
    gradient = np.stack([np.full((3, 3), 0.5), [[-9, 0, 0], [0, 0, 0], [0, 0, 0]]], axis=-1).astype(
        np.float32
    )
    # weights 0.5 and -9/9 = -1: 0.5 * (1, 2, 3) on the diagonal; -1 beside the middle becomes 0
    np.testing.assert_allclose(grad_cam(A, gradient), [[0.5, 0, 0], [0, 1, 0], [0, 0, 1.5]])


def test_the_other_side_is_the_other_sign_of_the_gradient():
    gradient = np.stack([np.full((3, 3), 0.5), np.full((3, 3), -1.0)], axis=-1).astype(np.float32)
    np.testing.assert_allclose(grad_cam(A, -gradient), [[0, 1, 0], [1, 0, 1], [0, 1, 0]])


@pytest.fixture(scope="module")
def plain(made):
    """3 x 3 cells, average, logit = 18 m_0 - 9 m_1 + 1000 with m the means: the gradient is 2 and -1 in
    every cell."""

    def set_weights(network):
        rng = np.random.default_rng(0)
        network.get_layer("features").set_weights([rng.normal(0, 1, (8, 8, 3, 2)), np.zeros(2)])
        network.get_layer("logit").set_weights([np.array([[18.0], [-9.0]]), np.array([1000.0])])

    return made(PLAIN_NETWORK, set_weights)


def features(classifier, photo) -> np.ndarray:
    """(3, 3, 2): the convolution written out, a dot product per cell."""
    kernel = classifier.network.get_layer("features").get_weights()[0].astype(np.float64)
    cells = (photo / 255).reshape(3, 8, 3, 8, 3)
    return np.einsum("rhcwk,hwkf->rcf", cells, kernel)


def test_a_linear_network_by_hand(plain):
    photo = noise(24)
    heatmap = plain.explain(photo, "grad-cam")
    assert heatmap.towards == "ai", "the bias of 1000 decides"
    np.testing.assert_allclose(
        heatmap.values, np.maximum(features(plain, photo) @ [2, -1], 0), rtol=1e-4, atol=1e-4
    )


def test_towards_real_by_hand(plain):
    photo = noise(24)
    heatmap = plain.explain(photo, "grad-cam", towards="real")
    assert heatmap.towards == "real"
    np.testing.assert_allclose(
        heatmap.values, np.maximum(features(plain, photo) @ [-2, 1], 0), rtol=1e-4, atol=1e-4
    )


def test_gradient_goes_through_the_attention(made):
    """Of the whole classifier: the logit's gradient agrees with what nudging the feature map does to the
    head."""
    import keras

    classifier, photo = made(TINY, seed=3), noise(seed=3)
    network = classifier.network
    inside = keras.Model(network.input, network.get_layer("relu3").output)
    head = keras.Model(network.get_layer("relu3").output, network.output["logit"])
    at = inside(classifier.bundle.preprocessing(photo)[None].astype(np.float32)).numpy().astype(np.float64)[0]
    weights = np.zeros(at.shape[-1])
    for channel in range(
        at.shape[-1]
    ):  # mean over cells of dy/dA: half the difference over all cells, by their number
        step = np.zeros_like(at)
        step[..., channel] = 1e-2
        up, down = (float(head((at + sign * step)[None].astype(np.float32))[0, 0]) for sign in (1, -1))
        weights[channel] = (up - down) / 2e-2 / 16
    expected = np.maximum(at @ weights, 0)
    np.testing.assert_allclose(
        classifier.explain(photo, "grad-cam", towards="ai").values, expected, atol=0.05 * expected.max()
    )
