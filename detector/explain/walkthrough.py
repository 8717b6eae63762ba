"""One photo's way through a network with an attention head, step by step, in numbers: what "How it works" shows.

The feature map comes from the network itself; what follows is recomputed here from the network's own weights, in the order and with
the formulas of ``attach_attention_head``, and compared with what the network answered. If the two differ, there is no walkthrough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from detector.architectures.attention_head import HEAD_LAYERS
from detector.bundle import Bundle
from detector.evaluation.calibration import calibrated
from detector.explain.attention_rollout import received, rollout
from detector.explain.heatmap import Heatmap
from detector.images import Photo
from detector.preprocessing import Region

if TYPE_CHECKING:
    import keras

    from detector.classifier import Classifier
    from detector.engine import Engine

TOLERANCE = 0.01
"""How far the recomputed attention, and the logit in shares of all votes for and against, may be from the network's. On a CPU they differ by less
than 1e-5; a graphics card rounds its factors to 10 bits (TF32). The steps of another network miss by far more."""


class WalkthroughError(ValueError):
    """The network cannot be walked through; the message is a sentence for the user."""


@dataclass(frozen=True)
class HeadWeights:
    """What the head has learnt, float32; C channels, m heads of d numbers each, k hidden units.

    query, key, value: (kernel (C, m, d), bias (m, d)). output: (kernel (m, d, C), bias (C,)). hidden: (kernel (C, k), bias (k,)).
    logit: (kernel (k, 1), bias (1,)). residual: whether the tokens are added to what attention gives.
    """

    query: tuple[np.ndarray, np.ndarray]
    key: tuple[np.ndarray, np.ndarray]
    value: tuple[np.ndarray, np.ndarray]
    output: tuple[np.ndarray, np.ndarray]
    hidden: tuple[np.ndarray, np.ndarray]
    logit: tuple[np.ndarray, np.ndarray]
    residual: bool


@dataclass(frozen=True, eq=False)
class Walkthrough:
    """Every intermediate array of one photo's way to its verdict; n = gh * gw tokens in row-major order, C channels, m heads of d numbers.

    Up to the scores all is the model's own. What follows is computed when asked for, with the softmax at ``temperature``: the model's own
    is 1, and ``at`` gives the same photo at another one.

    width, height: of the upright picture in the file. pixels: uint8 (H, W, 3), the photo as it was decoded. canonical: uint8 (h, w, 3).
    image: uint8 (size, size, 3), the model input. region: the part of the photo that it shows. features: float32 (gh, gw, C).
    queries, keys, values: float32 (n, m, d). scores: float32 (m, n, n), Q K^T / sqrt(d) before the softmax. weights: the head's.
    difference: the largest absolute difference between the recomputed attention or logit and the network's own.
    """

    bundle: Bundle
    width: int
    height: int
    pixels: np.ndarray = field(repr=False)
    canonical: np.ndarray = field(repr=False)
    image: np.ndarray = field(repr=False)
    region: Region
    features: np.ndarray = field(repr=False)
    queries: np.ndarray = field(repr=False)
    keys: np.ndarray = field(repr=False)
    values: np.ndarray = field(repr=False)
    scores: np.ndarray = field(repr=False)
    weights: HeadWeights = field(repr=False)
    temperature: float = 1.0
    difference: float = 0.0

    def at(self, temperature: float) -> Walkthrough:
        """The same photo with the softmax at another temperature (> 0), and everything after it recomputed."""
        return self if temperature == self.temperature else replace(self, temperature=temperature)

    @property
    def grid(self) -> tuple[int, int]:
        return self.features.shape[:2]

    @cached_property
    def tokens(self) -> np.ndarray:
        """float32 (n, C): the feature map with its rows laid end to end."""
        return self.features.reshape(-1, self.features.shape[-1])

    @cached_property
    def attention(self) -> np.ndarray:
        """float32 (m, n, n): softmax of the scores; row i is what token i attends to and sums to 1."""
        return tempered_softmax(self.scores, self.temperature)

    @cached_property
    def rolled(self) -> np.ndarray:
        """float32 (n, n): heads averaged, and half of each token left where it is if the network adds its input back."""
        return rollout(self.attention[None], self.weights.residual)

    @cached_property
    def heatmap(self) -> Heatmap:
        """What each token receives in the rollout: h_j = mean_i R_ij."""
        return received(self.rolled, self.grid)

    @cached_property
    def mixed(self) -> np.ndarray:
        """float32 (n, C): what attention gives each token, (A V) W_o + b_o."""
        kernel, bias = self.weights.output
        return np.einsum("mij,jmd,mdc->ic", self.attention, self.values, kernel, optimize=True) + bias

    @cached_property
    def attended(self) -> np.ndarray:
        """float32 (n, C): the tokens after attention, with the residual added where the network has it."""
        return self.tokens + self.mixed if self.weights.residual else self.mixed

    @cached_property
    def pooled(self) -> np.ndarray:
        """float32 (C,): the mean of the attended tokens."""
        return self.attended.mean(axis=0)

    @cached_property
    def hidden(self) -> np.ndarray:
        """float32 (k,): the hidden units after their ReLU."""
        kernel, bias = self.weights.hidden
        return np.maximum(self.pooled @ kernel + bias, 0)

    @cached_property
    def logit(self) -> float:
        kernel, bias = self.weights.logit
        return float(self.hidden @ kernel[:, 0] + bias[0])

    @property
    def y_score(self) -> float:
        """Calibrated P(AI-generated) = sigmoid(logit / the bundle's calibration temperature)."""
        return float(calibrated(self.logit, self.bundle.temperature))

    @property
    def threshold(self) -> float:
        return self.bundle.threshold

    @property
    def verdict(self) -> str:
        """"ai", "real" or "unsure"."""
        return self.bundle.verdict(self.y_score)

    # ---- whom the verdict belongs to ----

    @cached_property
    def gradient(self) -> np.ndarray:
        """float32 (C,): how the logit changes with the pooled vector; exact up to the next hidden unit that switches on or off."""
        return self.weights.hidden[0] @ (self.weights.logit[0][:, 0] * (self.hidden > 0))

    @cached_property
    def kept(self) -> np.ndarray:
        """float32 (n,): logit units each token brings by itself, through the residual; zeros in a network without one."""
        return self._kept_along(self.gradient)

    @cached_property
    def passed_on(self) -> np.ndarray:
        """float32 (n,): logit units each token brings through attention: (1/n) (sum_i A_ij) v_j W_o times the gradient."""
        return self._passed_on_along(self.gradient)

    @property
    def contributions(self) -> np.ndarray:
        """float32 (n,): each token's signed share of the logit, towards AI-generated where positive. With ``constant`` they sum to the logit."""
        return self.kept + self.passed_on

    @property
    def constant(self) -> float:
        """What no patch brings: the biases' share of the logit."""
        return self.logit - float(self.contributions.sum())

    @cached_property
    def pooled_shares(self) -> np.ndarray:
        """float32 (n,): how far each token's part of the pooled vector reaches along that vector; with the bias b_o's they sum to 1."""
        direction = self.pooled / max(float(self.pooled @ self.pooled), 1e-12)
        return self._kept_along(direction) + self._passed_on_along(direction)

    def _kept_along(self, direction: np.ndarray) -> np.ndarray:
        own = self.tokens @ direction / len(self.tokens)
        return own if self.weights.residual else np.zeros_like(own)

    def _passed_on_along(self, direction: np.ndarray) -> np.ndarray:
        taken = self.attention.sum(axis=1)  # (m, n): how much all tokens together take of each
        towards = self.weights.output[0] @ direction  # (m, d)
        return np.einsum("mj,jmd,md->j", taken, self.values, towards, optimize=True) / len(self.tokens)

    # ---- how decided the attention is ----

    @cached_property
    def entropy(self) -> np.ndarray:
        """float64 (m, n): entropy of each row of the attention, in bits; log2(n) for a perfectly even one."""
        p = self.attention.astype(np.float64)
        return -(p * np.log2(np.where(p > 0, p, 1.0))).sum(axis=-1)

    @property
    def patches_in_view(self) -> float:
        """2 to the mean entropy: among how many patches a token shares its attention, from 1 to n."""
        return float(2 ** self.entropy.mean())

    @property
    def peak(self) -> float:
        """The attention matrix's largest weight over the uniform share 1/n."""
        return float(self.attention.max() * self.attention.shape[-1])


def tempered_softmax(scores: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(scores / temperature) over the last axis; float32, same shape, rows summing to 1.

    temperature: > 0; 1 is the model's own, below it the largest score takes more, above it the rows become even. Raises ValueError otherwise.
    """
    if not temperature > 0 or not np.isfinite(temperature):
        raise ValueError(f"the softmax temperature must be a number above 0, not {temperature!r}")
    scaled = np.asarray(scores, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))  # no overflow: the largest power is 1
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)


def can_walk_through(bundle: Bundle) -> bool:
    """Whether the bundle's architecture has the one attention head that these steps describe."""
    return tuple(bundle.architecture.head) == HEAD_LAYERS


def walk_through(classifier: Classifier, photo: Photo | np.ndarray) -> Walkthrough:
    """Walk ``photo``, a :class:`Photo` or uint8 (H, W, 3) RGB, through the network. The first call per classifier compiles for some seconds.

    Raises WalkthroughError for an architecture with no attention head to show, and if the recomputed steps miss what the network answers.
    """
    bundle = classifier.bundle
    if not can_walk_through(bundle):
        raise WalkthroughError(f"The architecture {bundle.architecture.name} has no attention head whose steps could be shown.")
    pixels = photo.pixels if isinstance(photo, Photo) else photo
    height, width = (photo.height, photo.width) if isinstance(photo, Photo) else pixels.shape[:2]
    image = bundle.preprocessing(pixels)
    logits, attention = classifier.forward(image[None])
    features = classifier.engine.inside(_features, image[None])["features"][0]
    weights = _head_weights(classifier.engine)
    tokens = features.reshape(-1, features.shape[-1])
    queries, keys, values = (np.einsum("nc,cmd->nmd", tokens, kernel) + bias for kernel, bias in (weights.query, weights.key, weights.value))
    scores = np.einsum("imd,jmd->mij", queries, keys) / np.sqrt(np.float32(queries.shape[-1]))
    walk = Walkthrough(
        bundle, width, height, pixels, bundle.preprocessing.canonical(pixels), image, bundle.preprocessing.region(*pixels.shape[:2]),
        features, queries, keys, values, scores, weights,
    )  # fmt: skip
    if attention[0].shape != (1, *scores.shape):
        raise WalkthroughError("The network has attention of another shape than the steps shown here.")
    in_attention, in_logit = float(np.abs(walk.attention - attention[0, 0]).max()), abs(walk.logit - float(logits[0]))
    votes = float(np.abs(walk.hidden * weights.logit[0][:, 0]).sum() + np.abs(weights.logit[1][0]))
    if not (in_attention <= TOLERANCE and in_logit <= TOLERANCE * votes):
        raise WalkthroughError("The steps recomputed from the weights do not lead to what the network answers, so they are not shown.")
    return replace(walk, difference=max(in_attention, in_logit))


def _features(network: keras.Model, bundle: Bundle) -> Callable:
    """For ``Engine.inside``: the feature map as it is."""
    return lambda features: {"features": features}


def _head_weights(engine: Engine) -> HeadWeights:
    layer = engine.network.get_layer
    attention = layer("attention")
    parts = (attention.query_dense, attention.key_dense, attention.value_dense, attention.output_dense, layer("hidden"), layer("logit"))
    with engine.lock:
        pairs = [tuple(np.asarray(array, np.float32) for array in part.get_weights()) for part in parts]
    if any(len(pair) != 2 for pair in pairs):
        raise WalkthroughError("The network's attention head has other weights than the steps shown here.")
    return HeadWeights(*pairs, residual=bool(engine.bundle.arguments.get("residual", True)))
