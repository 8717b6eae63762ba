"""An engine whose attention head has other weights than its network's, in NumPy: nothing is built for it, and
TensorFlow is not started."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from detector.compiled_network import FEATURES
from detector.engine import Engine
from detector.explain import numpy_head
from detector.explain.attention_rollout import rollout
from detector.explain.block_walk import block_walk
from detector.explain.head_weights import from_arrays
from detector.explain.picture_walk import shares
from detector.explain.walkthrough import has_head


def can_exchange(served: Engine) -> bool:
    """Whether ``OtherHead`` can stand for that engine's network."""
    bundle = served.bundle
    return has_head(bundle.architecture) and from_arrays(served.head_weights(), bundle.residual) is not None


class OtherHead(Engine):
    """Answers as ``served`` would with another head, at first its own. For networks whose head is the one
    that ``head_weights`` describes; raises ValueError for others."""

    def __init__(self, served: Engine):
        self.bundle, self.lock, self._served = served.bundle, served.lock, served
        self.exchange(served.head_weights())

    def exchange(self, weights: Mapping[str, np.ndarray]) -> None:
        """From now on with these weights, by name as ``Engine.head_weights`` has them."""
        head = from_arrays(weights, self.bundle.residual)
        if head is None:
            raise ValueError("only the attention head that architectures share can be exchanged so")
        self._weights, self._head = dict(weights), head

    def forward(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        features = self._served.outputs(images)[FEATURES]
        logits, attention = numpy_head.forward(features, self._head)
        return logits, attention[:, None]

    def outputs(self, images: np.ndarray, at_once: int | None = None) -> dict[str, np.ndarray]:
        architecture = self.bundle.architecture
        look = self._served.insides if architecture.encoder else self._served.outputs
        below = look(images, at_once)
        logits, attention = numpy_head.forward(below[FEATURES], self._head)
        answers = {"logit": logits[:, None], "attention": attention[:, None], FEATURES: below[FEATURES]}
        if architecture.encoder:
            answers["relevance"] = self._relevance(below, attention)
        return answers

    def head_weights(self) -> dict[str, np.ndarray]:
        return self._weights

    def _relevance(self, below: Mapping[str, np.ndarray], attention: np.ndarray) -> np.ndarray:
        """float32 (N, gh, gw), sum 1: what the head's tokens receive, carried on down the encoder's
        blocks."""
        blocks = self.bundle.architecture.blocks
        assert blocks is not None, "an encoder's entry names its blocks"
        maps = []
        for number, of_heads in enumerate(attention):
            walk = block_walk(blocks, {name: values[number] for name, values in below.items()})
            received = rollout(of_heads[None], self.bundle.residual).mean(axis=0)
            maps.append(shares(received @ walk.rows[list(walk.read)], blocks.grid).values)
        return np.stack(maps)
