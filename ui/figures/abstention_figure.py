"""What saying nothing buys: error rate against the share of pictures answered."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from detector.evaluation.abstention import Band, RiskCoverage
from detector.evaluation.intervals import proportion
from ui.figures.figure_style import GUIDE_LINE, MODELS, finish

MIN_ANSWERED = 20
"""Pictures from which on an error rate is drawn."""


def abstaining(risk: RiskCoverage, band: Band | None) -> go.Figure:
    """Error rate against the share of pictures answered, with its 95% interval; where there is an unsure
    band, what it does is marked."""
    # Of fewer pictures a rate says nothing.
    start = int(np.searchsorted(risk.answered, min(MIN_ANSWERED, risk.n)))
    answered, wrong = risk.answered[start:], risk.wrong[start:]
    figure = go.Figure()
    _error_band(figure, answered, wrong, risk.n)
    figure.add_scatter(
        x=np.float32(answered / risk.n),
        y=np.float32(wrong / answered),
        mode="lines",
        line={"color": MODELS[0], "width": 2},
        name=f"most confident first, mean {risk.area:.3f}",
        hovertemplate="%{x:.0%} answered, %{y:.1%} of them wrong<extra></extra>",
    )
    overall = risk.wrong[-1] / risk.n
    figure.add_scatter(
        x=[0, 1],
        y=[overall, overall],
        mode="lines",
        line=GUIDE_LINE,
        hoverinfo="skip",
        name="at random",
    )
    if band and band.error:
        figure.add_scatter(
            x=[band.answered.value],
            y=[band.error.value],
            mode="markers",
            name="unsure band",
            marker={"color": MODELS[1], "size": 14, "line": {"color": "#ffffff", "width": 2}},
            hovertemplate="%{x:.0%} outside the unsure band, %{y:.1%} of them wrong<extra></extra>",
        )
    figure.update_xaxes(
        title="Pictures answered", range=[-0.01, 1.01], dtick=0.2, tickformat=".0%", zeroline=False
    )
    figure.update_yaxes(title="Wrong among them", rangemode="tozero", tickformat=".0%", zeroline=False)
    return finish(figure, "Errors against answers")


def _error_band(figure: go.Figure, answered: np.ndarray, wrong: np.ndarray, n: int) -> None:
    """The 95% interval of the error rate, at up to 200 places along the curve. answered: at least 1 each."""
    places = np.unique(np.linspace(0, len(answered) - 1, 200).astype(int))
    intervals = [proportion(wrong[place], answered[place]) for place in places]
    high = [interval.high for interval in intervals]
    low = [interval.low for interval in intervals]
    for edge, fill in ((high, None), (low, "tonexty")):
        figure.add_scatter(
            x=(answered[places] / n).astype(np.float32),
            y=np.array(edge, dtype=np.float32),
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor="rgba(0,114,178,.18)",
            hoverinfo="skip",
            showlegend=False,
        )
