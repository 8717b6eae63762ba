"""A contact sheet of each class, of all sources or of one."""

from __future__ import annotations

import streamlit as st

from detector.datasets.dataset_scan import DatasetScan
from ui import thumbnails
from ui.text import shortened

CLASSES = {1: "AI-generated", 0: "Real"}
SHOWN = 36
ALL = "All sources"


def show(scan: DatasetScan) -> None:
    """Both classes below each other; the sources take turns, unless one is chosen."""
    counts = scan.sources.set_index("source")
    chosen = st.selectbox(
        "Source",
        [ALL, *counts.index],
        key="data_source",
        format_func=lambda name: name if name == ALL else _in_words(name, counts),
    )
    source = None if chosen == ALL else chosen
    for label, title in CLASSES.items():
        count = int((scan.y_true == label).sum())
        if source is not None:
            count = int(counts.loc[source, "ai" if label else "real"])
        st.markdown(f"**{title}**: {count:,} pictures")
        if count:
            with st.spinner("Looking for pictures"):
                st.html(sheet(scan, label, source))
    st.caption("Spread evenly over what there is. Point at a picture for its path.")


def sheet(scan: DatasetScan, y_true: int, source: str | None = None, count: int = SHOWN) -> str:
    """HTML: some pictures of a class, and of a source where one is named."""
    paths = scan.samples(y_true, count, source)
    names = [str(path.relative_to(scan.root)) for path in paths]
    return thumbnails.sheet(paths, names)


def _in_words(name: str, counts) -> str:
    row = counts.loc[name]
    return f"{shortened(name, 60)}: {row['ai']:,} AI-generated, {row['real']:,} real"
