"""Can scores be read as probabilities?"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from detector.evaluation.reliability import HISTOGRAM_BINS, bin_of
from pages.evaluate import abstention_section, picture_browser
from pages.evaluate.view import View
from ui import figures


def show(view: View, image_format: str) -> None:
    """The reliability diagram, the clickable histograms, and what abstaining gains."""
    drawn = charts(view)
    left, right = st.columns(2, gap="large")
    with left:
        settings = figures.config("reliability", image_format)
        st.plotly_chart(
            drawn["reliability"], key="reliability", config=settings, alt="Reliability diagram with counts"
        )
        st.caption(
            "Points below the diagonal: scores claim more than comes true. The share of AI-generated pictures"
            " in these rows matters, too; where they are rarer than on validation, honest scores run too"
            " high."
        )
    with right:
        bar = picture_browser.clickable(
            drawn["scores"],
            "scores",
            image_format,
            "Histograms of the scores of AI-generated and of real pictures",
        )
        st.caption(":material/touch_app: Click a bar to see its pictures.")
    if bar:
        label, place, _ = bar
        _show_pictures(view, label, place)
    abstention_section.show(view, image_format)


def charts(view: View) -> dict[str, go.Figure]:
    """The figures by name."""
    evaluation = view.evaluation
    return {
        "reliability": figures.reliability(evaluation.reliability, evaluation.reliability_before),
        "scores": figures.scores(evaluation.histogram, view.threshold),
    }


def _show_pictures(view: View, label: int, place: int) -> None:
    """Those of one bar. label: their y_true. place: which bin of the histogram."""
    of_class = view.evaluation.y_true == label
    in_bin = bin_of(view.evaluation.y_score, HISTOGRAM_BINS) == place
    low = place / HISTOGRAM_BINS
    high = (place + 1) / HISTOGRAM_BINS
    title = f"{picture_browser.truth(label)} pictures scored {low:.3f} to {high:.3f}"
    title = title[0].upper() + title[1:]
    picture_browser.show(view, np.asarray(of_class & in_bin), title)
