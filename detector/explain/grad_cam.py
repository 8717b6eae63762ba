"""Grad-CAM: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017, section 3."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from detector.explain.heatmap import RELATIVE, Heatmap
from detector.explain.method import Job, Method

NAME = "grad-cam"


def grad_cam(features: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """The map of one image: float32 (gh, gw), at least 0.

    features: A, the map that the head reads, (gh, gw, C); in the paper the last convolutional one. gradient: of the explained output y with
    respect to it, same shape.
    With w_k = (1/Z) sum_ij dy/dA_ijk, the mean over the Z = gh * gw cells, the map is L_ij = ReLU(sum_k w_k A_ijk) (their equations 1, 2).
    """
    weights = gradient.mean(axis=(0, 1), dtype=np.float64)
    return np.maximum(features.astype(np.float64) @ weights, 0).astype(np.float32)


def _with_gradient(network, bundle) -> Callable:
    """The gradient of the logit at the feature map: of the whole classifier, attention and all, not of the backbone alone."""
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
    return None if architecture.feature_layer else "This network has no convolutional map for Grad-CAM to weigh."


def _run(job: Job, image: np.ndarray, towards: str | None) -> Heatmap:
    outputs = job.inside(_with_gradient, image, backward=True)
    towards = towards or job.engine.side(float(outputs["logit"][0]))
    gradient = outputs["gradient"] if towards == "ai" else -outputs["gradient"]
    return Heatmap(grad_cam(outputs["features"], gradient), NAME, unit=RELATIVE, towards=towards)


METHOD = Method(
    NAME,
    "Grad-CAM",
    "Where features are strong that would move the verdict further the way it points: the map that the head reads, each channel weighed by "
    "the logit's mean gradient, and what points the other way cut off.",
    signed=False,
    pictures=lambda n: 1,
    available=_available,
    run=_run,
)
