"""Evaluate: whether, where and at what threshold to trust a model. Reads cached predictions; a network
starts only to explain a picture."""

from __future__ import annotations

import streamlit as st

from pages.evaluate import (
    calibration_tab,
    compare_tab,
    controls,
    explanations_tab,
    overview_tab,
    report_file,
    shortcuts_tab,
    slices_tab,
    sources,
    threshold_tab,
)
from pages.evaluate.state import Widget, widget_value
from pages.evaluate.view import View

st.title("How far can the model be trusted?", anchor=False)

chosen = sources.choose()
main = chosen[0]
part = controls.rows(main)
evaluation = sources.evaluation(main, part)
if not len(evaluation):
    st.info("No picture matches this choice of rows.", icon=":material/filter_alt_off:")
    st.stop()
view = View(main, evaluation, controls.threshold(main))
views = [view]
for other in chosen[1:]:
    views.append(View(other, sources.evaluation(other, part), other.threshold))

counted = (
    f"**{len(evaluation):,} pictures**: {evaluation.curves.n_ai:,} AI-generated, the positive class, and"
    f" {evaluation.curves.n_real:,} real."
)
st.markdown(counted + controls.left_out(main, part))
estimates = evaluation.estimates(view.threshold)
overview_tab.headlines(estimates)

image_format = widget_value(Widget.IMAGE_FORMAT, "svg")
slice_column = widget_value(Widget.SLICE_COLUMN)
if slice_column not in evaluation.columns:  # not chosen yet, or among those of other rows
    slice_column = next(iter(evaluation.columns), None)
shows = {
    "Overview": lambda: overview_tab.show(views, part, estimates, image_format),
    "Calibration": lambda: calibration_tab.show(view, image_format),
    "Threshold": lambda: threshold_tab.show(view, image_format),
    "Slices": lambda: slices_tab.show(view, part, image_format),
    "Shortcuts": lambda: shortcuts_tab.show(evaluation),
    "Explanations": lambda: explanations_tab.show(main, image_format),
}
if len(views) > 1:
    shows["Compare"] = lambda: compare_tab.show(views)
shows["Take away"] = lambda: report_file.show(views, part, slice_column)

tabs = st.tabs(list(shows), key=Widget.TAB, bind="query-params")
for tab, show in zip(tabs, shows.values(), strict=True):
    # Only what is open is computed and sent: a threshold move costs no more than what it changes on the
    # screen.
    if tab.open:
        with tab:
            show()
