"""Two or more models on the pictures that all of them judged."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from detector.evaluation.comparison import McNemar, Pairs
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.intervals import Estimate
from detector.evaluation.scorecard import LOWER_IS_BETTER, NAMES
from ui.evaluate.sources import Source
from ui.text import plain


def show(models: dict[str, tuple[Source, Evaluation, float]]) -> None:
    """For each further model: how it differs from the main one, metric by metric, and whether chance explains it."""
    (name, (_, evaluation, threshold)), *others = models.items()
    for other_name, (_, other, other_threshold) in others:
        st.subheader(f"{plain(other_name)} against {plain(name)}", anchor=False)
        shared = pairs(evaluation, other)
        if shared is None:
            st.info("They have no picture in common among these rows. Pictures are matched by the column id.", icon=":material/info:")
            continue
        st.markdown(
            f"On the **{len(shared.y_true):,} pictures both have judged**, {plain(name)} at the threshold {threshold:.3f}, "
            f"{plain(other_name)} at its own, {other_threshold:.3f}."
        )
        st.markdown(mcnemar(shared.mcnemar(threshold, other_threshold), plain(name), plain(other_name)))
        st.dataframe(
            table(shared.differences(threshold, other_threshold)), key=f"differences_{other_name}", hide_index=True, height="content",
            placeholder="–", alt="Paired differences with 95% intervals",
            column_config={column: st.column_config.NumberColumn(format="%+.4f") for column in ("Difference", "Low", "High")},
        )  # fmt: skip


def pairs(first: Evaluation, second: Evaluation) -> Pairs | None:
    """The pictures both have judged; None if there are none, or if a table does not name its pictures."""
    if "id" not in first.rows or "id" not in second.rows:
        return None
    found = Pairs.of(first.rows, second.rows)
    return found if len(found.y_true) else None


def mcnemar(test: McNemar, name: str, other_name: str) -> str:
    """McNemar's test in a sentence."""
    meaning = "chance alone would rarely do that" if test.p_value < 0.05 else "chance alone could do that"
    return (
        f"Only {name} is right on {test.only_first:,}, only {other_name} on {test.only_second:,}. McNemar's exact test: "
        f"p {_p_value(test.p_value)}, so {meaning}."
    )


def table(differences: dict[str, Estimate | None]) -> pd.DataFrame:
    """A row per metric: second minus first, its interval, and what that means."""
    rows = [
        (NAMES[metric], *((estimate.value, estimate.low, estimate.high) if estimate else (None, None, None)), _meaning(metric, estimate))
        for metric, estimate in differences.items()
    ]
    return pd.DataFrame(rows, columns=["Metric", "Difference", "Low", "High", "The second model is"])


def _meaning(metric: str, estimate: Estimate | None) -> str:
    if estimate is None:
        return "not defined"
    if estimate.low <= 0 <= estimate.high:
        return "not clearly different"
    return "better" if (estimate.value > 0) != (metric in LOWER_IS_BETTER) else "worse"


def _p_value(p: float) -> str:
    return "below 0.0001" if p < 1e-4 else f"= {p:.4f}"
