"""A bundle's card, made readable. Whatever a card leaves out, or holds in an unexpected form, is left out here too."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

import streamlit as st

from ui import practice
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


def metrics(bundle: Bundle) -> dict[str, dict[str, float]]:
    """What the card measured: name of a set of pictures -> key of ``COLUMNS`` -> number."""
    return measured(bundle.card)


def measured(card: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The same of any card, also of one that was not checked."""
    sets = _section(card.get("metrics"))
    return {name: {key: value for key, value in _section(set_).items() if key in COLUMNS and _is_number(value)} for name, set_ in sets.items()}


@st.dialog("About this model", width="large", on_dismiss="rerun")
def show_card(bundle: Bundle) -> None:
    """Everything the card says: what the model is, how it did and on what, what it was trained on, what it cannot do."""
    card = bundle.card
    st.markdown(f"**{plain(str(card.get('title', bundle.name)))}** · architecture {plain(bundle.architecture.name)}")
    practice.badge(bundle)
    limitations = card.get("limitations", [])
    for sentence in limitations if isinstance(limitations, list) else [limitations]:
        st.markdown(f"- {plain(str(sentence), limit=600)}")
    if figures := metrics(bundle):
        st.subheader("Measured", divider=True, anchor=False)
        st.caption(
            "Positive class: AI-generated. “Test” comes from the sources the model was trained on, “unseen” from sources it was never "
            "trained or tuned on; in “paired” rows real and AI-generated pictures show the same subjects, so knowing subjects does not help. “web”, "
            "“hard” and “chain” are the same pictures after sites or messengers have shrunk and compressed them."
        )
        metrics_table(figures)
    st.markdown(
        f"Threshold {bundle.threshold:.3f}, unsure from {bundle.unsure[0]:.3f} to {bundle.unsure[1]:.3f}, chosen on "
        f"{plain(str(card['decision'].get('chosen_on', 'validation')))}; temperature {bundle.temperature:.3f}, fitted on "
        f"{plain(str(card['calibration'].get('fitted_on', 'validation')))}."
    )
    if training := _section(card.get("training")):
        st.subheader("Trained", divider=True, anchor=False)
        st.markdown(f"Recipe {plain(str(training.get('recipe', '?')))}, finished {plain(str(training.get('finished', '?')))}, with this command:")
        st.code(str(training.get("command", "")), language="bash", wrap_lines=True)
    for key in ("data_provenance", "licence"):
        if key in card:
            st.markdown(f"**{key.replace('_', ' ').capitalize()}:** {plain(str(card[key]), limit=2000)}")
    with st.expander("The whole card"):
        st.json(card, expanded=1)


def metrics_table(figures: dict[str, dict[str, float]]) -> None:
    """What ``metrics`` found, a row for each set of pictures."""
    import pandas as pd  # not at the top: it would hold up the page's first opening

    st.dataframe(
        pd.DataFrame.from_dict(figures, orient="index", columns=list(COLUMNS), dtype=float),
        column_config={key: st.column_config.NumberColumn(title, format=form) for key, (title, form) in COLUMNS.items()},
        placeholder="–",
    )


def _section(value: Any) -> dict:
    return value if isinstance(value, dict) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
