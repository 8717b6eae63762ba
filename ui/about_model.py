"""The figures of a bundle's card, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from detector.card_figures import columns, measured, metrics, section

__all__ = ["columns", "in_short", "measured", "metrics", "metrics_table", "section"]

if TYPE_CHECKING:
    from detector.bundle import Bundle

UNSEEN = "unseen, paired"
"""The set that says most about pictures from elsewhere."""


def in_short(bundle: Bundle) -> list[str]:
    """The three sentences of a card that matter most: how often the model was right about pictures from
    sources it had never seen, which mistakes it made there, and what delivery makes of that. Those that the
    card has no figures for are left out."""
    figures = metrics(bundle)
    unseen = figures.get(UNSEEN, {})
    right, missed, alarms = (unseen.get(key) for key in ("balanced_accuracy", "recall", "false_alarm_rate"))
    told = []
    if right is not None and "n" in unseen:
        told.append(
            f"On {unseen['n']:,.0f} pictures from sources it had never seen, where real and AI-generated show"
            f" the same subjects, it was right {right:.0%} of the time; 50% is guessing."
        )
    if missed is not None and alarms is not None:
        told.append(
            f"There it missed {1 - missed:.0%} of the AI-generated pictures and called {alarms:.0%} of the"
            " real ones AI-generated."
        )
    delivered = _delivered(figures)
    if delivered:
        worst = min(delivered, key=lambda name: delivered[name])
        told.append(
            f"Once a site or messenger had shrunk and compressed the same pictures (“{worst}”, the worst of"
            f" those measured), it was right {delivered[worst]:.0%} of the time."
        )
    return told


def _delivered(figures: dict[str, dict[str, float]]) -> dict[str, float]:
    """Perturbation -> balanced accuracy on the pictures of ``UNSEEN`` after it."""
    start = f"{UNSEEN}, "
    after = {name.removeprefix(start): each for name, each in figures.items() if name.startswith(start)}
    return {name: each["balanced_accuracy"] for name, each in after.items() if "balanced_accuracy" in each}


def metrics_table(figures: dict[str, dict[str, float]]) -> None:
    """What ``metrics`` found, a row for each set of pictures."""
    import pandas as pd  # not at the top: it would hold up the page's first opening

    config = {}
    for key, (title, number_format) in columns().items():
        config[key] = st.column_config.NumberColumn(title, format=number_format)
    table = pd.DataFrame.from_dict(figures, orient="index", columns=list(config), dtype=float)
    st.dataframe(table, column_config=config, placeholder="–")
