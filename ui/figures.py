"""The Evaluate page's figures. Each is a function from arrays to a Plotly figure, on the page and in the
report alike.

Colours are Okabe & Ito's, told apart by colour-blind readers and legible on light and on dark; lines that
only guide the eye are grey. Every name that came from outside is escaped: Plotly reads some HTML in texts.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from detector.evaluation.abstention import Band, RiskCoverage
from detector.evaluation.curves import Cell, ConfusionMatrix, Curves, thin
from detector.evaluation.intervals import Estimate, proportion, wilson
from detector.evaluation.reliability import BINS, HISTOGRAM_BINS, Reliability

AI, REAL, GUIDE = "#d55e00", "#009e73", "rgba(138,138,138,.75)"
MODELS = ("#0072b2", "#e69f00", "#cc79a7", "#56b4e9")
"""One per model, in turn."""
SYMBOLS = ("circle", "diamond", "square", "x")
"""One per perturbation, in turn, so that colour is not all that tells them apart."""
MIN_ANSWERED = 20
"""Pictures from which on an error rate is drawn."""
RIGHT, WRONG = (0, 114, 178), (213, 94, 0)
"""Colours of the matrix' tiles, red, green and blue."""
F1_LEVELS = (0.2, 0.4, 0.6, 0.8)
"""Whose curves the precision-recall figure draws as guides."""
Figures = dict[str, go.Figure]
Curve = tuple[np.ndarray, np.ndarray, np.ndarray]
"""x, y and the threshold of each point of a curve."""
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
    return _finish(figure, "Confusion matrix", legend=False).update_layout(margin={"t": 76})


def _roc(models: dict[str, Curves]) -> go.Figure:
    figure = go.Figure()
    hover = "false alarms %{x:.1%}, recall %{y:.1%}"
    for number, (name, curves) in enumerate(models.items()):
        _line(figure, name, number, curves.roc(), f"AUC {curves.roc_auc:.3f}", hover)
    _guide(figure, [0, 1], [0, 1])
    figure.add_annotation(x=0.68, y=0.62, text="chance", showarrow=False, font={"color": GUIDE})
    _unit_axes(figure, "False alarm rate", "Recall")
    return _finish(figure, "ROC curve")


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
    _guide(figure, [0, 1], [chance, chance])
    figure.add_annotation(
        x=0.02,
        y=chance,
        text="chance",
        showarrow=False,
        xanchor="left",
        yanchor="bottom",
        font={"color": GUIDE},
    )
    _unit_axes(figure, "Recall", "Precision")
    return _finish(figure, "Precision-recall curve")


def _f1_guide(figure: go.Figure, f1: float) -> None:
    """All recalls and precisions with that F1: precision = f1 * recall / (2 * recall - f1)."""
    lowest = f1 / (2 - f1)
    recall = np.linspace(0.01, 1, 100)
    recall = recall[recall > lowest]
    precision = f1 * recall / (2 * recall - f1)
    _guide(figure, recall, precision, dash="dot")
    figure.add_annotation(
        x=1,
        y=lowest,
        xanchor="right",
        yanchor="bottom",
        text=f"F1 {f1}",
        showarrow=False,
        font={"color": GUIDE, "size": 10},
    )


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


def rates(curves: Curves, threshold: float) -> go.Figure:
    """Misses and false alarms at every threshold. Needs both classes."""
    x = np.concatenate([[0.0], curves.scores, [1.0]])
    caught = np.concatenate([[curves.n_ai], curves.tp, [0]]) / curves.n_ai
    false_alarms = np.concatenate([[curves.n_real], curves.fp, [0]]) / curves.n_real
    figure = go.Figure()
    _rate(figure, "missed, of AI", AI, x, 1 - caught)
    _rate(figure, "false alarms, of real", REAL, x, false_alarms)
    _threshold_line(figure, threshold)
    _unit_axes(figure, "Threshold", "Share")
    return _finish(figure, "What each threshold costs")


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


def reliability(after: Reliability, before: Reliability | None) -> go.Figure:
    """Shares of AI-generated per score bin against the mean score, with Wilson intervals, over the counts
    of each bin."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.76, 0.24], vertical_spacing=0.04)
    _guide(figure, [0, 1], [0, 1], width=2, row=1, col=1)
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
        error_y=_whiskers(_intervals(after)),
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
    return _finish(figure, "Reliability: does 70% mean 70%?")


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
    _threshold_line(figure, threshold)
    figure.update_layout(barmode="relative")
    figure.update_xaxes(title="Score, P(AI-generated)", range=[0, 1])
    highest = max(int(real.max()), int(ai.max()))
    ticks = _round_ticks(max(1, highest))
    figure.update_yaxes(
        title="Pictures: real below, AI above", tickvals=ticks, ticktext=[f"{abs(tick):,}" for tick in ticks]
    )
    return _finish(figure, "Scores of each class")


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


def slices(table: pd.DataFrame, metric: str, title: str, counted: str, overall: Estimate | None) -> go.Figure:
    """A dot with its interval for each slice, in the table's order from the top; larger dots have more
    rows. Points carry the slice's name. counted: the column with how many rows the metric is about."""
    shown = table[table[metric].notna()]
    names = [escape(plain_label(name)) for name in shown["slice"]]
    place = np.arange(len(shown))
    value, counts = shown[metric], shown[counted].to_numpy()
    size = 6 + 10 * np.sqrt(counts / max(counts.max(initial=1), 1))
    carried, told = [], []
    for slice_, name, share, count in zip(shown["slice"], names, value, counts, strict=True):
        carried.append([slice_, int(count)])
        told.append(f"{name}: {share:.1%} of {count:,}")
    figure = go.Figure()
    figure.add_scatter(
        x=value,
        y=place,
        mode="markers",
        marker={"color": MODELS[0], "opacity": 1, "size": size, "line": {"width": 0}},
        error_x={**_table_whiskers(shown, metric), "color": MODELS[0]},
        customdata=carried,
        hovertext=told,
        hoverinfo="text",
        unselected={"marker": {"opacity": 0.35}},
    )
    if overall is not None:
        figure.add_vline(x=overall.value, line={"color": GUIDE, "dash": "dash"})
    figure.update_xaxes(tickformat=".0%", range=[-0.03, 1.03], side="top")
    figure.update_yaxes(tickvals=place, ticktext=names, autorange="reversed", showgrid=False, zeroline=False)
    height = 110 + 24 * max(len(shown), 2)
    return _finish(figure, title, legend=False).update_layout(height=height, margin={"t": 76})


def perturbations(table: pd.DataFrame, metric: str, title: str) -> go.Figure:
    """A metric of each set, a dot with its interval for every perturbation. table: as
    ``pages.evaluate.perturbations_section.table`` makes it."""
    sets = list(dict.fromkeys(table["set"]))
    kinds = list(dict.fromkeys(table["perturbation"]))
    figure = go.Figure()
    for number, kind in enumerate(kinds):
        is_shown = (table["perturbation"] == kind) & table[metric].notna()
        rows = table[is_shown].drop_duplicates("set")
        offset = (number - (len(kinds) - 1) / 2) * 0.6 / len(kinds)
        name = escape(plain_label(kind) or "as it is")
        figure.add_scatter(
            x=rows[metric],
            y=[sets.index(each) + offset for each in rows["set"]],
            mode="markers",
            name=name,
            marker={
                "color": MODELS[number % len(MODELS)],
                "size": 11,
                "symbol": SYMBOLS[number % len(SYMBOLS)],
            },
            error_x=_table_whiskers(rows, metric),
            hovertext=[_told(row, name, metric) for row in rows.to_dict("records")],
            hoverinfo="text",
        )
    figure.add_vline(
        x=0.5,
        line={"color": GUIDE, "dash": "dash"},
        annotation={"text": "guessing", "font": {"color": GUIDE}, "yanchor": "bottom"},
    )
    lowest = 0.48
    ends = table[f"{metric}_low"].dropna()
    if len(ends):
        lowest = min(lowest, float(ends.min()) - 0.02)
    figure.update_xaxes(tickformat=".0%", range=[max(lowest, -0.02), 1.01], title=title)
    figure.update_yaxes(
        tickvals=np.arange(len(sets)),
        ticktext=[escape(plain_label(name)) for name in sets],
        range=[len(sets) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
    )
    height = 88 * len(sets)
    return _finish(figure, "Before and after delivery").update_layout(
        height=150 + height, legend={"y": -50 / (70 + height)}
    )


def _told(row: Mapping[Hashable, Any], name: str, metric: str) -> str:
    """What one dot says of a set after the perturbation of that name."""
    change = row[f"{metric}_change"]
    more = "" if np.isnan(change) else f", {change:+.1f} points"
    share = f"{row[metric]:.1%} of {row['n']:,}"
    return f"{escape(row['set'])}, {name}: {share}{more}"


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
    return _finish(figure, "Errors against answers")


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


def plain_label(name: str) -> str:
    """A name cut to what fits beside an axis."""
    if len(name) <= 34:
        return name
    return f"{name[:16]}…{name[-16:]}"


def gains(names: list[str], kinds: dict[str, list[Estimate]]) -> go.Figure:
    """Per name, from the top, a dot with its interval for each kind, and a line at 0, which is chance."""
    figure = go.Figure()
    place = np.arange(len(names))
    for number, (kind, estimates) in enumerate(kinds.items()):
        colour = MODELS[number % len(MODELS)]
        told = []
        for name, estimate in zip(names, estimates, strict=True):
            interval = f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"
            told.append(f"{escape(name)}, {kind}: {interval}")
        figure.add_scatter(
            x=[estimate.value for estimate in estimates],
            y=place + 0.24 * (number - (len(kinds) - 1) / 2),
            mode="markers",
            name=kind,
            marker={"color": colour, "size": 11, "symbol": SYMBOLS[number % len(SYMBOLS)]},
            hovertext=told,
            hoverinfo="text",
            error_x={**_whiskers(estimates), "thickness": 2, "width": 0, "color": colour},
        )
    figure.add_vline(x=0, line={"color": GUIDE, "dash": "dash"})
    figure.add_annotation(
        x=0,
        y=1,
        yref="paper",
        text="chance",
        showarrow=False,
        xanchor="left",
        yanchor="bottom",
        font={"color": GUIDE},
    )
    figure.update_xaxes(title="Gain over random order", tickformat="+.2f", zeroline=False)
    figure.update_yaxes(
        tickvals=place,
        ticktext=[escape(name) for name in names],
        autorange="reversed",
        showgrid=False,
        zeroline=False,
    )
    return _finish(figure, "How much better than a random order of patches").update_layout(
        height=170 + 44 * len(names), margin={"t": 64}
    )


def _tint(colour: tuple[int, int, int], share: float) -> str:
    """That much of the colour, the rest white: solid, so that a text on it reads the same on a light and
    on a dark page."""
    mixed = [round(255 - share * (255 - part)) for part in colour]
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _guide(
    figure: go.Figure, x: ArrayLike, y: ArrayLike, dash: str = "dash", width: int = 1, **where: int
) -> None:
    """A grey line that only guides the eye. where: the row and column of its subplot."""
    line = GUIDE_LINE | {"dash": dash, "width": width}
    figure.add_scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", showlegend=False, **where)


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


def _whiskers(intervals: list[Estimate]) -> dict[str, Any]:
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


def _table_whiskers(table: pd.DataFrame, metric: str) -> dict[str, Any]:
    """The same from the columns of a metric and of the ends of its interval."""
    return {
        "type": "data",
        "symmetric": False,
        "array": table[f"{metric}_high"] - table[metric],
        "arrayminus": table[metric] - table[f"{metric}_low"],
        "thickness": 1.5,
        "width": 0,
    }


def _threshold_line(figure: go.Figure, threshold: float) -> None:
    figure.add_vline(
        x=threshold,
        line={"color": GUIDE, "width": 2},
        annotation={"text": f"threshold {threshold:.3f}", "font": {"color": GUIDE}},
    )


def _unit_axes(figure: go.Figure, x: str, y: str) -> None:
    figure.update_xaxes(
        title=x,
        range=[-0.01, 1.01],
        dtick=0.2,
        tickformat=".0%" if x != "Threshold" else ".1f",
        zeroline=False,
    )
    figure.update_yaxes(title=y, range=[-0.01, 1.03], tickformat=".0%", zeroline=False)


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


def _finish(figure: go.Figure, title: str, legend: bool = True) -> go.Figure:
    # Plotly's default template is most of a small figure's bytes; the page brings its own, and so does the
    # report.
    figure.layout.template = {"layout": {"colorway": MODELS}}
    return figure.update_layout(
        title=title_above(title),
        height=400,
        margin={"l": 8, "r": 8, "t": 48, "b": 8},
        showlegend=legend,
        dragmode="zoom",
        legend={"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0, "font": {"size": 12}},
    )
