"""A bundle's card, made readable. Whatever a card leaves out, or holds in an unexpected form, is left out
here too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from ui import practice_notice
from ui.about_model import in_short, metrics, metrics_table, section
from ui.text import plain

if TYPE_CHECKING:
    from detector.bundle import Bundle


@st.dialog("About this model", width="large", on_dismiss="rerun")
def show(bundle: Bundle) -> None:
    """Everything the card says: what the model is, how it did and on what, what it was trained on, what it
    cannot do."""
    card = bundle.card
    title = str(card.get("title", bundle.name))
    st.markdown(f"**{plain(title)}** · architecture {plain(bundle.architecture.name)}")
    practice_notice.badge(bundle)
    _show_limitations(bundle)
    if figures := metrics(bundle):
        st.subheader("Measured", divider=True, anchor=False)
        st.caption(
            "Positive class: AI-generated. “Test” comes from the sources the model was trained on, “unseen”"
            " from sources it was never trained or tuned on; in “paired” rows real and AI-generated pictures"
            " show the same subjects, so knowing subjects does not help. “web”, “hard” and “chain” are the"
            " same pictures after sites or messengers have shrunk and compressed them."
        )
        metrics_table(figures)
    _show_decision(bundle)
    _show_training(section(card, "training"))
    for key in ("data_provenance", "licence"):
        if key in card:
            label = key.replace("_", " ").capitalize()
            st.markdown(f"**{label}:** {plain(str(card[key]), limit=2000)}")
    with st.expander("The whole card"):
        st.json(card, expanded=1)


def _show_limitations(bundle: Bundle) -> None:
    """The sentences that matter most, and all that the card says of its limits behind a click; openly where
    there are no others."""
    first = [] if bundle.practice else in_short(bundle)
    for sentence in first:
        st.markdown(f"- {plain(sentence, limit=600)}")
    limitations = bundle.card.get("limitations", [])
    if not isinstance(limitations, list):
        limitations = [limitations]
    if not limitations:
        return
    place = st.expander("All its known limits") if first else st.container()
    for sentence in limitations:
        place.markdown(f"- {plain(str(sentence), limit=600)}")


def _show_decision(bundle: Bundle) -> None:
    low, high = bundle.unsure
    chosen_on = str(bundle.card["decision"].get("chosen_on", "validation"))
    calibration = bundle.card["calibration"]
    if why_not := calibration.get("why"):
        temperature = plain(str(why_not), limit=300)
    else:
        fitted_on = plain(str(calibration.get("fitted_on", "validation")))
        temperature = f"Temperature {bundle.temperature:.3f}, fitted on {fitted_on}."
    st.markdown(
        f"Threshold {bundle.threshold:.3f}, unsure from {low:.3f} to {high:.3f},"
        f" chosen on {plain(chosen_on)}. {temperature}"
    )


def _show_training(training: dict[str, Any]) -> None:
    if not training:
        return
    recipe, finished = str(training.get("recipe", "?")), str(training.get("finished", "?"))
    st.subheader("Trained", divider=True, anchor=False)
    st.markdown(f"Recipe {plain(recipe)}, finished {plain(finished)}, with this command:")
    st.code(str(training.get("command", "")), language="bash", wrap_lines=True)
