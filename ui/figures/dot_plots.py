"""Dots with their intervals: slices, perturbations, what maps gain over chance."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from detector.evaluation.intervals import Estimate
from ui.figures.figure_style import GUIDE, MODELS, SYMBOLS, finish, plain_label, table_whiskers, whiskers


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
        error_x={**table_whiskers(shown, metric), "color": MODELS[0]},
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
    return finish(figure, title, legend=False).update_layout(height=height, margin={"t": 76})


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
            error_x=table_whiskers(rows, metric),
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
    return finish(figure, "Before and after delivery").update_layout(
        height=150 + height, legend={"y": -50 / (70 + height)}
    )


def _told(row: Mapping[Hashable, Any], name: str, metric: str) -> str:
    """What one dot says of a set after the perturbation of that name."""
    change = row[f"{metric}_change"]
    more = "" if np.isnan(change) else f", {change:+.1f} points"
    share = f"{row[metric]:.1%} of {row['n']:,}"
    return f"{escape(row['set'])}, {name}: {share}{more}"


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
            error_x={**whiskers(estimates), "thickness": 2, "width": 0, "color": colour},
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
    return finish(figure, "How much better than a random order of patches").update_layout(
        height=170 + 44 * len(names), margin={"t": 64}
    )
