"""The figure of a faithfulness test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from detector.verdicts import Side
from ui.figures import GUIDE, MODELS

if TYPE_CHECKING:
    from detector.explain.faithfulness import Faithfulness

BAND = "rgba(138,138,138,.28)"


def figure(test: Faithfulness) -> go.Figure:
    """Deletion and insertion beside each other: the map's curve over the range of the random orders and
    their mean."""
    titles = ("Deletion, low is good", "Insertion, high is good")
    drawn = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.1, subplot_titles=titles)
    x = test.random.share
    for column, kind in enumerate(("deletion", "insertion"), start=1):
        orders = getattr(test.random, kind)
        what = "removed" if kind == "deletion" else "restored"
        hover = f"%{{y:.1%}} with %{{x:.0%}} {what}"
        for edge, fill in ((orders.min(axis=0), None), (orders.max(axis=0), "tonexty")):
            drawn.add_scatter(
                x=x,
                y=edge,
                mode="lines",
                line={"width": 0},
                fill=fill,
                fillcolor=BAND,
                hoverinfo="skip",
                row=1,
                col=column,
                legendgroup="random",
                showlegend=bool(fill) and column == 1,
                name=f"{len(orders)} random orders, lowest to highest",
            )
        drawn.add_scatter(
            x=x,
            y=orders.mean(axis=0),
            mode="lines",
            line={"color": GUIDE, "dash": "dash", "width": 1.5},
            row=1,
            col=column,
            name="their mean",
            showlegend=column == 1,
            hovertemplate=hover,
            legendgroup="mean",
        )
        drawn.add_scatter(
            x=x,
            y=getattr(test, kind),
            mode="lines+markers",
            line={"color": MODELS[0], "width": 2.5},
            marker={"size": 5},
            row=1,
            col=column,
            name="this map",
            showlegend=column == 1,
            hovertemplate=hover,
            legendgroup="map",
        )
    drawn.update_xaxes(
        range=[-0.02, 1.02],
        tickvals=[0, 0.5, 1],
        ticktext=["none", "half", "all"],
        fixedrange=True,
        zeroline=False,
    )
    drawn.update_xaxes(title="Removed", row=1, col=1).update_xaxes(title="Restored", row=1, col=2)
    drawn.update_yaxes(range=[-0.03, 1.03], tickformat=".0%", fixedrange=True, zeroline=False)
    side = "AI" if test.side == Side.AI else "real"  # there is no room for more
    drawn.update_yaxes(title=f"Confidence in “{side}”", row=1, col=1)
    drawn.update_annotations(font={"size": 12})
    drawn.layout.template = {"layout": {"colorway": MODELS}}
    return drawn.update_layout(
        height=290,
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        dragmode=False,
        font={"size": 12},
        legend={"orientation": "h", "yanchor": "top", "y": -0.28, "x": 0, "font": {"size": 12}},
    )
