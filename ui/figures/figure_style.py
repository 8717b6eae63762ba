"""How all figures look, and the parts that several of them have.

Colours are Okabe & Ito's, told apart by colour-blind readers and legible on light and on dark; lines that
only guide the eye are grey.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from detector.evaluation.intervals import Estimate

AI, REAL, GUIDE = "#d55e00", "#009e73", "rgba(138,138,138,.75)"
MODELS = ("#0072b2", "#e69f00", "#cc79a7", "#56b4e9")
"""One per model, in turn."""
SYMBOLS = ("circle", "diamond", "square", "x")
"""One per perturbation, in turn, so that colour is not all that tells them apart."""
GUIDE_LINE: dict[str, Any] = {"color": GUIDE, "dash": "dash", "width": 1}


def config(name: str, image_format: str) -> dict:
    """Plotly's settings for one figure: its camera button saves "svg" or "png" under that name, in the
    browser."""
    return {
        "displaylogo": False,
        "toImageButtonOptions": {
            "format": image_format,
            "filename": f"telltale-{name}",
            "scale": 1 if image_format == "svg" else 3,
        },
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    }


def plain_label(name: str) -> str:
    """A name cut to what fits beside an axis."""
    if len(name) <= 34:
        return name
    return f"{name[:16]}…{name[-16:]}"


def title_above(text: str, size: int = 16, pad: int = 10) -> dict[str, Any]:
    """A figure's title for its layout: at the left edge, above everything. size, pad: pixels."""
    return {
        "text": text,
        "font": {"size": size},
        "x": 0,
        "xref": "container",
        "y": 1,
        "yref": "container",
        "yanchor": "top",
        "pad": {"t": pad},
    }


def finish(figure: go.Figure, title: str, legend: bool = True) -> go.Figure:
    # Plotly's default template is most of a small figure's bytes; the page brings its own, and so does the
    # report.
    figure.layout.template = {"layout": {"colorway": MODELS}}
    return figure.update_layout(
        title=title_above(title),
        height=400,
        margin={"l": 8, "r": 24, "t": 48, "b": 8},  # on the right there is room for half of the last number
        showlegend=legend,
        dragmode="zoom",
        legend={"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0, "font": {"size": 12}},
    )


def guide(
    figure: go.Figure, x: ArrayLike, y: ArrayLike, dash: str = "dash", width: int = 1, **where: int
) -> None:
    """A grey line that only guides the eye. where: the row and column of its subplot."""
    line = GUIDE_LINE | {"dash": dash, "width": width}
    figure.add_scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", showlegend=False, **where)


def unit_axes(figure: go.Figure, x: str, y: str) -> None:
    figure.update_xaxes(
        title=x,
        range=[-0.01, 1.01],
        dtick=0.2,
        tickformat=".0%" if x != "Threshold" else ".1f",
        zeroline=False,
    )
    figure.update_yaxes(title=y, range=[-0.01, 1.03], tickformat=".0%", zeroline=False)


def threshold_line(figure: go.Figure, threshold: float) -> None:
    figure.add_vline(
        x=threshold,
        line={"color": GUIDE, "width": 2},
        annotation={"text": f"threshold {threshold:.3f}", "font": {"color": GUIDE}},
    )


def whiskers(intervals: list[Estimate]) -> dict[str, Any]:
    above = [abs(estimate.high - estimate.value) for estimate in intervals]
    below = [abs(estimate.low - estimate.value) for estimate in intervals]
    return {
        "type": "data",
        "symmetric": False,
        "array": above,
        "arrayminus": below,
        "thickness": 1,
        "width": 3,
    }


def table_whiskers(table: pd.DataFrame, metric: str) -> dict[str, Any]:
    """The same from the columns of a metric and of the ends of its interval."""
    return {
        "type": "data",
        "symmetric": False,
        "array": table[f"{metric}_high"] - table[metric],
        "arrayminus": table[metric] - table[f"{metric}_low"],
        "thickness": 1.5,
        "width": 0,
    }
