"""The Evaluate page's figures. Each is a function from arrays to a Plotly figure, on the page and in the report alike.

Colours are Okabe & Ito's, told apart by colour-blind readers and legible on light and on dark; lines that only guide the eye are grey.
Every name that came from outside is escaped: Plotly reads some HTML in texts.
"""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from detector.evaluation.abstention import Band, RiskCoverage
from detector.evaluation.curves import Counts, Curves, thin
from detector.evaluation.intervals import Estimate, wilson
from detector.evaluation.reliability import BINS, HISTOGRAM_BINS, Reliability

AI, REAL, GUIDE = "#d55e00", "#009e73", "rgba(138,138,138,.75)"
MODELS = ("#0072b2", "#e69f00", "#cc79a7", "#56b4e9")
"""One per model, in turn."""
SYMBOLS = ("circle", "diamond", "square", "x")
"""One per delivery, in turn, so that colour is not all that tells them apart."""
MIN_ANSWERED = 20
"""Pictures from which on an error rate is drawn."""
CELLS = {"tn": "Real, called real", "fp": "False alarm", "fn": "Missed", "tp": "AI-generated, caught"}
"""Confusion cells row by row; rows are truth, columns prediction, real first."""


def config(name: str, image_format: str) -> dict:
    """Plotly's settings for one figure: its camera button saves "svg" or "png" under that name, in the browser."""
    return {
        "displaylogo": False,
        "toImageButtonOptions": {"format": image_format, "filename": f"telltale-{name}", "scale": 1 if image_format == "svg" else 3},
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    }


def threshold_figures(models: dict[str, Curves]) -> dict[str, go.Figure]:
    """"confusion" and, where a model has both classes, "roc" and "precision-recall", for ``mark`` to move. The main model comes first."""
    drawn = {"confusion": _confusion()}
    if curves := {name: each for name, each in models.items() if each.both}:
        drawn |= {"roc": _roc(curves), "precision-recall": _precision_recall(curves)}
    return drawn


def mark(drawn: dict[str, go.Figure], models: dict[str, tuple[Curves, float]]) -> dict[str, go.Figure]:
    """Set the counts of the first model and the operating points of all, in place, to the thresholds given; returns ``drawn``.

    This is all that a threshold move costs: the curves stay as they were drawn.
    """
    curves, threshold = next(iter(models.values()))
    _fill(drawn["confusion"].data[0], curves.at(threshold))
    for key in drawn.keys() - {"confusion"}:
        for trace in drawn[key].data:
            if trace.meta:
                curves, threshold = models[trace.meta]
                counts = curves.at(threshold)
                recall = counts.tp / curves.n_ai
                precision = counts.tp / (counts.tp + counts.fp) if counts.tp + counts.fp else None
                x, y = (counts.fp / curves.n_real, recall) if key == "roc" else (recall, precision)
                trace.x, trace.y, trace.name = [x], [y], f"threshold {threshold:.3f}"
    return drawn


def _confusion() -> go.Figure:
    """The matrix as four tiles, still without numbers. Tiles are bars, because bars can be clicked."""
    bars = go.Bar(
        x=["called real", "called AI"] * 2, y=[0.98] * 4, base=[1, 1, 0, 0], width=0.98, marker={"line": {"width": 0}}, textposition="inside",
        insidetextanchor="middle", textangle=0, textfont={"size": 13}, constraintext="none", customdata=list(CELLS), hoverinfo="text",
        unselected={"marker": {"opacity": 0.8}}, name="confusion",
    )  # fmt: skip
    figure = go.Figure(bars)
    figure.update_xaxes(side="top", fixedrange=True, showgrid=False)
    figure.update_yaxes(tickvals=[1.49, 0.49], ticktext=["real", "AI"], range=[0, 2], fixedrange=True, showgrid=False, zeroline=False, title="Truth")
    return _finish(figure, "Confusion matrix", legend=False).update_layout(margin={"t": 76})


def _roc(models: dict[str, Curves]) -> go.Figure:
    figure = go.Figure()
    for number, (name, curves) in enumerate(models.items()):
        _line(figure, name, number, *curves.roc(), f"AUC {curves.roc_auc:.3f}", "false alarms %{x:.1%}, recall %{y:.1%}")
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": GUIDE, "dash": "dash", "width": 1}, hoverinfo="skip", showlegend=False)
    figure.add_annotation(x=0.68, y=0.62, text="chance", showarrow=False, font={"color": GUIDE})
    _unit_axes(figure, "False alarm rate", "Recall")
    return _finish(figure, "ROC curve")


def _precision_recall(models: dict[str, Curves]) -> go.Figure:
    figure = go.Figure()
    recall = np.linspace(0.01, 1, 100)
    for f1 in (0.2, 0.4, 0.6, 0.8):
        inside = recall > f1 / (2 - f1)
        x, y = recall[inside], f1 * recall[inside] / (2 * recall[inside] - f1)
        figure.add_scatter(x=x, y=y, mode="lines", line={"color": GUIDE, "dash": "dot", "width": 1}, hoverinfo="skip", showlegend=False)
        ends = {"x": 1, "y": f1 / (2 - f1), "xanchor": "right", "yanchor": "bottom"}
        figure.add_annotation(text=f"F1 {f1}", showarrow=False, font={"color": GUIDE, "size": 10}, **ends)
    for number, (name, curves) in enumerate(models.items()):
        _line(figure, name, number, *curves.precision_recall(), f"AP {curves.average_precision:.3f}", "recall %{x:.1%}, precision %{y:.1%}")
    chance = next(curves.n_ai / curves.n for curves in models.values())
    figure.add_scatter(x=[0, 1], y=[chance] * 2, mode="lines", line={"color": GUIDE, "dash": "dash", "width": 1}, hoverinfo="skip", showlegend=False)
    figure.add_annotation(x=0.02, y=chance, text="chance", showarrow=False, xanchor="left", yanchor="bottom", font={"color": GUIDE})
    _unit_axes(figure, "Recall", "Precision")
    return _finish(figure, "Precision-recall curve")


def _fill(bars: go.Bar, counts: Counts) -> None:
    colours, inks, texts, hovers = [], [], [], []
    for place, cell in enumerate(CELLS):
        row, column = divmod(place, 2)
        number, total = counts.matrix[row][column], sum(counts.matrix[row])
        share = number / total if total else 0.0
        colours.append(_tint((0, 114, 178) if row == column else (213, 94, 0), 0.2 + 0.8 * share))
        inks.append("#ffffff" if share > 0.55 else "#1b1f24")
        of_row = f"{share:.1%} of {'AI' if row else 'real'}" if total else "no such pictures"
        texts.append(f"<b>{number:,}</b><br>{of_row}<br>{CELLS[cell]}")
        hovers.append(f"{CELLS[cell]}: {number:,} ({of_row})<br>Click to see them")
    bars.marker.color, bars.textfont.color, bars.text, bars.hovertext = colours, inks, texts, hovers


def rates(curves: Curves, threshold: float) -> go.Figure:
    """Misses and false alarms at every threshold. Needs both classes."""
    x = np.concatenate([[0.0], curves.scores, [1.0]])
    figure = go.Figure()
    for name, colour, share in (
        ("missed, of AI", AI, 1 - np.concatenate([[curves.n_ai], curves.tp, [0]]) / curves.n_ai),
        ("false alarms, of real", REAL, np.concatenate([[curves.n_real], curves.fp, [0]]) / curves.n_real),
    ):
        kept = thin(x, share)
        figure.add_scatter(
            x=x[kept].astype(np.float32), y=share[kept].astype(np.float32), mode="lines", name=name, line={"color": colour, "shape": "vh"},
            hovertemplate="%{y:.1%} at threshold %{x:.3f}",
        )  # fmt: skip
    _threshold_line(figure, threshold)
    _unit_axes(figure, "Threshold", "Share")
    return _finish(figure, "What each threshold costs")


def reliability(after: Reliability, before: Reliability | None) -> go.Figure:
    """Shares of AI-generated per score bin against the mean score, with Wilson intervals, over the counts of each bin."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.76, 0.24], vertical_spacing=0.04)
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": GUIDE, "dash": "dash"}, hoverinfo="skip", showlegend=False, row=1, col=1)
    if before is not None:
        figure.add_scatter(
            x=before.prob_pred, y=before.prob_true, mode="lines+markers", name=f"before calibration, error {before.expected_calibration_error:.3f}",
            line={"color": MODELS[1], "dash": "dot"}, marker={"symbol": "diamond-open", "size": 8}, connectgaps=True,
            customdata=before.counts, hovertemplate="scored %{x:.2f}, %{y:.0%} AI-generated, %{customdata:,} pictures", row=1, col=1,
        )  # fmt: skip
    intervals = [wilson(share * count, count) if count else Estimate(np.nan) for share, count in zip(after.prob_true, after.counts, strict=True)]
    figure.add_scatter(
        x=after.prob_pred, y=after.prob_true, mode="lines+markers", name=f"as shown, error {after.expected_calibration_error:.3f}",
        line={"color": MODELS[0]}, marker={"size": 8}, connectgaps=True,
        error_y=_whiskers(intervals), customdata=after.counts,
        hovertemplate="scored %{x:.2f}, %{y:.0%} AI-generated, %{customdata:,} pictures", row=1, col=1,
    )  # fmt: skip
    middle = (np.arange(BINS) + 0.5) / BINS
    figure.add_bar(
        x=middle, y=after.counts, width=0.92 / BINS, marker={"color": MODELS[0], "opacity": 0.6}, showlegend=False,
        hovertemplate="%{y:,} pictures", name="", row=2, col=1,
    )  # fmt: skip
    figure.update_xaxes(range=[0, 1])
    figure.update_xaxes(title="Score, P(AI-generated)", row=2, col=1)
    figure.update_yaxes(title="Share AI-generated", range=[-0.02, 1.02], tickformat=".0%", row=1, col=1)
    figure.update_yaxes(title="Pictures", row=2, col=1)
    return _finish(figure, "Reliability: do 70% scores come true 70% of the time?")


def scores(counts: tuple[np.ndarray, np.ndarray], threshold: float) -> go.Figure:
    """Histograms of the scores, AI-generated upwards and real downwards, so that every bar can be seen and clicked. counts: real, AI."""
    real, ai = counts
    middle = (np.arange(HISTOGRAM_BINS) + 0.5) / HISTOGRAM_BINS
    figure = go.Figure()
    for label, name, colour, counts, sign in ((1, "AI-generated", AI, ai, 1), (0, "real", REAL, real, -1)):
        figure.add_bar(
            x=middle, y=sign * counts, name=name, marker={"color": colour, "line": {"width": 0}}, width=0.94 / HISTOGRAM_BINS,
            customdata=[[label, place, count] for place, count in enumerate(counts.tolist())],  # a list: arrays come back from a click as objects
            hovertemplate="%{customdata[2]:,} " + name + " near %{x:.2f}<br>Click to see them", unselected={"marker": {"opacity": 0.35}},
        )  # fmt: skip
    _threshold_line(figure, threshold)
    figure.update_layout(barmode="relative")
    figure.update_xaxes(title="Score, P(AI-generated)", range=[0, 1])
    top = max(1, int(max(real.max(), ai.max())))
    step = 10 ** int(np.log10(top)) * (1 if str(top)[0] in "12" else 2 if str(top)[0] in "345" else 4)
    ticks = np.arange(-(top // step) * step, top + 1, max(step, 1))
    figure.update_yaxes(title="Pictures: real below, AI above", tickvals=ticks, ticktext=[f"{abs(tick):,}" for tick in ticks])
    return _finish(figure, "Scores of each class")


def slices(table: pd.DataFrame, metric: str, title: str, overall: Estimate | None) -> go.Figure:
    """A dot with its interval for each slice, in the table's order from the top; larger dots have more rows. Points carry the slice's name."""
    shown = table[table[metric].notna()]
    names = [escape(plain_label(name)) for name in shown["slice"]]
    place = np.arange(len(shown))
    counts = shown["n_real" if metric == "false_alarm_rate" else "n_ai" if metric == "recall" else "n"].to_numpy()
    figure = go.Figure(go.Scatter(
        x=shown[metric], y=place, mode="markers",
        marker={"color": MODELS[0], "opacity": 1, "size": 6 + 10 * np.sqrt(counts / max(counts.max(initial=1), 1)), "line": {"width": 0}},
        error_x={"type": "data", "symmetric": False, "array": shown[f"{metric}_high"] - shown[metric],
                 "arrayminus": shown[metric] - shown[f"{metric}_low"], "thickness": 1.5, "width": 0, "color": MODELS[0]},
        customdata=[[name, int(count)] for name, count in zip(shown["slice"], counts, strict=True)],
        hovertext=[f"{name}: {value:.1%} of {count:,}" for name, value, count in zip(names, shown[metric], counts, strict=True)],
        hoverinfo="text", unselected={"marker": {"opacity": 0.35}},
    ))  # fmt: skip
    if overall is not None:
        figure.add_vline(x=overall.value, line={"color": GUIDE, "dash": "dash"})
    figure.update_xaxes(tickformat=".0%", range=[-0.03, 1.03], side="top")
    figure.update_yaxes(tickvals=place, ticktext=names, autorange="reversed", showgrid=False, zeroline=False)
    return _finish(figure, title, legend=False).update_layout(height=110 + 24 * max(len(shown), 2), margin={"t": 76})


def deliveries(table: pd.DataFrame) -> go.Figure:
    """Balanced accuracy of each set, a dot with its interval for every delivery. table: as ``ui.evaluate.delivered.measured`` makes it."""
    sets = list(dict.fromkeys(table["set"]))
    kinds = list(dict.fromkeys(table["delivery"]))
    figure = go.Figure()
    for number, kind in enumerate(kinds):
        rows = table[(table["delivery"] == kind) & table["balanced_accuracy"].notna()].drop_duplicates("set")
        value, change = rows["balanced_accuracy"], rows["change"]
        told = ["" if np.isnan(points) else f", {points:+.1f} points" for points in change]
        name = escape(plain_label(kind) or "as it is")
        figure.add_scatter(
            x=value, y=[sets.index(each) + (number - (len(kinds) - 1) / 2) * 0.6 / len(kinds) for each in rows["set"]], mode="markers", name=name,
            marker={"color": MODELS[number % len(MODELS)], "size": 11, "symbol": SYMBOLS[number % len(SYMBOLS)]},
            error_x={"type": "data", "symmetric": False, "array": rows["balanced_accuracy_high"] - value,
                     "arrayminus": value - rows["balanced_accuracy_low"], "thickness": 1.5, "width": 0},
            hovertext=[f"{escape(each)}, {name}: {share:.1%} of {n:,}{more}" for each, share, n, more in
                       zip(rows["set"], value, rows["n"], told, strict=True)],
            hoverinfo="text",
        )  # fmt: skip
    figure.add_vline(x=0.5, line={"color": GUIDE, "dash": "dash"}, annotation={"text": "guessing", "font": {"color": GUIDE}, "yanchor": "bottom"})
    lowest = min(0.48, float(np.nanmin(table["balanced_accuracy_low"])) - 0.02) if table["balanced_accuracy_low"].notna().any() else 0.48
    figure.update_xaxes(tickformat=".0%", range=[max(lowest, -0.02), 1.01], title="Balanced accuracy")
    figure.update_yaxes(
        tickvals=np.arange(len(sets)), ticktext=[escape(plain_label(name)) for name in sets], range=[len(sets) - 0.5, -0.5], showgrid=False,
        zeroline=False,
    )  # fmt: skip
    return _finish(figure, "Before and after delivery").update_layout(height=150 + 88 * len(sets), legend={"y": -50 / (70 + 88 * len(sets))})


def abstaining(risk: RiskCoverage, band: Band | None) -> go.Figure:
    """Error rate against the share of pictures answered, with its 95% interval; where there is an unsure band, what it does is marked."""
    start = int(np.searchsorted(risk.answered, min(MIN_ANSWERED, risk.n)))  # of fewer pictures a rate says nothing
    answered, wrong = risk.answered[start:], risk.wrong[start:]
    edges = np.unique(np.linspace(0, len(answered) - 1, 200).astype(int))
    ends = [wilson(wrong[place], answered[place]) for place in edges]
    figure = go.Figure()
    for edge, fill in (("high", None), ("low", "tonexty")):
        figure.add_scatter(
            x=np.float32(answered[edges] / risk.n), y=np.float32([getattr(end, edge) for end in ends]), mode="lines", line={"width": 0},
            fill=fill, fillcolor="rgba(0,114,178,.18)", hoverinfo="skip", showlegend=False,
        )  # fmt: skip
    figure.add_scatter(
        x=np.float32(answered / risk.n), y=np.float32(wrong / answered), mode="lines", line={"color": MODELS[0], "width": 2},
        name=f"most confident first, mean {risk.area:.3f}",
        hovertemplate="%{x:.0%} answered, %{y:.1%} of them wrong<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=[0, 1], y=[risk.wrong[-1] / risk.n] * 2, mode="lines", line={"color": GUIDE, "dash": "dash", "width": 1}, hoverinfo="skip",
        name="at random",
    )  # fmt: skip
    if band and band.error:
        figure.add_scatter(
            x=[band.answered.value], y=[band.error.value], mode="markers", name="unsure band",
            marker={"color": MODELS[1], "size": 14, "line": {"color": "#ffffff", "width": 2}},
            hovertemplate="%{x:.0%} outside the unsure band, %{y:.1%} of them wrong<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="Pictures answered", range=[-0.01, 1.01], dtick=0.2, tickformat=".0%", zeroline=False)
    figure.update_yaxes(title="Wrong among them", rangemode="tozero", tickformat=".0%", zeroline=False)
    return _finish(figure, "Errors against answers")


def plain_label(name: str) -> str:
    """A name cut to what fits beside an axis."""
    return name if len(name) <= 34 else f"{name[:16]}…{name[-16:]}"


def gains(names: list[str], kinds: dict[str, list[Estimate]]) -> go.Figure:
    """Per name, from the top, a dot with its interval for each kind, and a line at 0, which is chance."""
    figure, place = go.Figure(), np.arange(len(names))
    for number, (kind, estimates) in enumerate(kinds.items()):
        colour = MODELS[number % len(MODELS)]
        told = [f"{escape(name)}, {kind}: {one.value:+.3f} ({one.low:+.3f} to {one.high:+.3f})" for name, one in zip(names, estimates, strict=True)]
        figure.add_scatter(
            x=[estimate.value for estimate in estimates], y=place + 0.24 * (number - (len(kinds) - 1) / 2), mode="markers", name=kind,
            marker={"color": colour, "size": 11, "symbol": ("circle", "diamond")[number % 2]}, hovertext=told, hoverinfo="text",
            error_x={**_whiskers(estimates), "thickness": 2, "width": 0, "color": colour},
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": GUIDE, "dash": "dash"})
    figure.add_annotation(x=0, y=1, yref="paper", text="chance", showarrow=False, xanchor="left", yanchor="bottom", font={"color": GUIDE})
    figure.update_xaxes(title="Gain over random order", tickformat="+.2f", zeroline=False)
    figure.update_yaxes(tickvals=place, ticktext=[escape(name) for name in names], autorange="reversed", showgrid=False, zeroline=False)
    return _finish(figure, "How much better than a random order of patches").update_layout(height=170 + 44 * len(names), margin={"t": 64})


def _tint(colour: tuple[int, int, int], share: float) -> str:
    """That much of the colour, the rest white: solid, so that a text on it reads the same on a light and on a dark page."""
    return "#" + "".join(f"{round(255 - share * (255 - part)):02x}" for part in colour)


def _line(figure: go.Figure, name: str, number: int, x, y, thresholds, area: str, hover: str) -> None:
    """A curve, thinned, and a marker for its operating point, whose ``meta`` is the model's name."""
    kept = thin(x, y)
    figure.add_scatter(
        x=x[kept].astype(np.float32), y=y[kept].astype(np.float32), customdata=thresholds[kept].astype(np.float32), mode="lines",
        name=f"{escape(name)}, {area}", line={"color": MODELS[number % len(MODELS)], "width": 2},
        hovertemplate=hover + "<br>threshold %{customdata:.3f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        mode="markers", meta=name, showlegend=False, hovertemplate=hover + "<br>%{fullData.name}<extra></extra>",
        marker={"color": MODELS[number % len(MODELS)], "size": 14, "line": {"color": "#ffffff", "width": 2}},
    )  # fmt: skip


def _whiskers(intervals: list[Estimate]) -> dict:
    high, low = ([abs(getattr(estimate, side) - estimate.value) for estimate in intervals] for side in ("high", "low"))
    return {"type": "data", "symmetric": False, "array": high, "arrayminus": low, "thickness": 1, "width": 3}


def _threshold_line(figure: go.Figure, threshold: float) -> None:
    figure.add_vline(x=threshold, line={"color": GUIDE, "width": 2}, annotation={"text": f"threshold {threshold:.3f}", "font": {"color": GUIDE}})


def _unit_axes(figure: go.Figure, x: str, y: str) -> None:
    figure.update_xaxes(title=x, range=[-0.01, 1.01], dtick=0.2, tickformat=".0%" if x != "Threshold" else ".1f", zeroline=False)
    figure.update_yaxes(title=y, range=[-0.01, 1.03], tickformat=".0%", zeroline=False)


def _finish(figure: go.Figure, title: str, legend: bool = True) -> go.Figure:
    # Plotly's default template is most of a small figure's bytes; the page brings its own, and so does the report.
    figure.layout.template = {"layout": {"colorway": MODELS}}
    return figure.update_layout(
        title={"text": title, "font": {"size": 16}, "x": 0, "xref": "container", "y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 10}},
        height=400, margin={"l": 8, "r": 8, "t": 48, "b": 8}, showlegend=legend, dragmode="zoom",
        legend={"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0, "font": {"size": 12}},
    )  # fmt: skip
