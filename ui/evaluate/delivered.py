"""The same pictures as they are and as sites and messengers deliver them: how much of the model's skill arrives."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from detector.evaluation import deliveries, scorecard
from detector.evaluation.deliveries import CLEAN, Arrival
from detector.evaluation.intervals import Estimate
from ui import figures
from ui.evaluate import sources
from ui.evaluate.sources import Source
from ui.text import plain

COLUMNS = {
    "set": "Set", "delivery": "Delivery", "n": "Pictures", "balanced_accuracy": "Balanced", "balanced_accuracy_low": "from",
    "balanced_accuracy_high": "to", "change": "Change, points", "change_low": "at least", "change_high": "at most",
    "recall": "Caught", "false_alarm_rate": "False alarms", "roc_auc": "ROC AUC", "roc_auc_change": "AUC change",
}  # fmt: skip
PERCENT = ("balanced_accuracy", "balanced_accuracy_low", "balanced_accuracy_high", "recall", "false_alarm_rate")
POINTS = ("change", "change_low", "change_high")


def show(source: Source, threshold: float, image_format: str) -> None:
    """The figure and its table; without delivered pictures, what would bring them."""
    st.subheader("After delivery", anchor=False)
    if len(sources.by_delivery(source)) < 2:
        how = "`python -m train.report` adds them." if source.bundle else "A column **delivery** that names what was done would tell them apart."
        st.caption(f"These predictions hold no pictures that were shrunk or compressed again on their way. {how}")
        return
    table = measured(sources.arrivals(source), threshold)
    if not len(table):
        st.info("The delivered pictures cannot be matched with the same pictures as they are: that takes a column **id**, the same for all copies.")
        return
    settings = figures.config("deliveries", image_format)
    st.plotly_chart(figures.deliveries(table), key="deliveries", config=settings, alt="Balanced accuracy of each set before and after delivery")
    for sentence in explained(source):
        st.caption(plain(sentence, limit=600))
    st.dataframe(
        readable(table), key="deliveries_table", hide_index=True, placeholder="–", height="content",
        alt="Metrics of each set before and after delivery",
        column_config={COLUMNS[name]: st.column_config.NumberColumn(format="percent") for name in PERCENT}
        | {COLUMNS[name]: st.column_config.NumberColumn(format="%+.1f") for name in POINTS}
        | {"ROC AUC": st.column_config.NumberColumn(format="%.3f"), "AUC change": st.column_config.NumberColumn(format="%+.3f")},
    )  # fmt: skip


def measured(arrivals: list[Arrival], threshold: float) -> pd.DataFrame:
    """A row per set and delivery. change: of balanced accuracy on the same pictures, in percentage points, with its paired interval."""
    rows = []
    for each in arrivals:
        card = scorecard.at_threshold(each.curves.at(threshold))
        damaged = each.delivery != CLEAN
        change = each.pairs.of_calls("balanced_accuracy", threshold, threshold) if damaged else None
        area = each.pairs.of_area("roc_auc") if damaged else None
        balanced, alarms = card["balanced_accuracy"], scorecard.false_alarm_rate(card)
        rows.append({
            "set": each.set_name, "delivery": each.delivery, "n": each.curves.n, **_spread("balanced_accuracy", balanced),
            **{name: 100 * value for name, value in _spread("change", change).items()},
            "recall": _value(card["recall"]), "false_alarm_rate": _value(alarms), "roc_auc": each.curves.roc_auc, "roc_auc_change": _value(area),
        })  # fmt: skip
    return pd.DataFrame(rows)


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The table with headings for people."""
    if not len(table):
        return table
    return table.assign(delivery=[name or deliveries.TITLES[CLEAN] for name in table["delivery"]])[list(COLUMNS)].rename(columns=COLUMNS)


def explained(source: Source) -> list[str]:
    """What the figures rest on, in sentences; names in them are still those of the file."""
    tables = {name: each.rows for name, each in sources.by_delivery(source).items()}
    known = ". ".join(f"“{name}” is {deliveries.TITLES[name]}" for name in tables if name != CLEAN and name in deliveries.TITLES)
    found = [f"{known}."] if known else []
    found.append("Every set is shown on the same pictures before and after, so chance in drawing pictures does not make the change. 95% intervals.")
    shares = deliveries.only_compressed(tables)
    if small := {name: share for name, share in shares.items() if share > 0}:
        told = ", ".join(f"{share:.0%} of those of “{name}”" for name, share in small.items())
        found.append(f"Already smaller than the limit, hence compressed again but not shrunk: {told}. What shrinking costs, these cannot show.")
    return found


def _spread(name: str, estimate: Estimate | None) -> dict[str, float]:
    estimate = estimate or Estimate(float("nan"))
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _value(estimate: Estimate | None) -> float:
    return estimate.value if estimate else float("nan")
