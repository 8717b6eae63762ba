"""Estimates with their 95% intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detector.evaluation.calibration import log_odds, sigmoid

Z = 1.959963984540054
"""The normal distribution's 97.5% quantile."""
DRAWS = 4000


@dataclass(frozen=True)
class Estimate:
    """A figure and the 95% interval around it; low <= value <= high. An interval that cannot be given is
    NaN."""

    value: float
    low: float = float("nan")
    high: float = float("nan")


def wilson(hits: float, n: float) -> Estimate | None:
    """A proportion with Wilson's score interval (JASA 1927), which stays sensible for few rows and for 0%
    and 100%. None for n = 0."""
    return proportion(hits, n) if n > 0 else None


def proportion(hits: float, n: float) -> Estimate:
    """``wilson`` where there are rows: n > 0."""
    share = hits / n
    shrinkage = 1 + Z**2 / n
    centre = (share + Z**2 / (2 * n)) / shrinkage
    variance = share * (1 - share) / n + Z**2 / (4 * n**2)
    half = Z / shrinkage * np.sqrt(variance)
    return around(share, centre - half, centre + half)


def on_logit_scale(value: float, variance: float, n: float) -> Estimate:
    """An area in [0, 1] with a normal interval for its log-odds, which never leaves [0, 1] (Pepe, 2003,
    section 5.2).

    Where the value is 0 or 1 its variance says nothing; then Wilson's interval for ``n`` rows, n > 0, stands
    in.
    """
    if not 0 < value < 1 or not 0 < variance < np.inf:
        return proportion(value * n, n)
    centre = log_odds(value)
    half = Z * np.sqrt(variance) / (value * (1 - value))
    low, high = sigmoid([centre - half, centre + half])
    return around(value, low, high)


def mean(values: np.ndarray) -> Estimate | None:
    """A mean with its normal interval; None for no values."""
    if not len(values):
        return None
    value = float(values.mean())
    standard_error = float(values.std()) / np.sqrt(len(values))
    half = Z * standard_error
    return around(value, value - half, value + half)


def resampled(value: float, cells: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray]) -> Estimate:
    """``value`` with the 2.5% and 97.5% quantiles of ``statistic`` over Dirichlet draws of the cell shares,
    cells being counts.

    That is the posterior under Jeffreys's prior: Brodersen et al. (ICPR 2010) for balanced accuracy, Caelen
    (2017) for any function of a confusion matrix. Unlike a bootstrap it does not collapse where a cell is
    empty. ``statistic`` maps (DRAWS, cells) to (DRAWS,). The draws are seeded: the same counts always give
    the same interval.
    """
    concentrations = np.asarray(cells, dtype=np.float64) + 0.5
    shares = np.random.default_rng(0).dirichlet(concentrations, DRAWS)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = statistic(shares)
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    return around(value, low, high)


def basic_bootstrap(value: float, drawn: np.ndarray) -> Estimate:
    """``value`` with its basic bootstrap interval: the quantiles of the draws, mirrored at the value, because
    a draw is off from the value as the value is from the truth (Davison & Hinkley 1997, section 5.2)."""
    low, high = np.quantile(drawn, (0.025, 0.975))
    return around(value, 2 * value - high, 2 * value - low)


def around(value: float, low: float, high: float) -> Estimate:
    """The interval, widened where rounding or a prior would leave the value itself outside."""
    lower, upper = min(low, value), max(high, value)
    return Estimate(float(value), float(lower), float(upper))
