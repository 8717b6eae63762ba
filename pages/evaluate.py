"""Evaluate: whether, where and at what threshold to trust a model. Reads cached predictions; a network starts only to explain a picture."""

from __future__ import annotations

import streamlit as st

from ui import navigation
from ui.evaluate import calibration, choice, compare, controls, explanations, overview, report, shortcuts, slices, sources

navigation.enter()
st.title("How far can the model be trusted?", anchor=False)

chosen = sources.choose()
main = chosen[0]
part = controls.rows(main)
evaluation = sources.evaluation(main, part)
if not len(evaluation):
    st.info("No picture matches this choice of rows.", icon=":material/filter_alt_off:")
    st.stop()
threshold = controls.threshold(main)
models = {main.name: (main, evaluation, threshold)}
models |= {other.name: (other, sources.evaluation(other, part), other.threshold) for other in chosen[1:]}

counted = f"**{len(evaluation):,} pictures**: {evaluation.curves.n_ai:,} AI-generated, the positive class, and {evaluation.curves.n_real:,} real."
st.markdown(counted + controls.left_out(main, part))
card = evaluation.card(threshold)
overview.headlines(card)

image_format = st.session_state.get("image_format", "svg")
titles = ["Overview", "Calibration", "Threshold", "Slices", "Shortcuts", "Explanations", *(["Compare"] if len(chosen) > 1 else []), "Take away"]
tabs = dict(zip(titles, st.tabs(titles, key="tab", bind="query-params"), strict=True))
# Only what is open is computed and sent: a threshold move costs no more than what it changes on the screen.
with tabs["Overview"]:
    if tabs["Overview"].open:
        overview.show(models, card, image_format)
with tabs["Calibration"]:
    if tabs["Calibration"].open:
        calibration.show(main, evaluation, threshold, image_format)
with tabs["Threshold"]:
    if tabs["Threshold"].open:
        choice.show(evaluation, threshold, image_format)
with tabs["Slices"]:
    if tabs["Slices"].open:
        slices.show(main, evaluation, part, threshold, image_format)
with tabs["Shortcuts"]:
    if tabs["Shortcuts"].open:
        shortcuts.show(evaluation)
with tabs["Explanations"]:
    if tabs["Explanations"].open:
        explanations.show(main, image_format)
if "Compare" in tabs:
    with tabs["Compare"]:
        if tabs["Compare"].open:
            compare.show(models)
with tabs["Take away"]:
    if tabs["Take away"].open:
        report.show(models, part, st.session_state.get("slice_column", next(iter(evaluation.columns), None)))
