"""Figures of measurements. Each is a function from arrays to a Plotly figure, on the page and in the report
alike. Every name that came from outside is escaped: Plotly reads some HTML in texts."""

from ui.figures.abstention_figure import abstaining
from ui.figures.calibration_figures import reliability, scores
from ui.figures.dot_plots import gains, perturbations, slices
from ui.figures.figure_style import AI, GUIDE, MODELS, REAL, config, title_above
from ui.figures.operating_points import Figures, mark, rates, threshold_figures

__all__ = [
    "AI",
    "GUIDE",
    "MODELS",
    "REAL",
    "Figures",
    "abstaining",
    "config",
    "gains",
    "mark",
    "perturbations",
    "rates",
    "reliability",
    "scores",
    "slices",
    "threshold_figures",
    "title_above",
]
