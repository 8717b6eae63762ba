"""A network behind a lock that serves callers in the order they came: its compiled form where there is one,
else Keras's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from detector import compiled_network
from detector.bundle import Bundle, BundleError, load_network
from detector.encoder_precision import Precision, precision_in_keras
from detector.evaluation.calibration import calibrated
from detector.fifo_lock import FifoLock
from detector.verdicts import Side

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from detector.architectures import Architecture

BATCH_SIZE = 16
"""Pictures in a pass. Each takes 8 MB with the small model that ships, 37 with the larger one, and in a pass
of 32 hardly less time."""


class Engine:
    """Runs a bundle's network. Safe to share between threads: one pass at a time, of BATCH_SIZE pictures at
    most, in the order they were asked for.

    What the network answers comes from its compiled form, where there is one; Keras and TensorFlow then start
    only for whoever asks for the network itself. bundle: whose architecture, calibration and threshold hold.
    lock: for whoever reads or changes the network's weights beside the functions here.
    """

    def __init__(self, bundle: Bundle, compiled: bool = True):
        """compiled: whether a compiled form may stand for the network; not where weights are to be changed.
        Raises BundleError."""
        self.bundle = bundle
        self.lock = FifoLock()
        self._functions: dict[Callable, Callable] = {}
        self._compile_lock, self._load_lock = threading.Lock(), threading.Lock()
        self._network: keras.Model | None = None
        self.compiled = compiled_network.load(bundle) if compiled else None
        if self.compiled is None:
            self._network = _load(bundle)

    @property
    def network(self) -> keras.Model:
        """Built and loaded from the bundle. Raises BundleError."""
        with self._load_lock:
            if self._network is None:
                self._network = _load(self.bundle)
            return self._network

    @property
    def precision(self) -> str:
        """What the encoder's matrices are multiplied in, for instance "int8"; "float32" for a network without
        an encoder. A picture's scores differ between them, mostly by a few hundredths or less."""
        if self.bundle.architecture.encoder is None:
            return str(Precision.FLOAT32)
        return precision_in_keras() if self.compiled is None else str(self.compiled.precision)

    def outputs(self, images: np.ndarray, at_once: int | None = None) -> dict[str, np.ndarray]:
        """uint8 (N, size, size, 3) model inputs -> all that the network answers, see ``Architecture``, and
        the feature map, float32 (N, gh, gw, C), as "features", where there is one. at_once: pictures in a
        pass, at most; BATCH_SIZE unless said otherwise."""
        if self.compiled is not None:
            return self._in_passes(self.compiled.outputs, images, at_once)
        return self.on_images(answering, images, at_once)

    def on_images(
        self,
        make: Callable[[keras.Model, Bundle], Callable],
        images: np.ndarray,
        at_once: int | None = None,
    ) -> dict[str, np.ndarray]:
        """A function of the input, for uint8 (N, size, size, 3) model inputs; compiled the first time.

        make(network, bundle) -> a function from those images, a uint8 TensorFlow tensor, to a dictionary of
        tensors.
        """
        function = self._on_images(make)
        return self._in_passes(lambda few: _values(function(few)), images, at_once)

    def insides(self, images: np.ndarray, at_once: int | None = None) -> dict[str, np.ndarray]:
        """As ``outputs``, and from the same pass what the architecture's entry names of the network's inside,
        float32, under the names that ``inner_outputs`` gives. The first call compiles for some seconds."""
        if self.compiled is not None:
            return self._in_passes(self.compiled.insides, images, at_once)
        return self.on_images(answering_with_insides, images, at_once)

    def forward(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """uint8 (N, size, size, 3) model inputs -> logits float32 (N,) and attention float32 (N, layers,
        heads, n, n) or None."""
        outputs = self.outputs(images)
        return outputs["logit"][:, 0], outputs.get("attention")

    def inside(
        self, make: Callable[[keras.Model, Bundle], Callable], images: np.ndarray
    ) -> dict[str, np.ndarray]:
        """A function of the feature map, the output of the architecture's ``feature_layer``, for uint8 (N,
        size, size, 3) model inputs.

        make(network, bundle) -> a function from that map, a float32 TensorFlow tensor (N, gh, gw, C), to a
        dictionary of tensors. It is compiled the first time, which is quick: the way from the picture to the
        feature map is compiled once for all of them.
        """
        features = self._on_images(_features)
        function = self._on_features(make)
        return self._in_passes(lambda few: _values(function(features(few))), images)

    def head_weights(self) -> dict[str, np.ndarray]:
        """The weights of the layers above the feature map as they are now, see the function of that name."""
        if self.compiled is not None:
            return self.compiled.head
        with self.lock:
            return head_weights(self.network, self.bundle.architecture)

    def y_score(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated P(AI-generated) of logits."""
        return calibrated(logits, self.bundle.temperature)

    def side(self, logit: float) -> Side:
        """The side of the threshold that a logit is on, unsure or not."""
        return self.bundle.side(self.bundle.y_score(logit))

    def _in_passes(
        self,
        run: Callable[[np.ndarray], dict[str, np.ndarray]],
        images: np.ndarray,
        at_once: int | None = None,
    ) -> dict[str, np.ndarray]:
        """What ``run`` answers for all of the images; others get their turn between passes."""
        at_once, passes = at_once or BATCH_SIZE, []
        for start in range(0, len(images), at_once):
            with self.lock:
                passes.append(run(images[start : start + at_once]))
        if len(passes) == 1:
            return passes[0]
        return {name: np.concatenate([each[name] for each in passes]) for name in passes[0]}

    def _on_images(self, make: Callable) -> Callable:
        size = self.bundle.preprocessing.size
        return self._compiled(make, (None, size, size, 3), "uint8")

    def _on_features(self, make: Callable) -> Callable:
        layer = self.network.get_layer(self.bundle.architecture.feature_layer)
        return self._compiled(make, layer.output.shape, "float32")

    def _compiled(self, make: Callable, shape: tuple, dtype: str) -> Callable:
        """``make``'s function, compiled once; without the lock, so that nobody waits for a function that
        somebody else asked for."""
        if known := self._functions.get(make):
            return known
        import tensorflow as tf

        with self._compile_lock:
            if make not in self._functions:
                signature = [tf.TensorSpec(shape, dtype)]
                function = tf.function(make(self.network, self.bundle), signature, autograph=False)
                self._functions[make] = function.get_concrete_function()
            return self._functions[make]


def _values(tensors: dict[str, tf.Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def _load(bundle: Bundle) -> keras.Model:
    import keras

    if keras.config.backend() != "tensorflow":
        raise BundleError(
            f"Keras is set to run on {keras.config.backend()}; the classifier needs KERAS_BACKEND=tensorflow."
        )
    return load_network(bundle)


def with_features(network: keras.Model, architecture: Architecture) -> keras.Model:
    """``network`` with its feature map, where it has one, as one more output, "features"."""
    import keras

    if not architecture.feature_layer:
        return network
    features = network.get_layer(architecture.feature_layer).output
    return keras.Model(network.input, {**network.output, compiled_network.FEATURES: features})


def head_weights(network: keras.Model, architecture: Architecture) -> dict[str, np.ndarray]:
    """The weights of the layers above the feature map, float32, by their place in the head, for instance
    "attention/query/kernel"."""
    layers = [layer for layer in network.layers if layer.name in architecture.head]
    return {
        _place(layer, variable): np.asarray(variable, np.float32)
        for layer in layers
        for variable in layer.weights
    }


def _place(layer: keras.Layer, variable: keras.Variable) -> str:
    """Where a variable is in a layer of the head. What Keras calls its path may lack the layer's name, or
    begin with more, by where and when the network was built."""
    parts = variable.path.split("/")
    inside = parts[parts.index(layer.name) + 1 :] if layer.name in parts else parts
    return "/".join([layer.name, *inside])


def inner_outputs(network: keras.Model, architecture: Architecture) -> dict[str, keras.KerasTensor]:
    """What How it works opens: of a convolutional backbone the maps of its stages by their layers' names; of
    a transformer "tokens", (B, t, C), as its first block reads them, "scores/0", "scores/1" and so on, (B,
    heads, t, t), the attention of each block, and, where it is an encoder, "class_tokens", (B, k, C)."""
    layer = network.get_layer
    inner = {name: layer(name).output for name in architecture.stages}
    if blocks := architecture.blocks:
        inner["tokens"] = layer(blocks.tokens).output
        inner |= {f"scores/{number}": layer(name).output[1] for number, name in enumerate(blocks.attention)}
    if architecture.encoder:
        inner["class_tokens"] = layer(architecture.encoder.layer).input
    return inner


def answering(network: keras.Model, bundle: Bundle) -> Callable:
    """uint8 TensorFlow tensor (N, size, size, 3) -> what ``Engine.outputs`` gives, as float32 tensors."""
    return _in_float32(with_features(network, bundle.architecture))


def answering_with_insides(network: keras.Model, bundle: Bundle) -> Callable:
    """The same for ``Engine.insides``."""
    import keras

    whole = with_features(network, bundle.architecture)
    inner = inner_outputs(network, bundle.architecture)
    return _in_float32(keras.Model(network.input, {**whole.output, **inner}))


def _in_float32(network: keras.Model) -> Callable:
    import tensorflow as tf

    def answers(images: tf.Tensor) -> dict[str, tf.Tensor]:
        values = network(tf.cast(images, tf.float32), training=False)
        return {name: tf.cast(value, tf.float32) for name, value in values.items()}

    return answers


def _features(network: keras.Model, bundle: Bundle) -> Callable:
    import keras
    import tensorflow as tf

    backbone = keras.Model(network.input, network.get_layer(bundle.architecture.feature_layer).output)

    def features(images: tf.Tensor) -> tf.Tensor:
        maps = backbone(tf.cast(images, tf.float32), training=False)
        return tf.cast(maps, tf.float32)

    return features
