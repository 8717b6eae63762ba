"""Can scores be read as probabilities?"""

from __future__ import annotations

import numpy as np
import streamlit as st

from detector.evaluation.evaluation import Evaluation
from detector.evaluation.reliability import bin_of
from ui import figures
from ui.evaluate import abstaining, pictures
from ui.evaluate.sources import Source


def show(source: Source, evaluation: Evaluation, threshold: float, image_format: str) -> None:
    """The reliability diagram, the clickable histograms, and what abstaining gains."""
    drawn = charts(evaluation, threshold)
    left, right = st.columns(2, gap="large")
    with left:
        settings = figures.config("reliability", image_format)
        st.plotly_chart(drawn["reliability"], key="reliability", config=settings, alt="Reliability diagram with counts")
        st.caption(
            "Points below the diagonal: scores claim more than comes true. The share of AI-generated pictures in these rows matters, too; "
            "where they are rarer than on validation, honest scores run too high."
        )
    with right:
        bar = pictures.clickable(drawn["scores"], "scores", image_format, "Histograms of the scores of AI-generated and of real pictures")
        st.caption(":material/touch_app: Click a bar to see its pictures.")
    if bar:
        label, place, _ = bar
        chosen = (evaluation.y_true == label) & (bin_of(evaluation.y_score, figures.HISTOGRAM_BINS) == place)
        low, high = place / figures.HISTOGRAM_BINS, (place + 1) / figures.HISTOGRAM_BINS
        title = f"{pictures.TITLES[label]} pictures scored {low:.3f} to {high:.3f}"
        pictures.show(source, evaluation, np.asarray(chosen), threshold, title[0].upper() + title[1:])
    abstaining.show(source, evaluation, threshold, image_format)


def charts(evaluation: Evaluation, threshold: float) -> dict:
    """The figures by name."""
    return {
        "reliability": figures.reliability(evaluation.reliability, evaluation.reliability_before),
        "scores": figures.scores(evaluation.histogram, threshold),
    }
