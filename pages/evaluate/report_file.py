"""What is on the page, to take away."""

from __future__ import annotations

import streamlit as st

from detector.evaluation import mapping_options
from detector.records import cell
from pages.evaluate import overview_tab
from pages.evaluate.report_html import html
from pages.evaluate.state import Widget
from pages.evaluate.view import Part, View
from ui.text import plain

DIGITS = "%.6f"
"""How tables for other programs write fractions."""


def show(views: list[View], part: Part, column: str | None) -> None:
    """The downloads. Nothing is made before somebody asks for it."""
    but = ", but not your own file" if any(view.source.table for view in views) else ""
    st.markdown(
        f"The address of this page restores the models, the rows and the threshold{but}; copy it from the"
        " browser."
    )
    with st.container(horizontal=True):
        st.download_button(
            "Report (HTML)",
            lambda: html(views, part, column),
            "telltale-report.html",
            "text/html",
            icon=":material/description:",
            on_click="ignore",
            key="report",
            type="primary",
            help="One file with all figures, still interactive. It opens without a network.",
        )
        st.download_button(
            "Metrics (CSV)",
            lambda: _metrics_csv(views[0]),
            "telltale-metrics.csv",
            "text/csv",
            icon=":material/table:",
            on_click="ignore",
            key="metrics_csv",
        )
        if column:
            st.download_button(
                f"Slices by {plain(column)} (CSV)",
                lambda: slices_csv(views[0], column),
                "telltale-slices.csv",
                "text/csv",
                icon=":material/table:",
                on_click="ignore",
                key="slices_csv",
            )
    _command(views[0])
    st.segmented_control(
        "The camera button of every figure saves",
        ["svg", "png"],
        default="svg",
        required=True,
        key=Widget.IMAGE_FORMAT,
        format_func=str.upper,
        persist_state="session",
        help="Point at a figure to see its buttons.",
    )


def _command(view: View) -> None:
    """How to print the figures of a user's own file without the page."""
    table = view.source.table
    if table is None:
        return
    st.caption("The same figures on a command line, with what its columns mean:")
    line = mapping_options.command(table.name.removesuffix(" (yours)"), table.mapping, view.threshold)
    st.code(line, language="bash", wrap_lines=True)


def _metrics_csv(view: View) -> str:
    estimates = view.evaluation.estimates(view.threshold)
    return overview_tab.table(estimates).to_csv(index=False, float_format=DIGITS)


def slices_csv(view: View, column: str) -> str:
    """A row per slice, worst first. Safe to open in a spreadsheet."""
    table = view.evaluation.slicing(column).table(view.threshold)
    return table.assign(slice=table["slice"].map(cell)).to_csv(index=False, float_format=DIGITS)
