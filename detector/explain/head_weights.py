"""The weights of the attention head that architectures share, for those who follow it in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import DTypeLike

Layer = tuple[np.ndarray, np.ndarray]
"""A kernel and its bias."""


@dataclass(frozen=True)
class HeadWeights:
    """What ``detector.architectures.attention_head`` has learnt: C channels, m heads of d values each, k
    hidden units.

    query, key, value: (C, m, d), (m, d). output: (m, d, C), (C,). hidden: (C, k), (k,). logit: (k, 1), (1,).
    residual: are the tokens added to what attention makes of them?
    """

    query: Layer
    key: Layer
    value: Layer
    output: Layer
    hidden: Layer
    logit: Layer
    residual: bool


def from_arrays(
    weights: Mapping[str, np.ndarray], residual: bool, dtype: DTypeLike = np.float64
) -> HeadWeights | None:
    """The head whose arrays are named by their place, as ``Engine.head_weights`` does it, all of
    ``dtype``; None for another head."""

    def layer(path: str) -> Layer:
        return weights[f"{path}/kernel"].astype(dtype), weights[f"{path}/bias"].astype(dtype)

    try:
        return HeadWeights(
            query=layer("attention/query"),
            key=layer("attention/key"),
            value=layer("attention/value"),
            output=layer("attention/attention_output"),
            hidden=layer("hidden"),
            logit=layer("logit"),
            residual=residual,
        )
    except KeyError:
        return None
