"""The blocks of a vision transformer on one picture, in numbers: what each attends to, and how attention
rollout grows from block to block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from detector.architectures import TransformerBlocks
from detector.explain.attention_rollout import rollout_by_layer


@dataclass(frozen=True, eq=False)
class BlockWalk:
    """What the blocks do with one picture; L blocks of m heads, n = gh * gw patches in row-major order, t
    tokens: these, and before them the class token where there is one.

    The *reader* is what the network's head reads of the blocks: the class token, or, where there is none, the
    mean of all patches.

    blocks: where in the network they are. tokens: float32 (n, C), the patches as the first block reads them.
    attention: float32 (L, t, t), mean of the heads, rows summing to 1. heads: float32 (L, m, n), what the
    reader attends to in each head. class_tokens: float32 (k, C), the class token after each block that the
    head reads; None where it does not read them as they are.
    """

    blocks: TransformerBlocks
    tokens: np.ndarray = field(repr=False)
    attention: np.ndarray = field(repr=False)
    heads: np.ndarray = field(repr=False)
    class_tokens: np.ndarray | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.attention)

    @property
    def grid(self) -> tuple[int, int]:
        return self.blocks.grid

    @property
    def read(self) -> tuple[int, ...]:
        """Numbers, counted from 0, of the blocks after which the head reads."""
        return self.blocks.read or (len(self) - 1,)

    @cached_property
    def grown(self) -> np.ndarray:
        """float32 (L, t, t): attention rollout after each block, R_l = (A_l + I)/2 ... (A_1 + I)/2."""
        return rollout_by_layer(self.attention[:, None], residual=True)

    @cached_property
    def rows(self) -> np.ndarray:
        """float32 (L, n): what the reader holds of each patch after each block, by rollout. What a class
        token keeps of itself is left out, so that its rows sum to less than 1."""
        return self._of_reader(self.grown)

    @cached_property
    def attended(self) -> np.ndarray:
        """float32 (L, n): what the reader attends to in each block, mean of the heads."""
        return self._of_reader(self.attention)

    @property
    def kept(self) -> np.ndarray:
        """float32 (L,): the share of itself that the reader holds after each block; 0 for a mean of
        patches."""
        return 1 - self.rows.sum(axis=1)

    @cached_property
    def shares(self) -> np.ndarray:
        """float32 (L, n): ``rows``, each made to sum to 1."""
        return self.rows / self.rows.sum(axis=1, keepdims=True)

    def between(self, block: int) -> np.ndarray:
        """float32 (n, n): how each patch attends to each patch in that block, mean of the heads."""
        return self._of_patches(self.attention[block])

    def gathered(self, block: int) -> np.ndarray:
        """float32 (n, n): what each patch holds of each patch after that block, by rollout."""
        return self._of_patches(self.grown[block])

    def _of_reader(self, matrices: np.ndarray) -> np.ndarray:
        return matrices[:, 0, 1:] if self.blocks.class_token else matrices.mean(axis=1)

    def _of_patches(self, matrix: np.ndarray) -> np.ndarray:
        return matrix[1:, 1:] if self.blocks.class_token else matrix


def block_walk(blocks: TransformerBlocks, outputs: Mapping[str, np.ndarray]) -> BlockWalk:
    """From what ``Engine.insides`` answers for one picture, without the axis of the batch."""
    scores = np.stack([outputs[f"scores/{number}"] for number in range(len(blocks.attention))])
    first = 1 if blocks.class_token else 0
    heads = scores[:, :, 0, 1:] if blocks.class_token else scores.mean(axis=-2)
    return BlockWalk(
        blocks, outputs["tokens"][first:], scores.mean(axis=1), heads, outputs.get("class_tokens")
    )
