"""What is on the page, to take away."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

import pandas as pd
import plotly.io
import streamlit as st

from detector.bundle import PRACTICE_IS_NOT
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.scorecard import per_class_report
from ui import figures
from ui.evaluate import abstaining, calibration, compare, delivered, overview, shortcuts, slices, sources
from ui.evaluate.sources import Part, Source
from ui.text import plain

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; background: #fff }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0 } caption { text-align: left; font-weight: 600 }
th, td { padding: .25rem .75rem; border-bottom: 1px solid #ddd; text-align: right } th:first-child, td:first-child { text-align: left }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: 1rem } .figures > div { min-width: 0 }
.stale { color: #a33; font-weight: 600 }
"""
FIT = 'addEventListener("load", () => dispatchEvent(new Event("resize")))'
"""Each figure is drawn while it is still alone in its row; once all are there it has to take the width of its column."""


def show(models: dict[str, tuple[Source, Evaluation, float]], part: Part, column: str | None) -> None:
    """The downloads. Nothing is made before somebody asks for it."""
    source, evaluation, threshold = next(iter(models.values()))
    st.markdown("The address of this page restores the models, the rows and the threshold; copy it from the browser.")
    with st.container(horizontal=True):
        st.download_button(
            "Report (HTML)", lambda: html(models, part, column), "telltale-report.html", "text/html", icon=":material/description:",
            on_click="ignore", key="report", type="primary", help="One file with all figures, still interactive. It opens without a network.",
        )  # fmt: skip
        st.download_button(
            "Metrics (CSV)", lambda: overview.table(evaluation.card(threshold)).to_csv(index=False), "telltale-metrics.csv", "text/csv",
            icon=":material/table:", on_click="ignore", key="metrics_csv",
        )  # fmt: skip
        if column:
            st.download_button(
                f"Slices by {plain(column)} (CSV)", lambda: _safe(evaluation.slicing(column).table(threshold)).to_csv(index=False),
                "telltale-slices.csv", "text/csv", icon=":material/table:", on_click="ignore", key="slices_csv",
            )  # fmt: skip
    st.segmented_control(
        "The camera button of every figure saves", ["svg", "png"], default="svg", required=True, key="image_format", format_func=str.upper,
        persist_state="session", help="Point at a figure to see its buttons.",
    )  # fmt: skip


def html(models: dict[str, tuple[Source, Evaluation, float]], part: Part, column: str | None) -> str:
    """The report: one self-contained page. Every text from outside is escaped."""
    name, (source, evaluation, threshold) = next(iter(models.items()))
    marked = {key: (other.curves, at) for key, (_, other, at) in models.items()}
    drawn = figures.mark(figures.threshold_figures({key: each for key, (each, _) in marked.items()}), marked)
    drawn |= calibration.charts(evaluation, threshold)
    drawn["abstaining"], sentences = abstaining.chart(source, evaluation, threshold)
    if evaluation.curves.both:
        drawn["rates"] = figures.rates(evaluation.curves, threshold)
    tables = {
        "Metrics with 95% intervals": overview.table(evaluation.card(threshold)),
        "Sets side by side": slices.readable(slices.side_by_side(source, part.delivery, threshold)),
    }
    if len(after := delivered.measured(sources.arrivals(source), threshold)):
        drawn["deliveries"] = figures.deliveries(after)
        tables["Before and after delivery"] = delivered.readable(after)
        sentences += delivered.explained(source)
    if column:
        table = evaluation.slicing(column).table(threshold)
        drawn["slices"] = slices.chart(evaluation, table, "accuracy", threshold)
        tables[f"Slices by {column}, worst first"] = slices.readable(table)
    sentences += shortcuts.sentences(evaluation)
    for other_name, (_, other, other_threshold) in list(models.items())[1:]:
        if pairs := compare.pairs(evaluation, other):
            tables[f"{other_name} minus {name}, paired"] = compare.table(pairs.differences(threshold, other_threshold))
            sentences.append(compare.mcnemar(pairs.mcnemar(threshold, other_threshold), name, other_name))
    bodies = []
    for number, figure in enumerate(drawn.values()):
        figure.update_layout(template="plotly_white")
        bodies.append(plotly.io.to_html(figure, include_plotlyjs=number == 0, full_html=False, config={"displaylogo": False}))
    curves = evaluation.curves
    practised = [escape(key) for key, (other, _, _) in models.items() if other.bundle and other.bundle.practice]
    practice = f'<p class="stale">Practice model ({", ".join(practised)}). {PRACTICE_IS_NOT}</p>' if practised else ""
    stale = '<p class="stale">Stale: these predictions were made by other weights than the model has now.</p>' if source.stale else ""
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Telltale: {escape(name)}</title><style>{STYLE}</style>
<h1>{escape(name)}</h1>{practice}{stale}
<p>{len(evaluation):,} pictures ({escape(str(part))}): {curves.n_ai:,} AI-generated, the positive class, and {curves.n_real:,} real.
Called AI-generated from a score of {threshold:.4f} on. Made by Telltale, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.</p>
<div class="figures">{"".join(f"<div>{body}</div>" for body in bodies)}</div><script>{FIT}</script>
<ul>{"".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)}</ul>
<pre>{escape(per_class_report(curves.at(threshold)))}</pre>
{"".join(_table(title, table) for title, table in tables.items())}
</html>"""


def _table(title: str, table: pd.DataFrame) -> str:
    rendered = table.to_html(index=False, border=0, na_rep="–", float_format=lambda value: f"{value:.4f}")
    return rendered.replace(">", f"><caption>{escape(title)}</caption>", 1)


def _safe(table: pd.DataFrame) -> pd.DataFrame:
    """A spreadsheet would run a slice called "=HYPERLINK(...)" as a formula; a leading ' makes it text."""
    names = [f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name for name in table["slice"]]
    return table.assign(slice=names)
