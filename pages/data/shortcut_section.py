"""Would a ruler do? What gives the classes away without a look at a picture."""

from __future__ import annotations

import streamlit as st

from detector.datasets.shortcut_audit import FOLDS, LEAST_OF_CLASS
from ui import interval_metric
from ui.scan_job import ScanJob
from ui.text import plain
from ui.waiting import finished


def show(job: ScanJob) -> None:
    """The areas side by side, and in words what the classes differ in."""
    if not job.scan.both_classes:
        st.info("All pictures are of one class: there is nothing to tell apart.", icon=":material/info:")
        return
    audit = finished(job.audit(), "Growing trees on the facts of the files")
    if not audit.done:
        return
    if audit.value is None:
        st.info(
            f"This needs {LEAST_OF_CLASS} pictures of each class in at least {FOLDS} groups of"
            " near-duplicates.",
            icon=":material/info:",
        )
        return
    found = audit.value
    st.markdown(
        "A small model gets the **facts of the files** and nothing else, another one **eight by eight"
        " colours**. 0.5 is guessing, 1 is always right. What they reach, a detector can reach without"
        " learning anything about generators."
    )
    with st.container(horizontal=True):
        interval_metric.area("A ruler: files alone, ROC AUC", found.by_facts)
        if found.elsewhere:
            interval_metric.area("On sources it has not seen", found.elsewhere)
        interval_metric.area("8 x 8 colours, ROC AUC", found.by_thumbnail)
    if found.facts:
        st.markdown("**What the classes differ in**")
        st.markdown("\n".join(f"- {plain(str(fact), limit=300)}" for fact in found.facts))
    else:
        st.markdown("No single fact of the files is much commoner in one class than in the other.")
    st.caption(
        f"{found.rows:,} pictures in {FOLDS} folds; near-duplicates are in one fold, so that none is judged"
        " by its own copy. The facts: width, height, aspect ratio, file size, bytes per pixel, format, JPEG"
        " quality. Below each area its 95% interval."
    )
