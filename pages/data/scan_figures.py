"""The figures of the Data page, the same on the page and in its report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from detector.datasets.image_facts import Histogram
from detector.datasets.mean_spectrum import MeanSpectrum
from ui.figures import AI, GUIDE, REAL, title_above

HEIGHT = 260
FILLS = {AI: "rgba(213,94,0,.35)", REAL: "rgba(0,158,115,.35)"}
CLASSES: dict[int, tuple[str, str, str]] = {0: ("real", REAL, "dot"), 1: ("AI-generated", AI, "solid")}
"""y_true -> name, colour and dash of its outline: colour is not all that tells them apart."""


def histogram(drawn: Histogram) -> go.Figure:
    """Both classes over each other, each as shares of its own pictures."""
    figure = go.Figure()
    for label, (name, colour, dash) in CLASSES.items():
        if not drawn.counts[label]:
            continue
        shares = drawn.shares[label]
        figure.add_scatter(
            x=drawn.edges,
            y=np.append(shares, shares[-1]),
            mode="lines",
            line={"shape": "hv", "color": colour, "width": 1.5, "dash": dash},
            fill="tozeroy",
            fillcolor=FILLS[colour],
            name=f"{name}, {drawn.counts[label]:,}",
            hovertemplate="%{y:.1%} from %{x:,.4~g}<extra>" + name + "</extra>",
        )
    axis: dict[str, Any] = {"title": None, "zeroline": False}
    if drawn.fact.logarithmic:
        axis |= {"type": "log", "tickvals": _ticks(drawn.edges), "tickformat": ",.3~s"}
    if drawn.fact.name == "aspect":
        axis |= {"tickvals": [1 / 3, 0.5, 2 / 3, 1, 1.5, 2, 3], "tickformat": None}
        axis |= {"ticktext": ["1:3", "1:2", "2:3", "1:1", "3:2", "2:1", "3:1"]}
    figure.update_xaxes(**axis)
    return _finish(figure, drawn.fact.title)


def _ticks(edges: np.ndarray) -> list[float]:
    """Round numbers, as many as there is room for on a narrow axis."""
    decades = np.arange(np.floor(np.log10(edges[0])), np.ceil(np.log10(edges[-1])) + 1)
    steps = (1, 2, 5) if len(decades) <= 3 else (1, 3) if len(decades) <= 4 else (1,)
    values = [step * 10.0**decade for decade in decades for step in steps]
    inside = [value for value in values if edges[0] <= value <= edges[-1]]
    if len(inside) >= 2:
        return inside
    return [float(f"{value:.2g}") for value in np.geomspace(edges[0], edges[-1], 5)]


def formats(shares: pd.DataFrame) -> go.Figure:
    """Bars side by side for each format. shares: as `image_facts.formats` makes it."""
    figure = go.Figure()
    for label, (name, colour, _) in CLASSES.items():
        if not shares[label].any():
            continue
        figure.add_bar(
            x=shares.index,
            y=shares[label],
            name=name,
            marker={"color": colour, "pattern": {"shape": "" if label else "/"}},
            hovertemplate="%{y:.1%} %{x}<extra>" + name + "</extra>",
        )
    return _finish(figure, "Format")


def radial_spectrum(spectra: dict[int, MeanSpectrum]) -> go.Figure:
    """Power by frequency, a line for each class."""
    figure = go.Figure()
    for label, (name, colour, dash) in CLASSES.items():
        if label in spectra:
            figure.add_scatter(
                x=spectra[label].frequencies,
                y=spectra[label].radial,
                mode="lines",
                line={"color": colour, "width": 2, "dash": dash},
                name=f"{name}, {spectra[label].pictures:,} pictures",
                hovertemplate="%{y:.1f} dB at %{x:.3f}<extra>" + name + "</extra>",
            )
    figure.update_xaxes(title="Cycles per pixel", range=[0, 0.5], zeroline=False)
    figure = _finish(figure, "Power by frequency, dB")
    figure.update_yaxes(tickformat=".0f", rangemode="normal")
    return figure.update_layout(height=340)


def spectrum_maps(spectra: dict[int, MeanSpectrum]) -> go.Figure:
    """The mean spectrum of each class, and where there are both, how they differ. Lattices of bright points
    come from up-sampling and from JPEG's blocks."""
    maps = {CLASSES[label][0]: spectra[label].power for label in sorted(spectra, reverse=True)}
    both = len(spectra) == 2
    titles = [*maps, "AI-generated − real"] if both else list(maps)
    figure = make_subplots(rows=1, cols=len(titles), subplot_titles=titles, horizontal_spacing=0.03)
    low = min(np.percentile(power, 1) for power in maps.values())
    high = max(np.percentile(power, 99.5) for power in maps.values())
    scale: dict[str, Any] = {"zmin": low, "zmax": high, "colorscale": "Cividis", "showscale": False}
    for column, power in enumerate(maps.values(), start=1):
        figure.add_heatmap(z=_halved(power), **scale, row=1, col=column, hoverinfo="skip")
    if both:
        difference = _halved(spectra[1].power - spectra[0].power)
        bound = max(float(np.percentile(np.abs(difference), 99)), 1.0)
        figure.add_heatmap(
            z=difference,
            zmin=-bound,
            zmax=bound,
            colorscale=[[0, REAL], [0.5, "#f4f4f4"], [1, AI]],
            colorbar={"title": "dB", "thickness": 10, "len": 0.9},
            row=1,
            col=3,
            hovertemplate="%{z:+.1f} dB<extra></extra>",
        )
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, scaleratio=1)
    for number in range(1, len(titles) + 1):
        figure.update_yaxes(scaleanchor=f"x{number if number > 1 else ''}", row=1, col=number)
    figure.layout.template = {"layout": {}}
    return figure.update_layout(height=300, margin={"l": 0, "r": 0, "t": 32, "b": 8}, dragmode=False)


def _halved(power: np.ndarray) -> np.ndarray:
    """At most 128 by 128, by the brightest of each square, so that a single bright point stays one."""
    step = max(len(power) // 128, 1)
    side = len(power) // step
    return power.reshape(side, step, side, step).max(axis=(1, 3)).round(1)


def _finish(figure: go.Figure, title: str) -> go.Figure:
    figure.layout.template = {"layout": {}}
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", zeroline=False, gridcolor=GUIDE, griddash="dot")
    return figure.update_layout(
        title=title_above(title, size=15, pad=8),
        height=HEIGHT,
        margin={"l": 8, "r": 8, "t": 40, "b": 8},
        showlegend=True,
        legend={"orientation": "h", "yanchor": "top", "y": -0.18, "x": 0, "font": {"size": 12}},
    )
