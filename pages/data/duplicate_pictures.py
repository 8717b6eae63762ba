"""Pictures that are there more than once, side by side, and what the splits would be without leaks."""

from __future__ import annotations

from html import escape

import pandas as pd
import streamlit as st

from detector.datasets import CLASS_TITLES, DatasetError
from detector.datasets.dataset_scan import DatasetScan
from detector.datasets.duplicates import DuplicateSet, split_counts
from detector.datasets.manifests import manifest_csv
from detector.printable import printable
from ui import thumbnails
from ui.text import plain, shortened

SETS_A_PAGE = 8
MOST_OF_SET = 6
HEIGHT = 104


def show(scan: DatasetScan) -> None:
    """The sets, the worst first, then the leak-free split."""
    sets = {
        "Across classes": scan.duplicates.across_classes,
        "Across splits": scan.duplicates.across_splits,
        "All": list(scan.duplicates.sets),
    }
    if not scan.duplicates.sets:
        st.success("No picture is here twice, not even nearly.", icon=":material/check_circle:")
    else:
        _show_sets(scan, sets)
    _leak_free(scan)


def _show_sets(scan: DatasetScan, sets: dict[str, list[DuplicateSet]]) -> None:
    exact = scan.duplicates.pictures(exact=True)
    count = len(scan.duplicates.sets)
    st.markdown(
        f"**{scan.duplicates.pictures():,} pictures** in {count:,} set{'s' * (count != 1)} look alike;"
        f" {exact:,} of them are in sets that are the same to the pixel."
    )
    worst = next(name for name, found in sets.items() if found)
    kind = st.segmented_control(
        "Which sets",
        list(sets),
        default=worst,
        required=True,
        key="duplicate_kind",
        format_func=lambda name: f"{name} ({len(sets[name]):,})",
        label_visibility="collapsed",
    )
    chosen = sets[kind]
    if not chosen:
        st.caption("None of the sets is of this kind.")
        return
    pages = -(-len(chosen) // SETS_A_PAGE)
    page = 1
    if pages > 1:
        page = int(st.number_input(f"Page, of {pages:,}", 1, pages, 1, key=f"duplicates_{kind}", width=160))
    for each in chosen[(page - 1) * SETS_A_PAGE : page * SETS_A_PAGE]:
        st.html(side_by_side(scan, each))


def side_by_side(scan: DatasetScan, each: DuplicateSet) -> str:
    """HTML: the pictures of a set beside each other, each over its class, split and path."""
    members = scan.rows.iloc[list(each.members[:MOST_OF_SET])]
    urls = thumbnails.data_urls([scan.root / id for id in members["id"]])
    cells = []
    for url, row in zip(urls, members.to_dict("records"), strict=True):
        where = row["split"] or ("train" if scan.brings_splits else "")
        words = [CLASS_TITLES[int(row["y_true"])], where, shortened(printable(row["id"]), 44)]
        label = " · ".join(escape(word) for word in words if word)
        picture = thumbnails.image(url, row["id"], HEIGHT)
        cells.append(
            '<figure style="margin:0;width:min(200px,46%);overflow-wrap:anywhere;font-size:.8rem">'
            f"{picture}<figcaption>{label}</figcaption></figure>"
        )
    more = len(each.members) - MOST_OF_SET
    if more > 0:
        cells.append(f'<div style="align-self:center">and {more:,} more</div>')
    title = "The same to the pixel" if each.exact else "Nearly the same"
    return (
        '<div style="border-top:1px solid rgba(138,138,138,.4);padding-top:.5rem">'
        f'<div style="font-size:.875rem;margin-bottom:.25rem">{title}</div>'
        f'<div style="display:flex;flex-wrap:wrap;gap:12px">{"".join(cells)}</div></div>'
    )


def _leak_free(scan: DatasetScan) -> None:
    st.subheader("A split without leaks", anchor=False)
    st.dataframe(leak_free_table(scan), hide_index=True, alt="Pictures of each split before and after")
    if len(scan.leaks):
        st.caption(
            "Of every group of near-duplicates, what is in the split furthest from training stays; the rest"
            " is left out. Put it on the exclusion list, or take the manifest."
        )
    elif scan.brings_splits:
        st.caption("No group of near-duplicates lies in two splits.")
    else:
        st.caption("The data brings no splits. A run cuts them by whole groups, so that nothing leaks.")
    try:
        leak_free = scan.without_leaks
    except DatasetError as error:
        st.caption(f":material/info: {plain(str(error), limit=400)}")
        return
    st.download_button(
        "Manifest with this split (CSV)",
        lambda: manifest_csv(leak_free.rows),
        "manifest.csv",
        "text/csv",
        icon=":material/table:",
        on_click="ignore",
        key="leak_free_manifest",
    )


def leak_free_table(scan: DatasetScan) -> pd.DataFrame:
    """A row for each split that the dataset brings, or that is cut from it."""
    cut = not scan.brings_splits and scan.dataset is not None
    before = split_counts(_named(scan.dataset.rows if cut and scan.dataset else scan.rows))
    after = before if cut else split_counts(_named(scan.rows_without_leaks))
    table = []
    for split, counts in before.items():
        left = after.get(split, {0: 0, 1: 0})
        table.append(
            {
                "Split": split,
                "AI-generated": left[1],
                "Real": left[0],
                "Left out": sum(counts.values()) - sum(left.values()),
            }
        )
    return pd.DataFrame(table)


def _named(rows: pd.DataFrame) -> pd.DataFrame:
    """What a dataset with splits puts into none is trained on."""
    return rows.assign(split=rows["split"].replace("", "train"))
