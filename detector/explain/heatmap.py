"""The one result type every explanation method returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.verdicts import Side

DIFFUSE_BELOW = 2.0
"""A map whose peak is under twice its reference is called diffuse: it singles nothing out."""

DISPLAY_FLOOR = 4.0
"""Display maps 0 .. max(peak, 4) times the reference to the colour map, so a flat map stays dark."""

SIGNED_FLOOR = 0.05
"""Logits. A signed map is coloured up to its strongest cell, but to this at least: less moves a
probability by about a point at most."""

SHARE, LOGIT, RELATIVE = "share", "logit", "relative"
"""Units of a map: shares that sum to 1, logits, or a number of which only ratios within the map mean
anything."""


@dataclass(frozen=True)
class Cost:
    """What a map took. forward, backward: pictures that went through the network, and gradients through
    it. seconds: of wall clock."""

    forward: int
    backward: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Heatmap:
    """A relevance map on the method's own grid, in the method's raw scale.

    values: float32 (gh, gw). method: the method's name. signed: whether negative values mean evidence for
    "real". unit: ``SHARE``, ``LOGIT`` or ``RELATIVE``. towards: for an unsigned map of evidence, the
    side it is evidence for. constant: for a map whose values and this constant sum to the logit,
    else None. cost: what it took, where that was measured.

    Colours never stretch a map that has little to say, so ``display`` ends at a ``ceiling`` with a floor. An
    unsigned map is read in multiples of its *reference*, what an even map would hold everywhere: its ceiling
    is its peak, but at least ``DISPLAY_FLOOR`` references. A signed map is in logits, which mean something by
    themselves: its ceiling is its largest absolute value, but at least ``SIGNED_FLOOR``, on both sides of
    zero.
    """

    values: np.ndarray
    method: str
    signed: bool = False
    unit: str = SHARE
    towards: Side | None = None
    constant: float | None = None
    cost: Cost | None = None

    @property
    def grid(self) -> tuple[int, int]:
        height, width = self.values.shape
        return height, width

    @property
    def reference(self) -> float:
        """What every cell of an even map would hold: 1/n for shares, else the mean absolute value; 0 for a
        map of zeros."""
        if self.unit == SHARE:
            return 1 / self.values.size
        return float(np.abs(self.values).mean())

    @property
    def relative(self) -> np.ndarray:
        """float32 (gh, gw): values as multiples of the reference; zeros for a map of zeros."""
        if self.unit == SHARE:
            return self.values * self.values.size
        return self.values / (self.reference or 1.0)

    @property
    def peak(self) -> float:
        """The largest absolute value over the reference: 1 for a perfectly even map, n when one cell holds
        everything, 0 for zeros."""
        return float(np.abs(self.relative).max())

    @property
    def diffuse(self) -> bool:
        return self.peak < DIFFUSE_BELOW

    @property
    def ceiling(self) -> float:
        """The absolute value, in the map's own unit, that is shown in full colour."""
        if self.signed:
            return max(float(np.abs(self.values).max()), SIGNED_FLOOR)
        return max(self.peak, DISPLAY_FLOOR) * self.reference

    def display(self) -> np.ndarray:
        """float32 (gh, gw) for colouring: values over the ceiling. Unsigned: in [0, 1]. Signed: in [-1,
        1], positive towards AI-generated."""
        if self.signed:
            return np.clip(self.values / self.ceiling, -1.0, 1.0).astype(np.float32)
        shares = self.relative / max(self.peak, DISPLAY_FLOOR)
        return np.clip(shares, 0.0, 1.0).astype(np.float32)

    def order(self, side: Side, seed: int = 0) -> np.ndarray:
        """int (n,): the cells, row-major, from the strongest evidence for ``side`` to the weakest.

        A signed map says which side each cell is for; any other is taken as it is. Equal values come in
        random order: a place in the picture is no reason.
        """
        values = self.values.ravel()
        if self.signed and side == Side.REAL:
            values = -values
        lots = np.random.default_rng(seed).permutation(values.size)
        return np.lexsort((lots, -values))
