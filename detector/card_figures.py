"""The figures of a bundle's card. Whatever a card leaves out, or holds in an unexpected form, is left out
here too."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

from detector.evaluation.metrics import METRICS, Place, shown_in

if TYPE_CHECKING:
    from detector.bundle import Bundle


SHORT = ("n", "balanced_accuracy", "false_alarm_rate", "recall", "roc_auc")
"""The figures that say what a model is worth, where there is room for a few."""

DELIVERED = (", web", ", hard", ", chain")
"""How the sets are called whose pictures were sent on before they were judged."""


def columns() -> dict[str, tuple[str, str]]:
    """Key of a figure in cards -> its heading and how Streamlit shows it."""
    of_metrics = {metric.name: (metric.heading, metric.format.value) for metric in shown_in(Place.CARD_TABLE)}
    return {"n": ("Pictures", "%d")} | of_metrics


def metrics(bundle: Bundle) -> dict[str, dict[str, float]]:
    """What the card measured: name of a set of pictures -> key of ``columns`` -> number."""
    return measured(bundle.card)


def measured(card: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The same of any card, also of one that was not checked."""
    sets = section(card, "metrics")
    return {name: _figures(section(sets, name)) for name in sets}


def on_unseen_sources(bundle: Bundle) -> dict[str, dict[str, str]]:
    """What the model is worth on sources it was never trained or tuned on: name of a set of pictures ->
    heading -> figure as text. Empty where the card measured nothing."""
    rows = {}
    for name, figures in metrics(bundle).items():
        is_delivered = name.endswith(DELIVERED)
        if name.startswith("unseen") and figures and not is_delivered:
            rows[name] = {columns()[key][0]: _text(key, figures[key]) for key in SHORT if key in figures}
    return rows


def section(card: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A part of a card that should be a JSON object; an empty one where it is not."""
    value = card.get(key)
    return value if isinstance(value, dict) else {}


def _figures(subset: dict[str, Any]) -> dict[str, float]:
    figures, known = {}, columns()
    for key, value in subset.items():
        if key in known and _is_number(value):
            figures[key] = value
    return figures


def _text(key: str, value: float) -> str:
    """A figure as people read it."""
    return f"{value:,.0f}" if key == "n" else METRICS[key].format.text(value)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isfinite(value)
