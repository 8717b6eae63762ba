"""What a score is worth: reliability, and the scores of each class."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from detector.evaluation.intervals import Estimate, wilson
from detector.evaluation.reliability import BINS, HISTOGRAM_BINS, Reliability
from ui.figures.figure_style import AI, MODELS, REAL, finish, guide, threshold_line, whiskers


def reliability(after: Reliability, before: Reliability | None) -> go.Figure:
    """Shares of AI-generated per score bin against the mean score, with Wilson intervals, over the counts
    of each bin."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.76, 0.24], vertical_spacing=0.04)
    guide(figure, [0, 1], [0, 1], width=2, row=1, col=1)
    if before is not None:
        _reliability_line(
            figure,
            before,
            f"before calibration, error {before.expected_calibration_error:.3f}",
            line={"color": MODELS[1], "dash": "dot"},
            marker={"symbol": "diamond-open", "size": 8},
        )
    _reliability_line(
        figure,
        after,
        f"as shown, error {after.expected_calibration_error:.3f}",
        line={"color": MODELS[0]},
        marker={"size": 8},
        error_y=whiskers(_intervals(after)),
    )
    middle = (np.arange(BINS) + 0.5) / BINS
    figure.add_bar(
        x=middle,
        y=after.counts,
        width=0.92 / BINS,
        marker={"color": MODELS[0], "opacity": 0.6},
        showlegend=False,
        hovertemplate="%{y:,} pictures",
        name="",
        row=2,
        col=1,
    )
    figure.update_xaxes(range=[0, 1])
    figure.update_xaxes(title="Score, P(AI-generated)", row=2, col=1)
    figure.update_yaxes(title="Share AI-generated", range=[-0.02, 1.02], tickformat=".0%", row=1, col=1)
    figure.update_yaxes(title="Pictures", row=2, col=1)
    return finish(figure, "Reliability: does 70% mean 70%?")


def _reliability_line(figure: go.Figure, bins: Reliability, name: str, **style: Any) -> None:
    figure.add_scatter(
        x=bins.prob_pred,
        y=bins.prob_true,
        mode="lines+markers",
        name=name,
        connectgaps=True,
        customdata=bins.counts,
        hovertemplate="scored %{x:.2f}, %{y:.0%} AI-generated, %{customdata:,} pictures",
        row=1,
        col=1,
        **style,
    )


def _intervals(bins: Reliability) -> list[Estimate]:
    """Of each bin's share of AI-generated; NaN for empty bins."""
    intervals = []
    for share, count in zip(bins.prob_true, bins.counts, strict=True):
        intervals.append(wilson(share * count, count) or Estimate(np.nan))
    return intervals


def scores(counts: tuple[np.ndarray, np.ndarray], threshold: float) -> go.Figure:
    """Histograms of the scores, AI-generated upwards and real downwards, so that every bar can be seen and
    clicked. counts: real, AI. A bar carries its y_true, its place and its count."""
    real, ai = counts
    figure = go.Figure()
    _score_bars(figure, "AI-generated", 1, AI, ai, sign=1)
    _score_bars(figure, "real", 0, REAL, real, sign=-1)
    threshold_line(figure, threshold)
    figure.update_layout(barmode="relative")
    figure.update_xaxes(title="Score, P(AI-generated)", range=[0, 1])
    highest = max(int(real.max()), int(ai.max()))
    ticks = _round_ticks(max(1, highest))
    figure.update_yaxes(
        title="Pictures: real below, AI above", tickvals=ticks, ticktext=[f"{abs(tick):,}" for tick in ticks]
    )
    return finish(figure, "Scores of each class")


def _score_bars(figure: go.Figure, name: str, label: int, colour: str, counts: np.ndarray, sign: int) -> None:
    middle = (np.arange(HISTOGRAM_BINS) + 0.5) / HISTOGRAM_BINS
    # A list: arrays come back from a click as objects.
    carried = [[label, place, count] for place, count in enumerate(counts.tolist())]
    figure.add_bar(
        x=middle,
        y=sign * counts,
        name=name,
        marker={"color": colour, "line": {"width": 0}},
        width=0.94 / HISTOGRAM_BINS,
        customdata=carried,
        hovertemplate="%{customdata[2]:,} " + name + " near %{x:.2f}<br>Click to see them",
        unselected={"marker": {"opacity": 0.35}},
    )


def _round_ticks(top: int) -> np.ndarray:
    """Multiples of 1, 2 or 4 times a power of ten between -top and top, at most three on each side."""
    leading_digit = str(top)[0]
    factor = 1 if leading_digit in "12" else 2 if leading_digit in "345" else 4
    step = factor * 10 ** int(np.log10(top))
    return np.arange(-(top // step) * step, top + 1, step)
