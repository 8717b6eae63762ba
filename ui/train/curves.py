"""A run's curves, epoch by epoch: train and validation together, or several runs over each other."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from ui.figures import AI, GUIDE, MODELS, REAL
from ui.train.words import stage_name

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


def table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """metrics.csv as numbers; whatever is not one is missing. "number" counts the epochs of all stages, from 1."""
    found = pd.DataFrame(rows)
    for column in found.columns:
        if column != "stage":
            found[column] = pd.to_numeric(found[column], errors="coerce")
    return found.assign(number=range(1, len(found) + 1))


def figures(metrics: dict[str, pd.DataFrame]) -> dict[str, go.Figure]:
    """A figure for every panel that has something to show. metrics: name of a run -> its ``table``. One run gets a colour for each curve
    and a line between its stages, several get a colour each.
    """
    drawn = {}
    for panel, (title, columns) in PANELS.items():
        figure = go.Figure()
        for number, (name, rows) in enumerate(metrics.items()):
            for place, (column, meaning) in enumerate(columns.items()):
                if column not in rows or not rows[column].notna().any():
                    continue
                several = len(metrics) > 1
                colour = COLOURS[(number if several else place) % len(COLOURS)]
                label = f"{escape(shortened(name))}, {meaning}" if several else meaning
                # Markers as well: after the first epoch there is a point and no line yet.
                figure.add_scatter(
                    x=rows["number"], y=rows[column], name=label, mode="lines+markers", marker={"size": 6, "color": colour},
                    line={"color": colour, "width": 2, "dash": DASHES[meaning]}, hovertemplate="epoch %{x}: %{y:.4g}<extra>%{fullData.name}</extra>",
                    showlegend=not (several and meaning == "train"),
                )  # fmt: skip
        if figure.data:
            if len(metrics) == 1:
                _mark_stages(figure, next(iter(metrics.values())))
            drawn[panel] = _finish(figure, title, panel, len(metrics) > 1)
    return drawn


def shortened(name: str) -> str:
    """A run's name short enough for a legend."""
    return name if len(name) <= 28 else f"{name[:13]}…{name[-13:]}"


def _mark_stages(figure: go.Figure, rows: pd.DataFrame) -> None:
    stages = rows["stage"].tolist() if "stage" in rows else []
    for place in range(1, len(stages)):
        if stages[place] != stages[place - 1]:
            figure.add_vline(
                x=place + 0.5, line={"color": GUIDE, "dash": "dash", "width": 1},
                annotation={"text": escape(stage_name(str(stages[place]))), "font": {"color": GUIDE, "size": 11}, "xanchor": "left"},
            )  # fmt: skip


def _finish(figure: go.Figure, title: str, panel: str, several: bool) -> go.Figure:
    epochs = max(len(trace.x) for trace in figure.data)
    figure.update_xaxes(title="Epoch", dtick=1 if epochs <= 12 else None, range=[0.5, epochs + 0.5], zeroline=False)
    if panel == "learning_rate":
        figure.update_yaxes(rangemode="tozero", tickformat="~g", exponentformat="e", nticks=5)
    figure.layout.template = {"layout": {"colorway": MODELS}}
    return figure.update_layout(
        title={"text": title + (", dotted: train" if several and panel in ("loss", "accuracy", "auc") else ""), "font": {"size": 15}, "x": 0,
               "xref": "container", "y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 8}},
        height=HEIGHT, margin={"l": 8, "r": 8, "t": 40, "b": 8}, showlegend=len(figure.data) > 1,
        legend={"orientation": "h", "yanchor": "top", "y": -0.36, "x": 0, "font": {"size": 12}}, uirevision="kept",
    )  # fmt: skip
