"""A bundle's card, made readable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from ui.text import plain

if TYPE_CHECKING:
    from detector.bundle import Bundle

COLUMNS = {
    "n": ("Pictures", "%d"),
    "accuracy": ("Accuracy", "percent"),
    "balanced_accuracy": ("Balanced accuracy", "percent"),
    "roc_auc": ("ROC AUC", "%.3f"),
    "precision": ("Precision", "percent"),
    "recall": ("Recall", "percent"),
    "false_alarm_rate": ("False alarms on real", "percent"),
    "expected_calibration_error": ("Calibration error", "%.3f"),
}


@st.dialog("About this model", width="large")
def show_card(bundle: Bundle) -> None:
    """Everything the card says: what the model is, how it did and on what, what it was trained on, what it cannot do."""
    card = bundle.card
    st.markdown(f"**{plain(str(card.get('title', bundle.name)))}** · architecture `{bundle.architecture.name}`")
    for sentence in card.get("limitations", []):
        st.markdown(f"- {plain(str(sentence), limit=600)}")
    metrics = card.get("metrics") or {}
    if metrics:
        st.subheader("Measured", divider=True)
        st.caption(
            "Positive class: AI-generated. “Test” comes from the sources the model was trained on, “unseen” from sources it was never "
            "trained or tuned on; in “paired” rows real and AI-generated pictures show the same subjects, so knowing subjects does not help."
        )
        table = pd.DataFrame.from_dict(metrics, orient="index").reindex(columns=list(COLUMNS))
        st.dataframe(
            table,
            column_config={key: st.column_config.NumberColumn(title, format=form) for key, (title, form) in COLUMNS.items()},
        )
    decision = card["decision"]
    st.markdown(
        f"Threshold {bundle.threshold:.3f}, unsure from {bundle.unsure[0]:.3f} to {bundle.unsure[1]:.3f}, "
        f"temperature {bundle.temperature:.3f}; chosen on {plain(str(decision.get('chosen_on', 'validation')))}."
    )
    training = card.get("training") or {}
    if training:
        st.subheader("Trained", divider=True)
        st.markdown(f"Recipe `{training.get('recipe', '?')}`, finished {plain(str(training.get('finished', '?')))}, with this command:")
        st.code(str(training.get("command", "")), language="bash", wrap_lines=True)
    for key in ("data_provenance", "licence"):
        if key in card:
            st.markdown(f"**{key.replace('_', ' ').capitalize()}:** {plain(str(card[key]), limit=2000)}")
    with st.expander("The whole card"):
        st.json(card, expanded=1)
