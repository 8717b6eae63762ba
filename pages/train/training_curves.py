"""A run's curves, epoch by epoch: train and validation together, or several runs over each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.train.wording import stage_title
from ui.figures import AI, GUIDE, MODELS, REAL, title_above

PANELS = {
    "loss": ("Loss", {"loss": "train", "val_loss": "validation"}),
    "accuracy": ("Accuracy", {"accuracy": "train", "val_accuracy": "validation"}),
    "auc": ("ROC AUC", {"auc": "train", "val_auc": "validation", "val_paired_auc": "validation, paired"}),
    "attention": ("Attention entropy", {"attention_entropy": "train"}),
    "learning_rate": ("Learning rate", {"learning_rate": "learning rate"}),
}
"""Figure -> its title and the columns of metrics.csv it draws, with what they are."""
DASHES = {"train": "dot", "validation": "solid", "validation, paired": "dash", "learning rate": "solid"}
COLOURS = (*MODELS, REAL, AI)
"""One per run, or per curve of a single run. There are no more that everybody can tell apart."""
HEIGHT = 280
MOST_POINTS, FEW_POINTS = 600, 30
"""Of the loss within epochs: what is drawn of it, and how many still get a dot each."""


def table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """metrics.csv as numbers; whatever is not one is missing. "number" counts the epochs of all stages,
    from 1."""
    found = pd.DataFrame(rows)
    for column in found.columns:
        if column != "stage":
            found[column] = pd.to_numeric(found[column], errors="coerce")
    return found.assign(number=range(1, len(found) + 1))


def within_epochs(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """steps.csv as numbers, "epochs" and "loss"; of many rows the means of as many stretches as are drawn."""
    found = pd.DataFrame(rows, columns=["epochs", "loss"]).apply(pd.to_numeric, errors="coerce").dropna()
    stretch = np.arange(len(found)) * MOST_POINTS // max(len(found), MOST_POINTS)
    return found.groupby(stretch).mean() if len(found) > MOST_POINTS else found


def kept_epoch(rows: pd.DataFrame, recipe: Mapping[str, Any]) -> int | None:
    """The "number" of the epoch whose weights are kept, as far as a run has come: the best of its last stage
    by the figure that the recipe watches there, or of the frozen stage if that was better and watched the
    same. None where it cannot be told.
    """
    if "stage" not in rows or rows.empty:
        return None
    last = rows["stage"].iloc[-1]
    monitor = _monitor(recipe, last)
    if monitor not in rows:
        return None
    sign = -1 if monitor == "val_loss" else 1
    best, kept = -math.inf, None
    for stage in reversed(rows["stage"].unique()):
        if _monitor(recipe, stage) != monitor:
            continue
        values = sign * rows.loc[rows["stage"] == stage, monitor].dropna()
        if not values.empty and values.max() > best:
            best, kept = values.max(), int(rows["number"].loc[values.idxmax()])
    return kept


def _monitor(recipe: Mapping[str, Any], stage: Any) -> str:
    """What a stage of a run watches; "" where its recipe does not say."""
    settings = recipe.get(str(stage))
    monitor = settings.get("monitor") if isinstance(settings, dict) else None
    return monitor if isinstance(monitor, str) else ""


def figures(
    metrics: dict[str, pd.DataFrame],
    kept: Mapping[str, int | None] | None = None,
    within: pd.DataFrame | None = None,
) -> dict[str, go.Figure]:
    """A figure for every panel that has something to show. metrics: name of a run -> its ``table``. kept:
    name -> its ``kept_epoch``, which gets a star. within: of a single run, its loss ``within_epochs``. One
    run gets a colour for each curve and a line between its stages, several get a colour each.
    """
    several = len(metrics) > 1
    drawn = {}
    for panel, (title, columns) in PANELS.items():
        figure = go.Figure()
        if panel == "loss" and within is not None and len(within):
            _add_steps(figure, within)
        for number, (name, rows) in enumerate(metrics.items()):
            star = (kept or {}).get(name)
            _add_curves(figure, columns, rows, name, number if several else None, star)
        if not figure.data:
            continue
        if not several:
            _mark_stages(figure, next(iter(metrics.values())))
        drawn[panel] = _finish(figure, title, panel, several)
    return drawn


def _add_curves(
    figure: go.Figure,
    columns: dict[str, str],
    rows: pd.DataFrame,
    name: str,
    number: int | None,
    star: int | None,
) -> None:
    """The curves of one run. number: which of several runs it is, None for the only one. star: the epoch that
    gets one."""
    several = number is not None
    starred = [epoch == star for epoch in rows["number"]]
    symbols = ["star" if here else "circle" for here in starred]
    sizes = [14 if here else 6 for here in starred]
    for place, (column, meaning) in enumerate(columns.items()):
        if column not in rows or not rows[column].notna().any():
            continue
        colour = COLOURS[(place if number is None else number) % len(COLOURS)]
        label = f"{escape(shortened(name))}, {meaning}" if several else meaning
        # Markers as well: after the first epoch there is a point and no line yet.
        figure.add_scatter(
            x=rows["number"],
            y=rows[column],
            name=label,
            mode="lines+markers",
            marker={"size": sizes, "symbol": symbols, "color": colour},
            line={"color": colour, "width": 2, "dash": DASHES[meaning]},
            hovertemplate="epoch %{x}: %{y:.4g}<extra>%{fullData.name}</extra>",
            showlegend=not (several and meaning == "train"),
        )


def _add_steps(figure: go.Figure, within: pd.DataFrame) -> None:
    figure.add_scatter(
        x=within["epochs"],
        y=within["loss"],
        name="train, within epochs",
        mode="lines+markers" if len(within) < FEW_POINTS else "lines",
        marker={"size": 4, "color": COLOURS[0]},
        line={"color": COLOURS[0], "width": 1},
        opacity=0.5,
        hovertemplate="after %{x:.2f} epochs: %{y:.4g}<extra>%{fullData.name}</extra>",
    )


def shortened(name: str) -> str:
    """A run's name short enough for a legend."""
    start, end = name[:13], name[-13:]
    return name if len(name) <= 28 else f"{start}…{end}"


def _mark_stages(figure: go.Figure, rows: pd.DataFrame) -> None:
    stages = rows["stage"].tolist() if "stage" in rows else []
    for number, (before, stage) in enumerate(pairwise(stages), start=1):
        if stage != before:
            figure.add_vline(
                x=number + 0.5,
                line={"color": GUIDE, "dash": "dash", "width": 1},
                annotation={
                    "text": escape(stage_title(str(stage))),
                    "font": {"color": GUIDE, "size": 11},
                    "xanchor": "left",
                },
            )


def _finish(figure: go.Figure, title: str, panel: str, several: bool) -> go.Figure:
    epochs = max(math.ceil(max(trace.x)) for trace in figure.data)
    first = min(0.5, min(min(trace.x) for trace in figure.data))
    figure.update_xaxes(
        title="Epoch", dtick=1 if epochs <= 12 else None, range=[first, epochs + 0.5], zeroline=False
    )
    if panel == "learning_rate":
        figure.update_yaxes(rangemode="tozero", tickformat="~g", exponentformat="e", nticks=5)
    figure.layout.template = {"layout": {"colorway": MODELS}}
    dotted = several and panel in ("loss", "accuracy", "auc")
    return figure.update_layout(
        title=title_above(f"{title}, dotted: train" if dotted else title, size=15, pad=8),
        height=HEIGHT,
        margin={"l": 8, "r": 8, "t": 40, "b": 8},
        showlegend=len(figure.data) > 1,
        legend={"orientation": "h", "yanchor": "top", "y": -0.36, "x": 0, "font": {"size": 12}},
        uirevision="kept",
    )
