"""A picture's tokens through a network's attention head, recomputed from the head's own weights in the order
and with the formulas of ``attach_attention_head``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from detector.explain.attention_rollout import rollout
from detector.explain.head_weights import HeadWeights
from detector.explain.heatmap import Heatmap
from detector.explain.picture_walk import PictureWalk, shares


@dataclass(frozen=True, eq=False, kw_only=True)
class Walkthrough(PictureWalk):
    """Every intermediate array of one photo's way through an attention head; n = gh * gw tokens in row-major
    order, C channels, m heads of d numbers. The tokens are patches of the picture or, where a transformer's
    blocks come before, its class token after some of them.

    Up to the scores all is the model's own. What follows is computed when asked for, with the softmax at
    ``temperature``: the model's own is 1, and ``at`` gives the same photo at another one.

    features: float32 (gh, gw, C). queries, keys, values: float32 (n, m, d). scores: float32 (m, n, n),
    Q K^T / sqrt(d) before the softmax. weights: the head's.
    """

    features: np.ndarray = field(repr=False)
    queries: np.ndarray = field(repr=False)
    keys: np.ndarray = field(repr=False)
    values: np.ndarray = field(repr=False)
    scores: np.ndarray = field(repr=False)
    weights: HeadWeights = field(repr=False)
    temperature: float = 1.0

    def at(self, temperature: float) -> Walkthrough:
        """The same photo with the softmax at another temperature (> 0), and everything after it
        recomputed."""
        return self if temperature == self.temperature else replace(self, temperature=temperature)

    @property
    def grid(self) -> tuple[int, int]:
        height, width = self.features.shape[:2]
        return height, width

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
        """float32 (n, n): heads averaged, and half of each token left where it is if the network adds its
        input back."""
        return rollout(self.attention[None], self.weights.residual)

    @cached_property
    def received(self) -> np.ndarray:
        """float32 (n,), sum 1: what each token receives in the rollout, h_j = mean_i R_ij."""
        return self.rolled.mean(axis=0)

    @cached_property
    def heatmap(self) -> Heatmap:
        """What each patch of the picture receives. Of class tokens it is carried on through the blocks below
        them."""
        if self.blocks is None:
            return shares(self.received, self.grid)
        return shares(self.received @ self.blocks.rows[list(self.blocks.read)], self.blocks.grid)

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

    @property
    def logit(self) -> float:
        """Recomputed, at this temperature."""
        kernel, bias = self.weights.logit
        return float(self.hidden @ kernel[:, 0] + bias[0])

    # ---- whom the verdict belongs to ----

    @cached_property
    def gradient(self) -> np.ndarray:
        """float32 (C,): how the logit changes with the pooled vector; exact up to the next hidden unit
        that switches on or off."""
        kernel, _ = self.weights.hidden
        votes, _ = self.weights.logit
        return kernel @ (votes[:, 0] * (self.hidden > 0))

    @cached_property
    def kept(self) -> np.ndarray:
        """float32 (n,): logit units each token brings by itself, through the residual; zeros in a network
        without one."""
        return self._kept_along(self.gradient)

    @cached_property
    def passed_on(self) -> np.ndarray:
        """float32 (n,): logit units each token brings through attention: (1/n) (sum_i A_ij) v_j W_o times
        the gradient."""
        return self._passed_on_along(self.gradient)

    @property
    def contributions(self) -> np.ndarray:
        """float32 (n,): each token's signed share of the logit, towards AI-generated where positive. With
        ``constant`` they sum to the logit."""
        return self.kept + self.passed_on

    @property
    def constant(self) -> float:
        """What no patch brings: the biases' share of the logit."""
        return self.logit - float(self.contributions.sum())

    @cached_property
    def pooled_shares(self) -> np.ndarray:
        """float32 (n,): how far each token's part of the pooled vector reaches along that vector; with the
        bias b_o's they sum to 1."""
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
        bits = np.log2(np.where(p > 0, p, 1.0))
        return -(p * bits).sum(axis=-1)

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

    temperature: > 0; 1 is the model's own, below it the largest score takes more, above it the rows become
    even. Raises ValueError otherwise.
    """
    if not temperature > 0 or not np.isfinite(temperature):
        raise ValueError(f"the softmax temperature must be a number above 0, not {temperature!r}")
    scaled = np.asarray(scores, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))  # no overflow: the largest power is 1
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)
