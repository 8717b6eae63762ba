"""Two or more models on the pictures that all of them judged."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from detector.evaluation.comparison import McNemar, Pairs
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.intervals import Estimate
from detector.evaluation.metrics import METRICS, Estimates, Metric
from pages.evaluate.view import View
from ui.text import plain

FORMATS = dict.fromkeys(("Difference", "Low", "High"), "%+.3f")
"""Column of ``table`` -> how Streamlit writes it."""
COLUMNS = ["Metric", "Difference", "Low", "High", "The second model is"]


def show(views: list[View]) -> None:
    """For each further model: how it differs from the main one, metric by metric, and whether chance
    explains it."""
    main, *others = views
    for other in others:
        st.subheader(f"{plain(other.name)} against {plain(main.name)}", anchor=False)
        shared = pairs(main.evaluation, other.evaluation)
        if shared is None:
            st.info(
                "They have no picture in common among these rows. Pictures are matched by the column id, or"
                " by the names of their files.",
                icon=":material/info:",
            )
        else:
            _show_differences(main, other, shared)


def _show_differences(main: View, other: View, shared: Pairs) -> None:
    name, other_name = plain(main.name), plain(other.name)
    st.markdown(
        f"On the **{len(shared.y_true):,} pictures both have judged**,"
        f" {name} at the threshold {main.threshold:.3f},"
        f" {other_name} at its own, {other.threshold:.3f}."
    )
    if shared.by_file_name:
        st.caption("They share no id, so they are matched by the names of their files.")
    test = shared.mcnemar(main.threshold, other.threshold)
    differences = shared.differences(main.threshold, other.threshold)
    st.markdown(mcnemar(test, name, other_name))
    for sentence in disagreements(test, differences):
        st.info(sentence, icon=":material/balance:")
    st.dataframe(
        table(differences),
        key=f"differences_{other.name}",
        hide_index=True,
        height="content",
        placeholder="–",
        alt="Paired differences with 95% intervals",
        column_config={name: st.column_config.NumberColumn(format=form) for name, form in FORMATS.items()},
    )


def pairs(first: Evaluation, second: Evaluation) -> Pairs | None:
    """The pictures both have judged; None if there are none, or if a table does not name its pictures."""
    if "id" not in first.rows or "id" not in second.rows:
        return None
    shared = Pairs.of(first.rows, second.rows)
    return shared if len(shared.y_true) else None


def mcnemar(test: McNemar, name: str, other_name: str) -> str:
    """McNemar's test in a sentence."""
    meaning = "chance alone would rarely do that" if test.is_decided else "chance alone could do that"
    return (
        f"Only {name} is right on {test.only_first:,},"
        f" only {other_name} on {test.only_second:,}."
        f" McNemar's exact test: p {_p_value(test.p_value)}, so {meaning}."
    )


def disagreements(test: McNemar, differences: Estimates) -> list[str]:
    """Why McNemar's test and the intervals of the differences say different things, where they do."""
    accuracy, balanced = differences["accuracy"], differences["balanced_accuracy"]
    found = []
    if accuracy and test.is_decided != _excludes_zero(accuracy):
        holds = "does not hold zero" if _excludes_zero(accuracy) else "holds zero"
        found.append(
            f"McNemar's test and the interval of the difference in accuracy, which {holds}, disagree. Both"
            " ask whether the models are right equally often, but count chance in different ways, the exact"
            " test the more cautiously. So close to the edge, take the difference as not settled."
        )
    if accuracy and balanced and _side(accuracy) != _side(balanced):
        found.append(
            "Accuracy and balanced accuracy say different things here. McNemar's test and accuracy count"
            " every picture alike; balanced accuracy gives both classes the same weight."
        )
    return found


def _excludes_zero(estimate: Estimate) -> bool:
    return not estimate.low <= 0 <= estimate.high


def _side(estimate: Estimate) -> int:
    """1 where a difference is clearly above zero, -1 below, 0 where it may be either."""
    return (estimate.low > 0) - (estimate.high < 0)


def table(differences: Estimates) -> pd.DataFrame:
    """A row per metric: second minus first, its interval, and what that means."""
    rows = []
    for name, estimate in differences.items():
        metric = METRICS[name]
        ends = (estimate.value, estimate.low, estimate.high) if estimate else (None, None, None)
        rows.append((metric.title, *ends, _meaning(metric, estimate)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _meaning(metric: Metric, estimate: Estimate | None) -> str:
    if estimate is None:
        return "not defined"
    if not _excludes_zero(estimate):
        return "not clearly different"
    return "better" if metric.is_better(estimate.value) else "worse"


def _p_value(p: float) -> str:
    return "below 0.0001" if p < 1e-4 else f"= {p:.4f}"
