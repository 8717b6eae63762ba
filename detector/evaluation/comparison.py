"""Two models on the same rows: paired differences and McNemar's test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from detector.evaluation.curves import Curves
from detector.evaluation.formulas import CELLS, OfMatrix, OfRanking, OfRows, RowLoss, Statistic
from detector.evaluation.intervals import DRAWS, Estimate, Z, basic_bootstrap, mean, resampled
from detector.evaluation.metrics import METRICS, Estimates, listed
from detector.evaluation.reliability import BINS, bin_of


@dataclass(frozen=True, eq=False)
class Pairs:
    """The rows both models scored, in the same order. first, second: (n,) the scores of both models.
    by_file_name: whether their pictures had to be matched by the names of their files."""

    y_true: np.ndarray
    first: np.ndarray
    second: np.ndarray
    by_file_name: bool = False

    @classmethod
    def of(cls, first: pd.DataFrame, second: pd.DataFrame) -> Pairs:
        """Rows with the same ``id`` and ``y_true`` in both tables; an id that a table has twice is left
        out. Tables that share no id are matched by the names of files, without folder and suffix, if most of
        the smaller one's are in the other."""
        first, second = _identified(first), _identified(second)
        both = pd.merge(first, second, on=["id", "y_true"])
        by_file_name = not len(both)
        if by_file_name:
            both = pd.merge(_by_file_name(first), _by_file_name(second), on=["id", "y_true"])
            if 2 * len(both) <= min(len(first), len(second)):
                both = both[:0]
        scores = both["y_score_x"].to_numpy(), both["y_score_y"].to_numpy()
        return cls(both["y_true"].to_numpy(), *scores, by_file_name)

    def differences(self, first_threshold: float, second_threshold: float) -> Estimates:
        """Metric -> second minus first, for every metric that lists show."""
        return {
            metric.name: self.difference(metric.name, first_threshold, second_threshold)
            for metric in listed()
        }

    def difference(self, name: str, first_threshold: float, second_threshold: float) -> Estimate | None:
        """A metric of the second model minus that of the first, with its paired 95% interval; None where a
        class is missing that it needs."""
        formula = METRICS[name].formula
        if isinstance(formula, OfMatrix):
            return self._of_matrix(formula.statistic, first_threshold, second_threshold)
        if isinstance(formula, OfRanking):
            return self._of_ranking(formula)
        if isinstance(formula, OfRows):
            return self._of_rows(formula.loss)
        return self._of_calibration()

    def mcnemar(self, first_threshold: float, second_threshold: float) -> McNemar:
        """McNemar's exact test of whether both models are right equally often."""
        is_ai = self.y_true == 1
        first = (self.first >= first_threshold) == is_ai
        second = (self.second >= second_threshold) == is_ai
        only_first = np.count_nonzero(first & ~second)
        only_second = np.count_nonzero(second & ~first)
        return McNemar(int(only_first), int(only_second))

    def _of_matrix(
        self, statistic: Statistic, first_threshold: float, second_threshold: float
    ) -> Estimate | None:
        """Posterior draws of the joint table of truth and both calls (``intervals.resampled``)."""
        if not self._has_each_class(1):
            return None

        def difference(table: np.ndarray) -> np.ndarray:
            return _difference(statistic, table)

        table = self._table(first_threshold, second_threshold)
        value = float(difference(table))
        return resampled(value, table, difference) if np.isfinite(value) else None

    def _of_ranking(self, formula: OfRanking) -> Estimate | None:
        """Each row's influences on both areas, subtracted before they are squared.

        For ROC AUC that is the paired test of DeLong et al. (Biometrics 1988).
        """
        if not self._has_each_class(2):
            return None
        first_area, first_influence = self._area(formula, self.first)
        second_area, second_influence = self._area(formula, self.second)
        value = second_area - first_area
        variance = np.sum((second_influence - first_influence) ** 2)
        half = Z * float(np.sqrt(variance))
        return Estimate(value, value - half, value + half)

    def _of_rows(self, loss: RowLoss) -> Estimate | None:
        """The mean over rows of the difference in their losses."""
        first = loss(self.y_true, self.first)
        second = loss(self.y_true, self.second)
        return mean(second - first)

    def _of_calibration(self) -> Estimate | None:
        """A basic bootstrap, like that of the error itself, of the joint bins of both scores."""
        n = len(self.y_true)
        if not n:
            return None
        joint_bin = BINS * bin_of(self.first, BINS) + bin_of(self.second, BINS)
        used, cell = np.unique(joint_bin, return_inverse=True)
        sizes = np.bincount(cell)
        first_bins = _indicators(used // BINS)
        second_bins = _indicators(used % BINS)

        def mean_per_cell(values: np.ndarray) -> np.ndarray:
            return np.bincount(cell, weights=values) / sizes

        def difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
            """(..., cells) summed gaps of both models -> second minus first error."""
            second_error = np.abs(second @ second_bins).sum(axis=-1)
            first_error = np.abs(first @ first_bins).sum(axis=-1)
            return (second_error - first_error) / n

        first_gaps = self.y_true - self.first
        second_gaps = self.y_true - self.second
        first_mean = mean_per_cell(first_gaps)
        second_mean = mean_per_cell(second_gaps)
        # Of each cell the Cholesky factor of the 2 x 2 covariance of both models' gaps: the noise they share
        # cancels in the difference.
        first_spread = first_gaps - first_mean[cell]
        second_spread = second_gaps - second_mean[cell]
        of_first = np.sqrt(mean_per_cell(first_spread**2))
        covariance = mean_per_cell(first_spread * second_spread)
        shared = covariance / np.where(of_first > 0, of_first, 1)
        own_variance = mean_per_cell(second_spread**2) - shared**2
        own = np.sqrt(np.maximum(own_variance, 0))

        rng = np.random.default_rng(0)
        counts = rng.multinomial(n, sizes / n, DRAWS)
        noise = rng.standard_normal((2, *counts.shape)) * np.sqrt(counts)
        first_drawn = first_mean * counts + of_first * noise[0]
        second_drawn = second_mean * counts + shared * noise[0] + own * noise[1]
        value = float(difference(first_mean * sizes, second_mean * sizes))
        return basic_bootstrap(value, difference(first_drawn, second_drawn))

    def _has_each_class(self, least: int) -> bool:
        """Whether there are at least that many rows of each class."""
        n_ai = int(np.count_nonzero(self.y_true))
        n_real = len(self.y_true) - n_ai
        return min(n_ai, n_real) >= least

    def _table(self, first_threshold: float, second_threshold: float) -> np.ndarray:
        """(8,) counts by truth, first call and second call, each 0 or 1, truth changing slowest."""
        truth = self.y_true == 1
        first = self.first >= first_threshold
        second = self.second >= second_threshold
        cell = 4 * truth + 2 * first + second
        return np.bincount(cell, minlength=8).astype(np.float64)

    def _area(self, formula: OfRanking, y_score: np.ndarray) -> tuple[float, np.ndarray]:
        """The area of one model, and (n,) the influence of each row on it. Needs both classes."""
        curves = Curves.of(self.y_true, y_score)
        of_ai, of_real = formula.influence(curves)
        place = np.searchsorted(curves.scores, y_score)
        influence = np.where(self.y_true == 1, of_ai[place], of_real[place])
        return formula.area(curves) or 0.0, influence


@dataclass(frozen=True)
class McNemar:
    """only_first, only_second: rows that one model alone calls rightly."""

    only_first: int
    only_second: int

    @property
    def p_value(self) -> float:
        """Two-sided and exact: how often a fair coin would part the rows the models disagree on at least
        this unevenly."""
        from scipy.stats import binomtest  # not at the top: it would slow down a page that compares nothing

        disagreed = self.only_first + self.only_second
        return float(binomtest(self.only_first, disagreed).pvalue) if disagreed else 1.0

    @property
    def is_decided(self) -> bool:
        """Whether chance alone would do that in fewer than one case of twenty."""
        return self.p_value < 0.05


def _identified(rows: pd.DataFrame) -> pd.DataFrame:
    """Truth and score by ``id``, as text; without ids that occur twice."""
    table = rows[["id", "y_true", "y_score"]].astype({"id": str})
    return table.drop_duplicates("id", keep=False)


def _by_file_name(table: pd.DataFrame) -> pd.DataFrame:
    """The same with the name of the file as ``id``, without its folder and suffix; without names that occur
    twice."""
    names = table["id"].str.replace(r"^.*[/\\]", "", regex=True).str.replace(r"\.[^.]*$", "", regex=True)
    return table.assign(id=names)[names != ""].drop_duplicates("id", keep=False)


def _indicators(bins: np.ndarray) -> np.ndarray:
    """float64 (cells, BINS): 1 where a cell lies in the bin."""
    return np.equal.outer(bins, np.arange(BINS)).astype(np.float64)


def _difference(statistic: Statistic, table: np.ndarray) -> np.ndarray:
    """``statistic`` of the second model minus that of the first. table: (..., 8), as ``Pairs._table``."""
    rest = table.shape[:-1]
    by_call = table.reshape(*rest, 2, 2, 2)
    first = by_call.sum(axis=-1).reshape(*rest, len(CELLS))
    second = by_call.sum(axis=-2).reshape(*rest, len(CELLS))
    with np.errstate(divide="ignore", invalid="ignore"):
        return statistic(second) - statistic(first)
