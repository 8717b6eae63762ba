"""Deletion and insertion: does the network lose its verdict when what a map marks is taken away, and find it
again when it is brought back?

Petsiuk, Das & Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018,
section 4, on the patches of the map's own grid. Deletion blurs the patches away in the map's order, the
strongest evidence for the verdict first; insertion starts from the blurred picture and restores them in that
order. What is watched is the model's confidence: its calibrated probability for the side of the threshold
that the picture is on. A good map's deletion curve falls early (small area under it), its insertion curve
rises early.

Areas alone say little: they depend on the picture and on the blur. So everything is compared with random
orders of the same patches. Restoring patches in an order shows the same pictures as removing them in the
reverse order, so each random order with its reverse gives two deletion curves and two insertion curves, and
both kinds have the same distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector.evaluation.intervals import Estimate
from detector.explain.heatmap import Heatmap
from detector.explain.method import Job
from detector.explain.patches import Patches
from detector.verdicts import Side

STEPS = 10
TOP_SHARES = (0.1, 0.2, 0.5)
RANDOM_PAIRS = 10
"""Random orders, each with its reverse: 20 curves."""
CHANCE = 0.05
"""A map is called better or worse than random where a random order would do the same less often than this."""
BETTER = "better than random on this image"
NO_BETTER = "no better than random on this image"
WORSE = "worse than random on this image"


@dataclass(frozen=True, eq=False)
class RandomOrders:
    """The yardstick of one picture, the same for all its maps.

    share: float (m,), of the patches removed or restored, from 0 to 1. deletion: float (orders, m),
    confidence after removing that share; orders 2i and 2i + 1 are each other's reverse.
    """

    share: np.ndarray
    deletion: np.ndarray

    @property
    def insertion(self) -> np.ndarray:
        """float (orders, m): confidence after restoring that share, in the same orders."""
        pairs = self.deletion.reshape(-1, 2, len(self.share))
        return pairs[:, ::-1, ::-1].reshape(self.deletion.shape)

    def mean(self, kind: str) -> list[Estimate]:
        """The mean curve of ``kind``, "deletion" or "insertion", with the 95% interval of that mean at
        each share."""
        curves: np.ndarray = getattr(self, kind)
        # The two curves of a pair are not independent: only their mean counts.
        pairs = curves.reshape(-1, 2, len(self.share)).mean(axis=1)
        return [_mean(column) for column in pairs.T]

    @property
    def auc(self) -> Estimate:
        """The mean area under a random curve, the same for both kinds, with the 95% interval of that mean."""
        areas = _area(self.share, self.deletion)
        return _mean(areas.reshape(-1, 2).mean(axis=1))

    @property
    def gains(self) -> np.ndarray:
        """float (orders,): the ``Faithfulness.gain`` of each random order. An order and its reverse have
        opposite ones."""
        insertion = _area(self.share, self.insertion)
        deletion = _area(self.share, self.deletion)
        return (insertion - deletion) / 2


@dataclass(frozen=True)
class Drop:
    """What is left of the confidence without the strongest patches. patches: how many. confidence: without
    them. random: without as many random ones, the mean with its 95% interval."""

    share: float
    patches: int
    confidence: float
    random: Estimate


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """How far one map of one picture is true of the model.

    side: the side whose confidence is watched. confidence: on the whole picture. deletion,
    insertion: float (m,), the confidence at ``random.share``.
    """

    method: str
    side: Side
    deletion: np.ndarray
    insertion: np.ndarray
    drops: tuple[Drop, ...]
    random: RandomOrders

    @property
    def confidence(self) -> float:
        return float(self.deletion[0])

    @property
    def deletion_auc(self) -> float:
        """Area under the deletion curve, in [0, 1]; small is good."""
        return float(_area(self.random.share, self.deletion))

    @property
    def insertion_auc(self) -> float:
        """Area under the insertion curve, in [0, 1]; large is good."""
        return float(_area(self.random.share, self.insertion))

    @property
    def deletion_gain(self) -> Estimate:
        """How much smaller the deletion area is than the mean of random orders, with that mean's 95%
        interval; positive is good."""
        mean, own = self.random.auc, self.deletion_auc
        return Estimate(mean.value - own, mean.low - own, mean.high - own)

    @property
    def insertion_gain(self) -> Estimate:
        """How much larger the insertion area is than the mean of random orders, with that mean's 95%
        interval; positive is good."""
        mean, own = self.random.auc, self.insertion_auc
        return Estimate(own - mean.value, own - mean.high, own - mean.low)

    @property
    def gain(self) -> float:
        """Mean of both gains. The random mean cancels out: it is half of insertion minus deletion area, 0
        for random orders on average."""
        return (self.insertion_auc - self.deletion_auc) / 2

    @property
    def chance(self) -> float:
        """How likely a random order would be at least as far from 0 on the same side: a permutation test,
        exact whatever the picture.

        Random gains are symmetric around 0, so each pair of orders counts once and the sign costs a factor of
        one half: (1 + pairs at least as far out) / (1 + pairs) / 2. Ten pairs can just tell 1 in 22.
        """
        sizes = np.abs(self.random.gains[::2])
        as_far_out = np.count_nonzero(sizes >= abs(self.gain) - 1e-9)
        return float((1 + as_far_out) / (1 + len(sizes)) / 2)

    @property
    def badge(self) -> str:
        """``BETTER`` or ``WORSE`` where a random order would gain or lose as much less than 1 time in 20,
        else ``NO_BETTER``.

        The yardstick is where single random orders fall, not their mean: against the mean alone, every second
        random order would be called better than random.
        """
        if self.chance > CHANCE:
            return NO_BETTER
        return BETTER if self.gain > 0 else WORSE


def measure(
    job: Job,
    image: np.ndarray,
    heatmaps: Sequence[Heatmap],
    *,
    random_pairs: int = RANDOM_PAIRS,
    seed: int = 0,
) -> list[Faithfulness]:
    """Deletion and insertion for several maps of one model input, uint8 (size, size, 3), against the same
    random orders.

    Deterministic: the same picture, maps and seed always give the same curves. Raises Cancelled, and
    ValueError for a map on another grid.
    """
    patches = Patches(image, job.engine.bundle.architecture.grid)
    for heatmap in heatmaps:
        if heatmap.grid != patches.grid:
            raise ValueError(f"maps must be on the network's grid of {patches.grid}, not {heatmap.grid}")
    counts = steps(patches.n)
    # At most: the picture, both ends of all curves, and what lies between in two curves for each order.
    between = 2 * (len(heatmaps) + random_pairs) * (len(counts) - 2)
    expected = 1 + 2 + between
    job.expect(expected)
    logit, _ = job.forward(image)
    side = job.engine.side(logit)

    orders: list[np.ndarray] = []
    for heatmap in heatmaps:
        orders += _and_reverse(heatmap.order(side, seed))
    rng = np.random.default_rng(seed)
    for _ in range(random_pairs):
        orders += _and_reverse(rng.permutation(patches.n))
    masks = _distinct_masks(orders, counts)
    job.expect(1 + len(masks) - expected)  # what orders have in common is shown once
    curves = _deletion_curves(job, patches, orders, counts, masks, side)

    own, of_random = np.split(curves, [2 * len(heatmaps)])
    random = RandomOrders(counts / patches.n, of_random)
    return [
        Faithfulness(
            heatmap.method,
            side,
            deletion=deletion,
            insertion=of_reverse[::-1],
            drops=_drops(deletion, random, counts),
            random=random,
        )
        for heatmap, deletion, of_reverse in zip(heatmaps, own[::2], own[1::2], strict=True)
    ]


def steps(n: int) -> np.ndarray:
    """int (m,): how many of n patches are gone at each point of a curve, from 0 to n, ``STEPS`` steps and
    ``TOP_SHARES`` among them.

    The points lie symmetrically, as curves are read backwards, too.
    """
    even = {round(n * share) for share in np.linspace(0, 1, STEPS + 1)}
    top = {_top(n, share) for share in TOP_SHARES}
    counts = even | top
    mirrored = {n - count for count in counts}
    return np.array(sorted(counts | mirrored))


def _top(n: int, share: float) -> int:
    return max(1, round(n * share))


def _and_reverse(order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return order, order[::-1]


def _kept(order: np.ndarray, count: int) -> np.ndarray:
    """bool (n,): the patches that are left when the first ``count`` of an order are gone."""
    keep = np.ones(len(order), bool)
    keep[order[:count]] = False
    return keep


def _distinct_masks(orders: Sequence[np.ndarray], counts: np.ndarray) -> dict[bytes, np.ndarray]:
    """Every set of patches that is left somewhere along the orders, once, by its bytes."""
    masks = {}
    for order in orders:
        for count in counts:
            keep = _kept(order, count)
            masks[keep.tobytes()] = keep
    return masks


def _deletion_curves(
    job: Job,
    patches: Patches,
    orders: Sequence[np.ndarray],
    counts: np.ndarray,
    masks: dict[bytes, np.ndarray],
    side: Side,
) -> np.ndarray:
    """float (orders, m): the confidence in ``side`` when the first ``counts`` patches of an order are
    gone."""
    logits = job.logits(patches.keeping(keep) for keep in masks.values())
    y_score = job.engine.y_score(logits)
    confidence = y_score if side == Side.AI else 1 - y_score
    by_mask = dict(zip(masks, confidence, strict=True))
    curves = []
    for order in orders:
        masks_of_order = [_kept(order, count).tobytes() for count in counts]
        curves.append([by_mask[mask] for mask in masks_of_order])
    return np.array(curves)


def _drops(deletion: np.ndarray, random: RandomOrders, counts: np.ndarray) -> tuple[Drop, ...]:
    n = int(counts[-1])
    means = random.mean("deletion")
    drops = []
    for share in TOP_SHARES:
        patches = _top(n, share)
        place = int(np.searchsorted(counts, patches))
        confidence = float(deletion[place])
        drops.append(Drop(share, patches, confidence, random=means[place]))
    return tuple(drops)


def _area(share: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Area under curves (..., m), by trapezoids."""
    return np.trapezoid(curves, share, axis=-1)


def _mean(values: np.ndarray) -> Estimate:
    """The mean of independent values with its 95% interval by Student's t; a single value has none."""
    from scipy.stats import t

    value = float(np.mean(values))
    if len(values) < 2:
        return Estimate(value)
    standard_error = np.std(values, ddof=1) / np.sqrt(len(values))
    half = float(t.ppf(0.975, len(values) - 1) * standard_error)
    return Estimate(value, value - half, value + half)
