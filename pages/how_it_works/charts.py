"""The last step's two charts: how the hidden units vote, and where the logit lies on the S-curve."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from detector.evaluation.calibration import calibrated
from detector.explain.picture_walk import PictureWalk
from detector.explain.walkthrough import Walkthrough
from detector.verdicts import Verdict
from ui.figures import GUIDE, MODELS
from ui.heatmap_viewer import SIGNED_COLOUR_MAPS
from ui.verdict import COLOURS

SIGNED = SIGNED_COLOUR_MAPS["Blue to red, light"]
TOWARDS_REAL, TOWARDS_AI = SIGNED[1], SIGNED[-2]
"""As on the maps of contributions."""

FONT = 15
"""Pixels; a projector's room reads it."""


HEIGHT = 260
"""Pixels; two stand one above the other on a projector."""


def votes(walk: Walkthrough) -> go.Figure:
    """What each hidden unit that is on adds to the logit, and the bias, from the most positive to the most
    negative."""
    added = walk.hidden * walk.weights.logit[0][:, 0]
    on = np.flatnonzero(walk.hidden > 0)
    order = on[np.argsort(-added[on], kind="stable")]
    names = [f"unit {unit + 1}" for unit in order] + ["bias"]
    values = np.append(added[order], walk.weights.logit[1][0])
    bars = go.Bar(
        x=np.arange(len(values)),
        y=values,
        marker={
            "color": [TOWARDS_AI if value > 0 else TOWARDS_REAL for value in values],
            "line": {"width": 0},
        },
        customdata=[[name] for name in names],
        hovertemplate="%{customdata[0]}: %{y:+.3f}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.add_hline(y=0, line={"color": GUIDE, "width": 1})
    figure.update_xaxes(showticklabels=False, title=f"The {len(on)} hidden units that are on, and the bias")
    figure.update_yaxes(title="Added to the logit", zeroline=False)
    return _finish(figure, f"Votes: together {walk.logit:+.3f}")


def curve(walk: PictureWalk) -> go.Figure:
    """The calibrated S-curve with this picture's point on it, over the bands of the three verdicts."""
    bundle = walk.bundle
    end = max(8.0, 1.15 * abs(walk.final_logit) / bundle.temperature) * bundle.temperature
    logits = np.linspace(-end, end, 241)
    low, high = bundle.unsure
    figure = go.Figure()
    bands = (
        (Verdict.REAL, 0.0, low),
        (Verdict.UNSURE, low, high),
        (Verdict.AI, high, 1.0),
    )
    for verdict, bottom, top in bands:
        if top > bottom:
            colour = COLOURS[verdict]
            figure.add_hrect(y0=bottom, y1=top, fillcolor=colour, opacity=0.22, line_width=0, layer="below")
            if top - bottom > 0.06:
                figure.add_annotation(
                    x=-end,
                    y=top,
                    text=verdict.title,
                    showarrow=False,
                    xanchor="left",
                    yanchor="top",
                    font={"size": FONT},
                )
    figure.add_hline(y=walk.threshold, line={"color": GUIDE, "dash": "dash"})
    figure.add_scatter(
        x=logits,
        y=calibrated(logits, bundle.temperature),
        mode="lines",
        line={"color": MODELS[0], "width": 3},
        hovertemplate="logit %{x:+.2f}: %{y:.1%}<extra></extra>",
    )
    figure.add_scatter(
        x=[walk.final_logit, walk.final_logit],
        y=[0, walk.y_score],
        mode="lines",
        line={"color": GUIDE, "dash": "dot", "width": 2},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[walk.final_logit],
        y=[walk.y_score],
        mode="markers",
        marker={"size": 18, "color": COLOURS[walk.verdict], "line": {"color": "#ffffff", "width": 3}},
        hovertemplate="this picture: logit %{x:+.3f}, %{y:.1%}<extra></extra>",
    )
    figure.update_xaxes(title="Logit", range=[-end, end], zeroline=False)
    figure.update_yaxes(title="P(AI-generated)", range=[0, 1], tickformat=".0%", zeroline=False)
    return _finish(figure, f"p = {walk.y_score:.3f}: {walk.verdict.in_sentence}")


def _finish(figure: go.Figure, title: str) -> go.Figure:
    figure.layout.template = {"layout": {"colorway": MODELS}}
    return figure.update_layout(
        title={"text": title, "font": {"size": FONT + 3}, "x": 0},
        font={"size": FONT},
        height=HEIGHT,
        showlegend=False,
        dragmode=False,
        margin={"l": 8, "r": 8, "t": 48, "b": 8},
    )
