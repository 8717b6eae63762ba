"""One picture's way to its verdict, as far as it is the same in every network."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from detector.bundle import Bundle
from detector.explain import attention_rollout
from detector.explain.block_walk import BlockWalk
from detector.explain.heatmap import SHARE, Heatmap
from detector.preprocessing import Region
from detector.verdicts import Verdict


@dataclass(frozen=True, eq=False)
class WalkedTile:
    """A part of the picture at its own scale. image: uint8 (size, size, 3), as the model sees it. region:
    where it lies in the photo. logit: what the second head says of it."""

    image: np.ndarray = field(repr=False)
    region: Region
    logit: float


@dataclass(frozen=True, eq=False, kw_only=True)
class PictureWalk:
    """What went in and what came out, and the transformer's blocks between, where there are some.

    width, height: of the upright picture in the file. pixels: uint8 (H, W, 3), the photo as it was decoded.
    canonical: uint8 (h, w, 3). image: uint8 (size, size, 3), the model input. region: the part of the photo
    that it shows. answered: the network's logit of it. tiles: what else it looks at, in reading
    order. blocks: None for a network without. difference: the largest absolute difference between what was
    recomputed and the network's own.
    """

    bundle: Bundle
    width: int
    height: int
    pixels: np.ndarray = field(repr=False)
    canonical: np.ndarray = field(repr=False)
    image: np.ndarray = field(repr=False)
    region: Region
    answered: float
    tiles: tuple[WalkedTile, ...] = ()
    blocks: BlockWalk | None = field(default=None, repr=False)
    difference: float = 0.0

    @property
    def patch_grid(self) -> tuple[int, int]:
        """(gh, gw) of the patches of the picture."""
        return self.blocks.grid if self.blocks else self.bundle.architecture.grid

    @property
    def logit(self) -> float:
        return self.answered

    @property
    def of_tiles(self) -> float:
        """What the tiles add to the logit of the whole: the mean of theirs."""
        return float(np.mean([tile.logit for tile in self.tiles])) if self.tiles else 0.0

    @property
    def final_logit(self) -> float:
        """That of the whole with what its tiles add."""
        return self.logit + self.of_tiles

    @property
    def y_score(self) -> float:
        """Calibrated P(AI-generated) = sigmoid(final_logit / the bundle's calibration temperature)."""
        return self.bundle.y_score(self.final_logit)

    @property
    def threshold(self) -> float:
        return self.bundle.threshold

    @property
    def verdict(self) -> Verdict:
        return self.bundle.verdict(self.y_score)

    @cached_property
    def heatmap(self) -> Heatmap | None:
        """What of each patch reaches the head, by attention rollout through the blocks; None where there are
        none."""
        if self.blocks is None:
            return None
        rows = self.blocks.rows[list(self.blocks.read)]
        return shares(rows.mean(axis=0), self.blocks.grid)


def shares(held: np.ndarray, grid: tuple[int, int]) -> Heatmap:
    """float32 (n,), what is held of each patch -> the map of its shares, which sums to 1."""
    values = (held / held.sum()).reshape(grid).astype(np.float32)
    return Heatmap(values, attention_rollout.NAME, unit=SHARE)
