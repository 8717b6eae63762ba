"""Grad-CAM: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", ICCV 2017, section 3."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from detector.architectures.attention_head import HEAD_LAYERS
from detector.explain import numpy_head
from detector.explain.head_weights import from_arrays
from detector.explain.heatmap import RELATIVE, Heatmap
from detector.explain.method import Job, Method
from detector.verdicts import Side

NAME = "grad-cam"


def grad_cam(features: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """The map of one image: float32 (gh, gw), at least 0.

    features: A, the map that the head reads, (gh, gw, C); in the paper the last convolutional one. gradient:
    of the explained output y with respect to it, same shape. With w_k = (1/Z) sum_ij dy/dA_ijk, the mean over
    the Z = gh * gw cells, the map is L_ij = ReLU(sum_k w_k A_ijk) (their equations 1, 2).
    """
    weights = gradient.mean(axis=(0, 1), dtype=np.float64)
    return np.maximum(features.astype(np.float64) @ weights, 0).astype(np.float32)


def _with_gradient(network, bundle) -> Callable:
    """The gradient of the logit at the feature map: of the whole classifier, attention and all, not of the
    backbone alone."""
    import keras
    import tensorflow as tf

    head = keras.Model(network.get_layer(bundle.architecture.feature_layer).output, network.output["logit"])

    def function(features):
        with tf.GradientTape() as tape:
            tape.watch(features)
            logit = head(features, training=False)
        gradient = tape.gradient(logit, features, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return {"features": features, "logit": logit, "gradient": gradient}

    return function


def _available(architecture) -> str | None:
    if architecture.feature_layer and architecture.tokens_have_places:
        return None
    return "This network's head reads no map of places in the picture that Grad-CAM could weigh."


def _run(job: Job, image: np.ndarray, towards: Side | None) -> Heatmap:
    features, gradient, logit = _at_features(job, image)
    towards = towards or job.engine.side(logit + job.beside)
    signed = gradient if towards == Side.AI else -gradient
    return Heatmap(grad_cam(features, signed), NAME, unit=RELATIVE, towards=towards)


def _at_features(job: Job, image: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The feature map, the logit's gradient there, and the logit. The head that architectures share is
    followed back in NumPy, any other in Keras."""
    bundle = job.engine.bundle
    if tuple(bundle.architecture.head) == HEAD_LAYERS:
        head = from_arrays(job.engine.head_weights(), bundle.residual)
        outputs = job.outputs(image, backward=True)
        if head is not None and len(outputs["attention"]) == 1:
            features = outputs["features"]
            gradient = numpy_head.gradient_at_features(features, outputs["attention"][0], head)
            return features, gradient, float(outputs["logit"][0])
    outputs = job.inside(_with_gradient, image, backward=True)
    return outputs["features"], outputs["gradient"], float(outputs["logit"][0])


METHOD = Method(
    name=NAME,
    title="Grad-CAM",
    sentence=(
        "Where features are strong that would move the verdict further the way it points: the map that the"
        " head reads, each channel weighed by the logit's mean gradient, and what points the other way cut"
        " off."
    ),
    caption="Where features speak for {side}",
    signed=False,
    pictures=lambda n: 1,
    available=_available,
    run=_run,
)
