"""What the files of each class are like."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from detector.datasets import image_facts
from detector.datasets.dataset_scan import DatasetScan
from pages.data import scan_figures
from ui import figures

COLUMNS = 2


def show(scan: DatasetScan) -> None:
    """All facts, two beside each other."""
    st.caption(
        "Each class as shares of its own pictures. Where the outlines part, a model could read the class off"
        " the file. Telltale's own preparation makes size, shape and JPEG quality alike first; other"
        " programs may not."
    )
    drawn = list(charts(scan).items())
    for start in range(0, len(drawn), COLUMNS):
        row = drawn[start : start + COLUMNS]
        for column, (name, figure) in zip(st.columns(COLUMNS, gap="large"), row, strict=False):
            alt = f"{figure.layout.title.text} of both classes"
            column.plotly_chart(figure, key=f"fact_{name}", config=figures.config(name, "svg"), alt=alt)


def charts(scan: DatasetScan) -> dict[str, go.Figure]:
    """Fact -> its figure, for every fact that any picture has."""
    drawn = {}
    for histogram in image_facts.histograms(scan.facts, scan.y_true):
        drawn[histogram.fact.name] = scan_figures.histogram(histogram)
    drawn["format"] = scan_figures.formats(image_facts.formats(scan.facts, scan.y_true))
    return drawn
