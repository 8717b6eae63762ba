"""A network, compiled, behind a lock that lets callers take turns."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from detector.bundle import Bundle, BundleError, load_network
from detector.evaluation.calibration import calibrated
from detector.turns import Turns

if TYPE_CHECKING:
    import keras

BATCH_SIZE = 32


class Engine:
    """Runs a bundle's network. Safe to share between threads: one batch at a time, in the order they were asked for.

    bundle: whose architecture, calibration and threshold hold. network: built and loaded from it.
    lock: for whoever reads or changes the network's weights beside the functions here. Raises BundleError.
    """

    def __init__(self, bundle: Bundle):
        import keras

        if keras.config.backend() != "tensorflow":
            raise BundleError(f"Keras is set to run on {keras.config.backend()}; the classifier needs KERAS_BACKEND=tensorflow.")
        self.bundle = bundle
        self.network = load_network(bundle)
        self.lock = Turns()
        self._functions: dict[Callable, Callable] = {}
        self._compiling = threading.Lock()

    def forward(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """uint8 (N, size, size, 3) model inputs -> logits float32 (N,) and attention float32 (N, layers, heads, n, n) or None."""
        function = self._on_images(_whole)
        with self.lock:
            outputs = {name: value.numpy() for name, value in function(images).items()}
        return outputs["logit"][:, 0], outputs.get("attention")

    def inside(self, make: Callable[[keras.Model, Bundle], Callable], images: np.ndarray) -> dict[str, np.ndarray]:
        """A function of the feature map, the output of the architecture's ``feature_layer``, for uint8 (N, size, size, 3) model inputs.

        make(network, bundle) -> a function from that map, a float32 TensorFlow tensor (N, gh, gw, C), to a dictionary of tensors. It is
        compiled the first time, which is quick: the way from the picture to the feature map is compiled once for all of them.
        """
        features, function = self._on_images(_features), self._on_features(make)
        with self.lock:
            return {name: value.numpy() for name, value in function(features(images)).items()}

    def y_score(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated P(AI-generated) of logits."""
        return calibrated(logits, self.bundle.temperature)

    def side(self, logit: float) -> str:
        """"ai" or "real": the side of the threshold that a logit is on, unsure or not."""
        return "ai" if self.y_score(logit) >= self.bundle.threshold else "real"

    def _on_images(self, make: Callable) -> Callable:
        size = self.bundle.preprocessing.size
        return self._compiled(make, (None, size, size, 3), "uint8")

    def _on_features(self, make: Callable) -> Callable:
        return self._compiled(make, self.network.get_layer(self.bundle.architecture.feature_layer).output.shape, "float32")

    def _compiled(self, make: Callable, shape: tuple, dtype: str) -> Callable:
        """``make``'s function, compiled once; without the lock, so that nobody waits for a function that somebody else asked for."""
        if known := self._functions.get(make):
            return known
        import tensorflow as tf

        with self._compiling:
            if make not in self._functions:
                function = tf.function(make(self.network, self.bundle), [tf.TensorSpec(shape, dtype)], autograph=False)
                self._functions[make] = function.get_concrete_function()
            return self._functions[make]


def _whole(network: keras.Model, bundle: Bundle) -> Callable:
    import tensorflow as tf

    return lambda images: network(tf.cast(images, tf.float32), training=False)


def _features(network: keras.Model, bundle: Bundle) -> Callable:
    import keras
    import tensorflow as tf

    backbone = keras.Model(network.input, network.get_layer(bundle.architecture.feature_layer).output)
    return lambda images: tf.cast(backbone(tf.cast(images, tf.float32), training=False), tf.float32)
