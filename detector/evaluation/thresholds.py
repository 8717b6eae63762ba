"""Choosing the threshold from what mistakes cost, or from how many false alarms are bearable."""

from __future__ import annotations

import numpy as np

from detector.evaluation.curves import Curves


def cheapest(curves: Curves, miss: float, false_alarm: float, prevalence: float) -> float:
    """The threshold with the lowest expected cost per picture.

    miss, false_alarm: what one of each costs, any unit, not both 0. prevalence: the share of AI-generated
    pictures expected in use, in [0, 1]. Needs both classes. Equal costs: the threshold with the fewest false
    alarms.
    """
    false_alarms, misses = _candidates(curves)
    miss_rate = misses / curves.n_ai
    false_alarm_rate = false_alarms / curves.n_real
    cost = expected_cost(miss_rate, false_alarm_rate, miss, false_alarm, prevalence)
    cheapest_places = np.flatnonzero(cost <= cost.min() + 1e-12)
    return _between(curves, int(cheapest_places[-1]))


def most_caught(curves: Curves, max_false_alarm_rate: float) -> float:
    """The lowest threshold, hence the one that catches most, at which at most that share of real rows is
    called AI-generated."""
    false_alarms, _ = _candidates(curves)
    limit = max_false_alarm_rate * curves.n_real + 1e-9
    bearable = np.flatnonzero(false_alarms <= limit)
    return _between(curves, int(bearable[0]))


def expected_cost(miss_rate, false_alarm_rate, miss: float, false_alarm: float, prevalence: float):
    """Mean cost of a picture."""
    return prevalence * miss * miss_rate + (1 - prevalence) * false_alarm * false_alarm_rate


def _candidates(curves: Curves) -> tuple[np.ndarray, np.ndarray]:
    """(false alarms, misses), (m + 1,) each, if everything from score i on is called AI-generated; m:
    nothing is."""
    return np.append(curves.fp, 0), curves.n_ai - np.append(curves.tp, 0)


def _between(curves: Curves, place: int) -> float:
    """A threshold halfway to the score below ``place``, so that it also parts rows it was not chosen on.

    In [0, 1] if the scores are, but for staying clear of a row that scores exactly 1.
    """
    if place == 0:
        return 0.0
    below = curves.scores[place - 1]
    beyond = max(1.0, np.nextafter(below, np.inf))
    above = curves.scores[place] if place < len(curves.scores) else beyond
    middle = float((below + above) / 2)
    return middle if middle > below else float(above)
