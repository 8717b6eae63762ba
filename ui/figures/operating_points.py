"""Confusion matrix and curves with the operating points that a threshold moves, and what each threshold
costs."""

from __future__ import annotations

from html import escape

import numpy as np
import plotly.graph_objects as go

from detector.evaluation.curves import Cell, ConfusionMatrix, Curves, thin
from ui.figures.figure_style import AI, GUIDE, MODELS, REAL, finish, guide, threshold_line, unit_axes

RIGHT, WRONG = (0, 114, 178), (213, 94, 0)
"""Colours of the matrix' tiles, red, green and blue."""
F1_LEVELS = (0.2, 0.4, 0.6, 0.8)
"""Whose curves the precision-recall figure draws as guides."""
Figures = dict[str, go.Figure]
Curve = tuple[np.ndarray, np.ndarray, np.ndarray]
"""x, y and the threshold of each point of a curve."""


def threshold_figures(models: dict[str, Curves]) -> Figures:
    """ "confusion" and, where a model has both classes, "roc" and "precision-recall", for ``mark`` to move.
    The main model comes first."""
    drawn = {"confusion": _confusion()}
    if curves := {name: each for name, each in models.items() if each.both}:
        drawn |= {"roc": _roc(curves), "precision-recall": _precision_recall(curves)}
    return drawn


def mark(drawn: Figures, models: dict[str, tuple[Curves, float]]) -> Figures:
    """Set the counts of the first model and the operating points of all, in place, to the thresholds given;
    returns ``drawn``.

    This is all that a threshold move costs: the curves stay as they were drawn.
    """
    curves, threshold = next(iter(models.values()))
    _fill(drawn["confusion"].data[0], curves.at(threshold))
    for key, figure in drawn.items():
        for trace in figure.data:
            if trace.meta:
                curves, threshold = models[trace.meta]
                x, y = _operating_point(key, curves, threshold)
                trace.x, trace.y = [x], [y]
                trace.name = f"threshold {threshold:.3f}"
    return drawn


def _operating_point(key: str, curves: Curves, threshold: float) -> tuple[float, float | None]:
    """Where a threshold lies on the curve "roc" or "precision-recall". Needs both classes."""
    confusion_matrix = curves.at(threshold)
    tp, fp = confusion_matrix.tp, confusion_matrix.fp
    recall = tp / curves.n_ai
    if key == "roc":
        return fp / curves.n_real, recall
    return recall, tp / (tp + fp) if tp + fp else None


def _confusion() -> go.Figure:
    """The matrix as four tiles, still without numbers. Tiles are bars, because bars can be clicked."""
    bars = go.Bar(
        x=["called real", "called AI"] * 2,
        y=[0.98] * 4,
        base=[1, 1, 0, 0],
        width=0.98,
        marker={"line": {"width": 0}},
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        textfont={"size": 13},
        constraintext="none",
        customdata=[cell.value for cell in Cell],
        hoverinfo="text",
        unselected={"marker": {"opacity": 0.8}},
        name="confusion",
    )
    figure = go.Figure(bars)
    figure.update_xaxes(side="top", fixedrange=True, showgrid=False)
    figure.update_yaxes(
        tickvals=[1.49, 0.49],
        ticktext=["real", "AI"],
        range=[0, 2],
        fixedrange=True,
        showgrid=False,
        zeroline=False,
        title="Truth",
    )
    return finish(figure, "Confusion matrix", legend=False).update_layout(margin={"t": 76})


def _fill(bars: go.Bar, confusion_matrix: ConfusionMatrix) -> None:
    """Number, share of its row and colour of every tile."""
    colours, inks, texts, hovers = [], [], [], []
    for cell in Cell:
        number = getattr(confusion_matrix, cell)
        is_ai = cell in (Cell.FN, Cell.TP)
        is_right = cell in (Cell.TN, Cell.TP)
        total = confusion_matrix.n_ai if is_ai else confusion_matrix.n_real
        share = number / total if total else 0.0
        of_row = f"{share:.1%} of {'AI' if is_ai else 'real'}" if total else "no such pictures"
        colours.append(_tint(RIGHT if is_right else WRONG, 0.2 + 0.8 * share))
        inks.append("#ffffff" if share > 0.55 else "#1b1f24")
        texts.append(f"<b>{number:,}</b><br>{of_row}<br>{cell.title}")
        hovers.append(f"{cell.title}: {number:,} ({of_row})<br>Click to see them")
    bars.marker.color, bars.textfont.color = colours, inks
    bars.text, bars.hovertext = texts, hovers


def _tint(colour: tuple[int, int, int], share: float) -> str:
    """That much of the colour, the rest white: solid, so that a text on it reads the same on a light and
    on a dark page."""
    mixed = [round(255 - share * (255 - part)) for part in colour]
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _roc(models: dict[str, Curves]) -> go.Figure:
    figure = go.Figure()
    hover = "false alarms %{x:.1%}, recall %{y:.1%}"
    for number, (name, curves) in enumerate(models.items()):
        _line(figure, name, number, curves.roc(), f"AUC {curves.roc_auc:.3f}", hover)
    guide(figure, [0, 1], [0, 1])
    figure.add_annotation(x=0.68, y=0.62, text="chance", showarrow=False, font={"color": GUIDE})
    unit_axes(figure, "False alarm rate", "Recall")
    return finish(figure, "ROC curve")


def _precision_recall(models: dict[str, Curves]) -> go.Figure:
    figure = go.Figure()
    for f1 in F1_LEVELS:
        _f1_guide(figure, f1)
    hover = "recall %{x:.1%}, precision %{y:.1%}"
    for number, (name, curves) in enumerate(models.items()):
        area = f"AP {curves.average_precision:.3f}"
        _line(figure, name, number, curves.precision_recall(), area, hover)
    main = next(iter(models.values()))
    chance = main.n_ai / main.n
    guide(figure, [0, 1], [chance, chance])
    figure.add_annotation(
        x=0.02,
        y=chance,
        text="chance",
        showarrow=False,
        xanchor="left",
        yanchor="bottom",
        font={"color": GUIDE},
    )
    unit_axes(figure, "Recall", "Precision")
    return finish(figure, "Precision-recall curve")


def _f1_guide(figure: go.Figure, f1: float) -> None:
    """All recalls and precisions with that F1: precision = f1 * recall / (2 * recall - f1)."""
    lowest = f1 / (2 - f1)
    recall = np.linspace(0.01, 1, 100)
    recall = recall[recall > lowest]
    precision = f1 * recall / (2 * recall - f1)
    guide(figure, recall, precision, dash="dot")
    figure.add_annotation(
        x=1,
        y=lowest,
        xanchor="right",
        yanchor="bottom",
        text=f"F1 {f1}",
        showarrow=False,
        font={"color": GUIDE, "size": 10},
    )


def _line(figure: go.Figure, name: str, number: int, curve: Curve, area: str, hover: str) -> None:
    """A curve, thinned, and a marker for its operating point, whose ``meta`` is the model's name."""
    x, y, thresholds = curve
    kept = thin(x, y)
    figure.add_scatter(
        x=x[kept].astype(np.float32),
        y=y[kept].astype(np.float32),
        customdata=thresholds[kept].astype(np.float32),
        mode="lines",
        name=f"{escape(name)}, {area}",
        line={"color": MODELS[number % len(MODELS)], "width": 2},
        hovertemplate=hover + "<br>threshold %{customdata:.3f}<extra></extra>",
    )
    figure.add_scatter(
        mode="markers",
        meta=name,
        showlegend=False,
        hovertemplate=hover + "<br>%{fullData.name}<extra></extra>",
        marker={"color": MODELS[number % len(MODELS)], "size": 14, "line": {"color": "#ffffff", "width": 2}},
    )


def rates(curves: Curves, threshold: float) -> go.Figure:
    """Misses and false alarms at every threshold. Needs both classes."""
    x = np.concatenate([[0.0], curves.scores, [1.0]])
    caught = np.concatenate([[curves.n_ai], curves.tp, [0]]) / curves.n_ai
    false_alarms = np.concatenate([[curves.n_real], curves.fp, [0]]) / curves.n_real
    figure = go.Figure()
    _rate(figure, "missed, of AI", AI, x, 1 - caught)
    _rate(figure, "false alarms, of real", REAL, x, false_alarms)
    threshold_line(figure, threshold)
    unit_axes(figure, "Threshold", "Share")
    return finish(figure, "What each threshold costs")


def _rate(figure: go.Figure, name: str, colour: str, x: np.ndarray, share: np.ndarray) -> None:
    kept = thin(x, share)
    figure.add_scatter(
        x=x[kept].astype(np.float32),
        y=share[kept].astype(np.float32),
        mode="lines",
        name=name,
        line={"color": colour, "shape": "vh"},
        hovertemplate="%{y:.1%} at threshold %{x:.3f}",
    )
