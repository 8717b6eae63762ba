"""Does a map depend on what the network has learnt? Adebayo et al., "Sanity Checks for Saliency Maps",
NeurIPS 2018, section 3.

The head's weights are shuffled, each array within itself, in a second network; the served one is never
touched. A map that looks the same afterwards shows the picture, or what lies below the head, but not what
this classifier decides by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detector.bundle import Bundle
from detector.engine import Engine
from detector.explain.heatmap import Heatmap
from detector.explain.method import Job, Method

if TYPE_CHECKING:
    import keras

SHUFFLES = 3
SAME_ABOVE = 0.7
"""A mean rank correlation over this is called unchanged: half of the ranks' variance is the same."""


@dataclass(frozen=True)
class Sanity:
    """correlations: Spearman's rank correlation of the map with the map after each shuffle, in [-1, 1]; 0
    where a map has no ranks."""

    method: str
    correlations: tuple[float, ...]

    @property
    def correlation(self) -> float:
        """The mean over the shuffles."""
        return float(np.mean(self.correlations))

    @property
    def changed(self) -> bool:
        """Whether the map depends on the head's weights."""
        return self.correlation < SAME_ABOVE


class ShuffledHead:
    """A second network of a bundle whose head can be shuffled; building it takes seconds, so it is kept."""

    def __init__(self, bundle: Bundle):
        self.engine = Engine(bundle, compiled=False)
        self._learnt = [
            (variable, variable.numpy()) for variable in _head_variables(self.engine.network, bundle)
        ]

    def shuffle(self, seed: int) -> None:
        """Permute each array of the head within itself. What lies below it keeps what it has learnt."""
        rng = np.random.default_rng(seed)
        with self.engine.lock:
            for variable, learnt in self._learnt:
                variable.assign(rng.permutation(learnt.ravel()).reshape(learnt.shape))


def check(
    shuffled: ShuffledHead,
    job: Job,
    image: np.ndarray,
    method: Method,
    heatmap: Heatmap,
    shuffles: int = SHUFFLES,
) -> Sanity:
    """Compare ``heatmap``, the map of a model input uint8 (size, size, 3), with the maps of the shuffled
    heads.

    job: of ``shuffled.engine``. Nobody else may use ``shuffled`` meanwhile. Raises Cancelled.
    """
    job.expect(shuffles * method.pictures(heatmap.values.size))
    correlations = []
    for seed in range(shuffles):
        shuffled.shuffle(seed)
        after = method.explain(job, image, heatmap.towards)
        correlations.append(rank_correlation(heatmap.values, after.values))
    return Sanity(heatmap.method, tuple(correlations))


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of two maps of the same shape; 0 where one of them is the same
    everywhere."""
    ranks, other_ranks = _centred_ranks(first), _centred_ranks(second)
    scale = np.sqrt((ranks @ ranks) * (other_ranks @ other_ranks))
    return float(ranks @ other_ranks / scale) if scale else 0.0


def _centred_ranks(values: np.ndarray) -> np.ndarray:
    """float64 (n,): ranks with mean 0; what differs by rounding only shares a rank."""
    from scipy.stats import rankdata

    return rankdata(np.round(values.ravel(), 12)) - (values.size + 1) / 2


def _head_variables(network: keras.Model, bundle: Bundle) -> list:
    return [
        variable
        for name in bundle.architecture.head
        for variable in network.get_layer(name).weights
        if variable.shape
    ]
