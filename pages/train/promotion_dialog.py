"""Promoting a run's model: first how it does beside the one that it replaces, then its name."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from detector.bundle import PRACTICE_IS_NOT, Bundle, BundleError, default_bundle, find_bundle, read_bundle
from detector.datasets import DatasetError
from detector.promotion import promote
from pages.train import promotion_comparison
from pages.train.page_state import Key, page_state
from pages.train.promotion_comparison import Comparison
from pages.train.wording import practised
from train import runs
from ui import models
from ui.text import plain, printable


def show(run: runs.Run) -> bool:
    """The content of the dialog. Returns whether the model was promoted; the copy is made by then."""
    _compare(run)
    st.markdown(
        "Its bundle is copied to the folder of models, and **Classify uses it from now on**, as does"
        " `python -m detector` where no other model is named. You can demote it again."
    )
    if practised(run):
        st.warning(PRACTICE_IS_NOT, icon=":material/school:")
    state = page_state()
    name = st.text_input("Name of the model", run.id[:60], key=Key.PROMOTE_NAME, max_chars=60)
    replace = False
    if state.taken_name == name:
        replace = st.checkbox("Replace the model that has this name", key=Key.PROMOTE_REPLACE)
    if not st.button("Promote", type="primary", icon=":material/upgrade:", key=Key.PROMOTE_NOW):
        return False
    try:
        with st.spinner("Copying and checking the model"):
            promote(run.path / "bundle", name.strip(), replace=replace)
    except BundleError as error:
        state.taken_name = name
        st.error(plain(str(error), limit=600), icon=":material/error:")
        return False
    state.done = f"{name.strip()} is promoted. Classify uses it now."
    return True


def _compare(run: runs.Run) -> None:
    """Side by side with the model that Classify uses now."""
    name = default_bundle()
    try:
        present, candidate = read_bundle(find_bundle(name)), read_bundle(run.path / "bundle")
    except BundleError as error:
        st.caption(f":material/info: There is nothing to compare it with: {plain(str(error), limit=300)}")
        return
    of_candidate = promotion_comparison.tested_on(candidate)
    judged = page_state().judged.get((present.weights_sha256, candidate.weights_sha256))
    of_present = promotion_comparison.tested_on(present) if judged is None else judged
    found = promotion_comparison.compare(present, candidate, of_present, of_candidate)
    st.markdown(f"**Beside {plain(name, limit=60)}, which Classify uses now**")
    if found.shared:
        _table(found, name)
    else:
        st.info(
            f"They were tested on different pictures ({found.of_present:,} and {found.of_candidate:,}), so"
            " their figures say nothing about which is better.",
            icon=":material/compare_arrows:",
        )
    comparable = found.same_data and found.shared
    if judged is None and not comparable and len(of_candidate):
        _offer_judging(run, present, candidate, of_candidate)


def _table(found: Comparison, name: str) -> None:
    rows = []
    for row in found.rows:
        change = row.difference
        interval = f"{change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f})" if change else "–"
        rows.append([row.title, row.present, row.candidate, interval])
    columns = ["Metric", printable(name), "This run", "Difference, 95% interval"]
    figure = st.column_config.NumberColumn(format="%.3f")
    st.dataframe(
        pd.DataFrame(rows, columns=columns),
        hide_index=True,
        placeholder="–",
        column_config=dict.fromkeys(columns[1:3], figure),
        alt="Both models on the same test pictures",
    )
    words = f"On the **{found.shared:,} test pictures** that both judged, each at its own threshold."
    if not found.same_data:
        words += (
            f" They are from different data sets: {plain(name, limit=60)} may have learned from some of"
            " these pictures, or from nothing like them."
        )
    st.caption(words)


def _offer_judging(run: runs.Run, present: Bundle, candidate: Bundle, of_candidate: pd.DataFrame) -> None:
    """Have the present model judge some of the run's test pictures, here and now."""
    count = min(len(of_candidate), promotion_comparison.MOST_JUDGED)
    label = f"Test {plain(present.name, limit=40)} on {count:,} of this run's test pictures"
    if not st.button(label, icon=":material/balance:", key=Key.JUDGE):
        return
    bar = st.progress(0.0, "Starting the model")
    try:
        classifier = models.loading(present).result()
        judged = promotion_comparison.judged_by(
            classifier,
            of_candidate,
            run.data,
            lambda share: bar.progress(min(share, 1.0), f"Judging pictures: {share:.0%}"),
        )
    except (BundleError, DatasetError) as error:
        st.error(plain(str(error), limit=300), icon=":material/error:")
        return
    if judged.empty:
        st.error(f"The pictures are not at {plain(run.data, limit=200)} any more.", icon=":material/error:")
        return
    page_state().judged[present.weights_sha256, candidate.weights_sha256] = judged
    st.rerun()
