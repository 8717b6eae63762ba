"""Attention rollout: Abnar & Zuidema, "Quantifying Attention Flow in Transformers", ACL 2020, section 3."""

from __future__ import annotations

import numpy as np

from detector.explain.heatmap import SHARE, Heatmap
from detector.explain.method import Job, Method, Unavailable

NAME = "attention rollout"
NO_ATTENTION = "This network has no attention, so there is nothing to roll out."


def rollout(attention_scores: np.ndarray, residual: bool) -> np.ndarray:
    """Roll attention out over layers.

    attention_scores: float (layers, heads, n, n), each row a softmax summing to 1, first layer first. Heads are averaged.
    residual: whether each layer adds its input back; if so a layer's matrix is 0.5 A + 0.5 I (their equation 1).
    Returns float32 (n, n), rows summing to 1: R = A_L ... A_2 A_1; with one layer and no residual R = A.
    Raises ValueError for another shape.
    """
    scores = np.asarray(attention_scores, dtype=np.float32)
    if scores.ndim != 4 or scores.shape[2] != scores.shape[3] or 0 in scores.shape:
        raise ValueError(f"attention scores must be (layers, heads, n, n), not {scores.shape}")
    identity = np.eye(scores.shape[-1], dtype=np.float32)
    rolled = identity
    for layer in scores.mean(axis=1):
        rolled = (0.5 * layer + 0.5 * identity if residual else layer) @ rolled
    return rolled


def received(rolled: np.ndarray, grid: tuple[int, int]) -> Heatmap:
    """Attention received by each token, h_j = mean_i R_ij, for a head that averages over tokens (no CLS token).

    rolled: float32 (n, n) from ``rollout``; grid: (gh, gw) with gh * gw == n, tokens in row-major order.
    The map sums to 1. (The mean over the other axis is 1/n everywhere and says nothing.)
    """
    return Heatmap(rolled.mean(axis=0).reshape(grid).astype(np.float32), NAME, unit=SHARE)


def _available(architecture) -> str | None:
    return None if "attention" in architecture.head else NO_ATTENTION


def _run(job: Job, image: np.ndarray, towards: str | None) -> Heatmap:
    _, scores = job.forward(image)
    if scores is None:
        raise Unavailable(NO_ATTENTION)
    bundle = job.engine.bundle
    return received(rollout(scores, bool(bundle.arguments.get("residual", True))), bundle.architecture.grid)


METHOD = Method(
    NAME,
    "Attention rollout",
    "Where the network looked: the share of all attention that each patch received. It has no direction: a bright patch may count for "
    "either verdict, or for none.",
    signed=False,
    pictures=lambda n: 1,
    available=_available,
    run=_run,
)
