"""The one result type every explanation method returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DIFFUSE_BELOW = 2.0
"""An attention map whose peak is under twice the uniform share is called diffuse: it singles nothing out."""

DISPLAY_FLOOR = 4.0
"""Display maps 0 .. max(peak, 4) times the uniform share to the colour map, so a flat map stays dark."""


@dataclass(frozen=True)
class Heatmap:
    """A relevance map on the method's own grid, in the method's raw scale.

    values: float32 (gh, gw). method: the method's name. signed: whether negative values mean evidence for "real".
    """

    values: np.ndarray
    method: str
    signed: bool = False

    @property
    def grid(self) -> tuple[int, int]:
        return self.values.shape

    @property
    def relative(self) -> np.ndarray:
        """float32 (gh, gw): values as multiples of the uniform share 1/n, for maps that sum to 1."""
        return self.values * self.values.size

    @property
    def peak(self) -> float:
        """The largest value over the uniform share: 1 for a perfectly even map, n when one cell holds everything."""
        return float(self.relative.max())

    @property
    def diffuse(self) -> bool:
        return self.peak < DIFFUSE_BELOW

    def display(self) -> np.ndarray:
        """float32 (gh, gw) in [0, 1] for colouring: zero-based, never stretched beyond max(peak, DISPLAY_FLOOR)."""
        return np.clip(self.relative / max(self.peak, DISPLAY_FLOOR), 0.0, 1.0).astype(np.float32)
