"""Networks small enough to know what every method must find in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detector import architectures
from detector.architectures import Architecture
from detector.architectures.attention_head import HEAD_LAYERS, attach_attention_head
from detector.preprocessing import Preprocessing

PLANTED = 6
"""The patch, row 1 and column 2 of 4 x 4, that the planted network looks at; to all others it is blind."""


def randomise(network, seed: int) -> None:
    """Every array drawn from numpy's generator, biases as well: only what is not zero can be forgotten."""
    rng = np.random.default_rng(seed)
    for variable in network.weights:
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(np.ones(variable.shape))
        elif variable.shape and "seed" not in variable.path:
            variable.assign(rng.normal(0, 1.5 / np.sqrt(max(1, np.prod(variable.shape[:-1]))), variable.shape))


def noise(size: int = 32, seed: int = 0) -> np.ndarray:
    """uint8 (size, size, 3), every pixel by chance: a picture that blurring changes everywhere."""
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def exactly(size: int) -> Preprocessing:
    """Preprocessing that leaves a picture of that size as it is."""
    return Preprocessing(size, size, None)


# ---- a network that looks at one patch -------------------------------------------------------------------------------------


def _build_planted(backbone_weights=None):
    import keras
    from keras import layers

    seen = np.zeros((4, 4, 1), np.float32)
    seen.ravel()[PLANTED] = 1
    inputs = layers.Input((32, 32, 3))
    x = layers.AveragePooling2D(8)(layers.Rescaling(1 / 255)(inputs))
    x = layers.Rescaling(seen, name="features")(x)  # zero everywhere else: the network is blind there
    return keras.Model(inputs, attach_attention_head(x, heads=1, key_dim=1, residual=True, hidden=1, dropout=0.0))


def set_planted(network) -> None:
    """Attention goes to bright tokens; a bright one gives a high logit, darkness a low one."""
    one, zero = np.ones((3, 1, 1)), np.zeros((1, 1))
    attention = network.get_layer("attention")
    attention.query_dense.set_weights([0 * one, zero + 1])
    attention.key_dense.set_weights([one * 4, zero])
    attention.value_dense.set_weights([one, zero])
    attention.output_dense.set_weights([np.ones((1, 1, 3)), np.zeros(3)])
    network.get_layer("hidden").set_weights([np.ones((3, 1)), np.zeros(1)])
    network.get_layer("logit").set_weights([np.full((1, 1), 1.0), np.full(1, -6.0)])


PLANTED_NETWORK = Architecture("planted", _build_planted, exactly(32), HEAD_LAYERS, "features", (4, 4), {})


# ---- networks that not every method can explain ----------------------------------------------------------------------------


def _build_plain(backbone_weights=None):
    import keras
    from keras import layers

    inputs = layers.Input((24, 24, 3))
    x = layers.Conv2D(2, 8, strides=8, name="features")(layers.Rescaling(1 / 255)(inputs))
    logit = layers.Dense(1, name="logit")(layers.GlobalAveragePooling2D(name="pooled")(x))
    return keras.Model(inputs, {"logit": logit})


PLAIN_NETWORK = Architecture("plain", _build_plain, exactly(24), ("pooled", "logit"), "features", (3, 3), {})
"""No attention: 3 x 3 cells, average, logit."""


def _build_two_layers(backbone_weights=None):
    import keras
    from keras import layers

    inputs = layers.Input((32, 32, 3))
    x = layers.Conv2D(4, 8, strides=8, name="features")(layers.Rescaling(1 / 255)(inputs))
    tokens = layers.Reshape((16, 4), name="tokens")(x)
    first, scores = layers.MultiHeadAttention(2, 3, name="first")(tokens, tokens, return_attention_scores=True)
    x = layers.Add(name="added")([tokens, first])
    second, more = layers.MultiHeadAttention(2, 3, name="attention")(x, x, return_attention_scores=True)
    x = layers.GlobalAveragePooling1D(name="pooled")(layers.Add(name="attended")([x, second]))
    x = layers.Dense(3, activation="relu", name="hidden")(x)
    attention = layers.Reshape((2, 2, 16, 16), name="attention_scores")(layers.Concatenate(axis=1, name="both")([scores, more]))
    return keras.Model(inputs, {"logit": layers.Dense(1, name="logit")(x), "attention": attention})


TWO_LAYERS = Architecture(
    "two-layers", _build_two_layers, exactly(32), ("tokens", "first", "added", "both", *(name for name in HEAD_LAYERS if name != "dropout")),
    "features", (4, 4), {},
)  # fmt: skip
"""Two attention layers of two heads."""

TINY = architectures.get("tiny-attention")
NETWORKS = {**architectures.ARCHITECTURES, "plain": PLAIN_NETWORK, "two-layers": TWO_LAYERS}


def posing_as_one_layer() -> Architecture:
    """Two layers under the names of one: what an architecture's entry does not say, its network does."""
    return replace(TWO_LAYERS, name="posing", head=HEAD_LAYERS)
