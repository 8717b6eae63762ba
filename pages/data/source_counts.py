"""How many pictures of each class there are, by split and by source."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from detector.datasets.dataset_scan import DatasetScan


def show(scan: DatasetScan) -> None:
    """Both tables side by side."""
    splits, sources = st.columns([2, 3], gap="large")
    with splits:
        st.markdown("**By split**, as a run would have them")
        st.dataframe(split_table(scan), hide_index=True, alt="Pictures of each class in each split")
        if not scan.brings_splits and scan.dataset:
            st.caption("The data brings no splits: these are cut by whole groups of near-duplicates.")
    with sources:
        st.markdown("**By source**")
        st.dataframe(
            source_table(scan),
            hide_index=True,
            alt="Pictures of each class from each source",
            column_config={
                "AI share": st.column_config.ProgressColumn(format="%.0f%%", min_value=0, max_value=100)
            },
        )
        one_sided = int(((scan.sources["ai"] == 0) | (scan.sources["real"] == 0)).sum())
        if one_sided and len(scan.sources) > 1:
            st.caption(
                f"{one_sided:,} of {len(scan.sources):,} sources have pictures of one class alone: a model"
                " may learn the source instead of the class."
            )


def split_table(scan: DatasetScan) -> pd.DataFrame:
    """A row for each split."""
    rows = []
    for split, of_class in scan.counts.items():
        rows.append({"Split": split or "none", "AI-generated": of_class[1], "Real": of_class[0]})
    return pd.DataFrame(rows)


def source_table(scan: DatasetScan) -> pd.DataFrame:
    """A row for each source, the largest first."""
    table = scan.sources
    share = 100 * table["ai"] / (table["ai"] + table["real"])
    return pd.DataFrame(
        {"Source": table["source"], "AI-generated": table["ai"], "Real": table["real"], "AI share": share}
    )
