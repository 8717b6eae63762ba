"""Attention rollout: Abnar & Zuidema, "Quantifying Attention Flow in Transformers", ACL 2020, section 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from detector.explain.heatmap import SHARE, Heatmap
from detector.explain.method import Job, Method, Unavailable
from detector.verdicts import Side

if TYPE_CHECKING:
    from detector.bundle import Bundle

NAME = "attention rollout"
NO_ATTENTION = "This network has no attention, so there is nothing to roll out."


def rollout(attention_scores: np.ndarray, residual: bool) -> np.ndarray:
    """Roll attention out over layers: the last of ``rollout_by_layer``, float32 (n, n), rows summing to 1."""
    return rollout_by_layer(attention_scores, residual)[-1]


def rollout_by_layer(attention_scores: np.ndarray, residual: bool) -> np.ndarray:
    """How rollout grows from layer to layer.

    attention_scores: float (layers, heads, n, n), each row a softmax summing to 1, first layer first. Heads
    are averaged. residual: whether each layer adds its input back; if so a layer's matrix is 0.5 A + 0.5 I
    (their equation 1). Returns float32 (layers, n, n), rows summing to 1: after layer l it is
    R_l = A_l ... A_2 A_1; with one layer and no residual R = A. Raises ValueError for another shape.
    """
    scores = np.asarray(attention_scores, dtype=np.float32)
    if scores.ndim != 4 or scores.shape[2] != scores.shape[3] or 0 in scores.shape:
        raise ValueError(f"attention scores must be (layers, heads, n, n), not {scores.shape}")
    identity = np.eye(scores.shape[-1], dtype=np.float32)
    grown, rolled = [], identity
    for layer in scores.mean(axis=1):
        rolled = (0.5 * layer + 0.5 * identity if residual else layer) @ rolled
        grown.append(rolled)
    return np.stack(grown)


def received(rolled: np.ndarray, grid: tuple[int, int]) -> Heatmap:
    """Attention received by each token, h_j = mean_i R_ij, for a head that averages over tokens (no CLS
    token).

    rolled: float32 (n, n) from ``rollout``; grid: (gh, gw) with gh * gw == n, tokens in row-major order.
    The map sums to 1. (The mean over the other axis is 1/n everywhere and says nothing.)
    """
    return Heatmap(rolled.mean(axis=0).reshape(grid).astype(np.float32), NAME, unit=SHARE)


def read_by_class_token(rolled: np.ndarray, grid: tuple[int, int]) -> Heatmap:
    """What the class token holds of each patch: the first row of the rollout, for a head that reads that
    token alone (Dosovitskiy et al., ICLR 2021, appendix D.7).

    rolled: float32 (1 + n, 1 + n), the class token first; grid: (gh, gw) with gh * gw == n. What stays with
    the class token itself is left out, and the map sums to 1.
    """
    row = rolled[0, 1:]
    return Heatmap((row / row.sum()).reshape(grid).astype(np.float32), NAME, unit=SHARE)


def between_patches(rolled: np.ndarray) -> np.ndarray:
    """float32 (n, n), rows summing to 1: the rollout (1 + n, 1 + n) without its class token."""
    patches = rolled[1:, 1:]
    return patches / patches.sum(axis=1, keepdims=True)


def of_outputs(outputs: Mapping[str, np.ndarray], bundle: Bundle) -> tuple[Heatmap | None, np.ndarray | None]:
    """What a network answers for one picture -> its map, and attention from patch to patch, float32 (n, n).

    Both are None for a network without attention, and the second for one whose head reads class tokens: they
    have no place in the picture, and what they hold of each patch the network rolls out itself. With one
    layer the attention is the head-averaged softmax itself, with several their rollout.
    """
    if "relevance" in outputs:
        return Heatmap(outputs["relevance"].astype(np.float32), NAME, unit=SHARE), None
    scores = outputs.get("attention")
    if scores is None:
        return None, None
    rolled = rollout(scores, bundle.residual)
    if bundle.architecture.class_token:
        return read_by_class_token(rolled, bundle.architecture.grid), between_patches(rolled)
    attention = scores[0].mean(axis=0) if len(scores) == 1 else rolled
    return received(rolled, bundle.architecture.grid), attention


def _available(architecture) -> str | None:
    return None if architecture.has_attention else NO_ATTENTION


def _run(job: Job, image: np.ndarray, towards: Side | None) -> Heatmap:
    heatmap, _ = of_outputs(job.outputs(image), job.engine.bundle)
    if heatmap is None:
        raise Unavailable(NO_ATTENTION)
    return heatmap


METHOD = Method(
    name=NAME,
    title="Attention rollout",
    sentence=(
        "Where the network looked: the share of all attention that each patch received. It has no direction:"
        " a bright patch may count for either verdict, or for none."
    ),
    caption="Overall attention: what each patch receives",
    signed=False,
    pictures=lambda n: 1,
    available=_available,
    run=_run,
)
