"""The report: one self-contained HTML page with what is on the Evaluate page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape

import pandas as pd
import plotly.graph_objects as go

from detector.bundle import PRACTICE_IS_NOT
from detector.evaluation.metrics import Place, shown_in
from detector.evaluation.scorecard import per_class_report
from pages.evaluate import (
    abstention_section,
    calibration_tab,
    compare_tab,
    overview_tab,
    perturbations_section,
    report_summary,
    shortcuts_tab,
    slices_tab,
    sources,
)
from pages.evaluate.view import Part, View
from ui import figures, report_page

STYLE = (
    report_page.STYLE
    + """
caption { text-align: left; font-weight: 600 }
h1 { overflow-wrap: anywhere; line-height: 1.2 }
.headlines { display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; margin: 1rem 0 }
.headlines div { border: 1px solid #ddd; border-radius: .5rem; padding: .5rem .9rem }
.headlines dt { font-size: .9rem }
.headlines dd { margin: 0 }
.headlines .value { font-size: 1.6rem; font-variant-numeric: tabular-nums }
.headlines .interval { color: #57606a; font-size: .9rem }
.table, pre { overflow-x: auto }
.stale { color: #a33; font-weight: 600 }
"""
)
NOTHING = "–"
"""A cell whose rows do not define the figure."""


@dataclass
class Contents:
    """What the report holds, in its order. tables: title -> table, and how its columns are written."""

    drawn: dict[str, go.Figure] = field(default_factory=dict)
    tables: dict[str, tuple[pd.DataFrame, dict[str, str]]] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)


def html(views: list[View], part: Part, column: str | None) -> str:
    """The report: one self-contained page. Every text from outside is escaped. views: the main one first.
    column: what its slices are by."""
    view = views[0]
    contents = _contents(views, part, column)
    curves = view.evaluation.curves
    name = escape(view.name)
    summary = "".join(f"<li>{escape(sentence)}</li>" for sentence in report_summary.sentences(views, part))
    sentences = "".join(f"<li>{escape(sentence)}</li>" for sentence in contents.sentences)
    tables = [_table(title, *table) for title, table in contents.tables.items()]
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>{name} · Telltale</title><style>{STYLE}</style>",
        f"<h1>How far can {name} be trusted?</h1>{_warnings(views)}",
        f"<p>{curves.n:,} pictures ({escape(str(part))}):",
        f"{curves.n_ai:,} AI-generated, the positive class, and {curves.n_real:,} real.",
        f"Called AI-generated from a score of {view.threshold:.3f} on.",
        f"Made by Telltale, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.</p>",
        "<h2>Summary</h2>",
        _headlines(view),
        f"<ul>{summary}</ul>",
        "<h2>Figures</h2>",
        report_page.side_by_side(contents.drawn.values()),
        "<h2>What they say</h2>",
        f"<ul>{sentences}</ul>",
        "<h2>Tables</h2>",
        f"<pre>{escape(per_class_report(view.confusion_matrix))}</pre>",
        *tables,
        "</html>",
    ]
    return "\n".join(lines)


def _contents(views: list[View], part: Part, column: str | None) -> Contents:
    """Part by part, as on the page."""
    view, *others = views
    contents = Contents()
    _add_overview(contents, views, part)
    _add_perturbations(contents, view)
    if column:
        _add_slices(contents, view, column)
    contents.sentences += shortcuts_tab.sentences(view.evaluation)
    for other in others:
        _add_comparison(contents, view, other)
    return contents


def _add_overview(contents: Contents, views: list[View], part: Part) -> None:
    view = views[0]
    evaluation, threshold = view.evaluation, view.threshold
    curves = {each.name: each.evaluation.curves for each in views}
    operating_points = {each.name: (each.evaluation.curves, each.threshold) for each in views}
    contents.drawn |= figures.mark(figures.threshold_figures(curves), operating_points)
    contents.drawn |= calibration_tab.charts(view)
    contents.drawn["abstaining"], sentences = abstention_section.chart(view)
    contents.sentences += sentences
    if evaluation.curves.both:
        contents.drawn["rates"] = figures.rates(evaluation.curves, threshold)
    metrics = overview_tab.table(evaluation.estimates(threshold))
    sets = slices_tab.side_by_side(view.source, part.perturbation, threshold)
    contents.tables["Metrics with 95% intervals"] = metrics, overview_tab.FORMATS
    contents.tables["Sets side by side"] = slices_tab.readable(sets), slices_tab.formats()


def _add_perturbations(contents: Contents, view: View) -> None:
    sets = sources.perturbed_sets(view.source)
    table = perturbations_section.table(sets, view.threshold)
    if not len(table):
        return
    contents.drawn["deliveries"] = perturbations_section.chart(table)
    readable = perturbations_section.readable(table)
    contents.tables["Before and after delivery"] = readable, perturbations_section.formats()
    contents.sentences += perturbations_section.sentences(view.source)


def _add_slices(contents: Contents, view: View, column: str) -> None:
    table = view.evaluation.slicing(column).table(view.threshold)
    metric = shown_in(Place.SLICE_CHARTS)[0]
    contents.drawn["slices"] = slices_tab.chart(view.evaluation, table, metric, view.threshold)
    title = f"Slices by {column}, worst first"
    contents.tables[title] = slices_tab.readable(table), slices_tab.formats()


def _add_comparison(contents: Contents, view: View, other: View) -> None:
    pairs = compare_tab.pairs(view.evaluation, other.evaluation)
    if pairs is None:
        return
    differences = pairs.differences(view.threshold, other.threshold)
    test = pairs.mcnemar(view.threshold, other.threshold)
    title = f"{other.name} minus {view.name}, paired"
    contents.tables[title] = compare_tab.table(differences), compare_tab.FORMATS
    contents.sentences.append(compare_tab.mcnemar(test, view.name, other.name))
    contents.sentences += compare_tab.disagreements(test, differences)


def _warnings(views: list[View]) -> str:
    """What a reader has to know before the figures: practice models, and predictions of other weights."""
    warnings = ""
    practised = [view.name for view in views if view.source.bundle and view.source.bundle.practice]
    if practised:
        names = ", ".join(map(escape, practised))
        warnings += f'<p class="stale">Practice model ({names}). {PRACTICE_IS_NOT}</p>'
    if views[0].source.stale:
        told = "Stale: these predictions were made by other weights than the model has now."
        warnings += f'<p class="stale">{told}</p>'
    return warnings


def _headlines(view: View) -> str:
    """The figures that matter most, with their intervals."""
    boxes = []
    for title, value, interval in report_summary.headlines(view):
        cells = f'<dd class="value">{value}</dd><dd class="interval">{interval}</dd>'
        boxes.append(f"<div><dt>{escape(title)}</dt>{cells}</div>")
    return f'<dl class="headlines">{"".join(boxes)}</dl>'


def _table(title: str, table: pd.DataFrame, formats: dict[str, str]) -> str:
    """formats: column -> how Streamlit writes it."""
    written = {name: _written(table[name], formats.get(name)) for name in table.columns}
    rendered = pd.DataFrame(written).to_html(index=False, border=0)
    with_title = rendered.replace(">", f"><caption>{escape(title)}</caption>", 1)
    return f'<div class="table">{with_title}</div>'


def _written(values: pd.Series, form: str | None) -> list[str]:
    return [NOTHING if pd.isna(value) else _cell(value, form) for value in values]


def _cell(value: object, form: str | None) -> str:
    if not isinstance(value, (int, float)):
        return str(value)
    if form == "percent":
        return f"{value:.1%}"
    return form % value if form else f"{value:,}"
