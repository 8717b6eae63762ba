"""Does a map depend on what the network has learnt? Adebayo et al., "Sanity Checks for Saliency Maps",
NeurIPS 2018, section 3.

The head's weights are shuffled, each array within itself, in a second network; the served one is never
touched. A map that looks the same afterwards shows the picture, or what lies below the head, but not what
this classifier decides by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from detector.engine import Engine
from detector.explain.heatmap import Heatmap
from detector.explain.method import Job, Method
from detector.explain.other_head import OtherHead, can_exchange

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
    """A second network of a bundle whose head can be shuffled: where the served one runs compiled, its
    features under a head in NumPy, else one built in Keras, which takes seconds, so it is kept."""

    def __init__(self, served: Engine):
        if served.compiled is not None and can_exchange(served):
            head = OtherHead(served)
            self.engine: Engine = head
            self._learnt, self._put = served.head_weights(), head.exchange
        else:
            self.engine = Engine(served.bundle, compiled=False)
            variables = _head_variables(self.engine)
            self._learnt = {name: variable.numpy() for name, variable in variables.items()}
            self._put = partial(_assign, variables)

    def shuffle(self, seed: int) -> None:
        """Permute each array of the head within itself. What lies below it keeps what it has learnt."""
        rng = np.random.default_rng(seed)
        shuffled = {
            name: rng.permutation(array.ravel()).reshape(array.shape) for name, array in self._learnt.items()
        }
        with self.engine.lock:
            self._put(shuffled)


def _head_variables(engine: Engine) -> dict[str, keras.Variable]:
    layers = map(engine.network.get_layer, engine.bundle.architecture.head)
    return {variable.path: variable for layer in layers for variable in layer.weights if variable.shape}


def _assign(variables: Mapping[str, keras.Variable], arrays: Mapping[str, np.ndarray]) -> None:
    for name, variable in variables.items():
        variable.assign(arrays[name])


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
