"""What the buttons below the results hand out."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from functools import partial
from io import BytesIO
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

import streamlit as st

from detector.cases import Remarks
from detector.explain import Heatmap, Unavailable, attention_rollout
from detector.records import cell, record
from pages.classify import case_panel, checking, file_facts, report_downloads, shown_picture
from pages.classify.classify_state import state
from ui import encoding, pictures
from ui.session import session
from ui.text import harmless

if TYPE_CHECKING:
    from concurrent.futures import Future

    from detector.bundle import Bundle
    from detector.classifier import Classifier
    from pages.classify.classify_state import PictureResult
    from ui.models import Model
    from ui.pictures import Picture


def show(brought_in: Sequence[Picture], results: Sequence[PictureResult], model: Model) -> None:
    """Results as CSV and JSON, overlays as PNG: made when somebody asks for them, with the verdicts, maps and
    remarks of that moment. results: of the pictures that are checked when the page is drawn."""
    bundle, ours, remarks = model.bundle, state(), session().album.remarks
    now = partial(checking.known_to, ours, brought_in, model)
    method = report_downloads.method_shown(bundle)

    def rows() -> list[dict]:
        return records(now(), bundle, remarks)

    def draw() -> bytes:
        known = report_downloads.known_maps(ours, now(), model, method)
        return overlays(now(), bundle, method, known, model.loading)

    with st.container(horizontal=True):
        report_downloads.show(results, now, model)
        st.download_button(
            "Results (CSV)",
            lambda: as_csv(rows()),
            "telltale-results.csv",
            "text/csv",
            icon=":material/table:",
            on_click="ignore",
            key="csv",
        )
        st.download_button(
            "Results (JSON)",
            lambda: json.dumps(rows(), indent=1),
            "telltale-results.json",
            "application/json",
            icon=":material/data_object:",
            on_click="ignore",
            key="json",
        )
        if any(each.is_readable and each.analysis.heatmap for each in results):
            st.download_button(
                "Overlays (PNG in a ZIP)",
                draw,
                "telltale-overlays.zip",
                "application/zip",
                icon=":material/folder_zip:",
                on_click="ignore",
                key="overlays",
            )
        case_panel.show(results, now, bundle)


def records(results: Sequence[PictureResult], bundle: Bundle, remarks: Mapping[str, Remarks]) -> list[dict]:
    """The rows of the downloads, with the names that ``python -m detector --json`` gives them, and the user's
    remarks, by picture id, under ``my_label``, ``note`` and ``marked``."""
    rows = []
    for each in results:
        picture = each.picture
        facts = file_facts.of(picture)
        row = record(each.result, bundle, picture.name, each.perturbed, facts, picture.content)
        said = remarks.get(picture.id, Remarks())
        rows.append(row | {"my_label": said.label, "note": said.note, "marked": said.marked})
    return rows


def as_csv(records: list[dict]) -> str:
    """Records as CSV, safe to open in a spreadsheet."""
    import pandas as pd  # not at the top: it would hold up the page's first opening

    rows = []
    for row in records:
        rows.append({field: cell(value) for field, value in row.items()})
    # As objects: one row without a number would make floats of all whole ones.
    return pd.DataFrame(rows, dtype=object).to_csv(index=False)


def overlays(
    results: Sequence[PictureResult],
    bundle: Bundle,
    method: str,
    known: Mapping[str, Heatmap],
    loading: Future[Classifier],
) -> bytes:
    """A ZIP with a PNG of each picture under its map by ``method``, with what the colours mean and the
    verdict below. known: the maps that there are already, by picture id. Called in a thread of Streamlit's.
    """
    from detector import captioned_overlay
    from detector.overlay import overlay

    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for number, each in enumerate(results, start=1):
            heatmap = each.is_readable and (known.get(each.picture.id) or _map(each, method, loading))
            if heatmap:
                pixels = shown_picture.pixels(each.picture)
                drawn = overlay(pixels, heatmap, each.analysis.region, opacity=0.5)
                below = captioned_overlay.lines(each.analysis, each.verdict(bundle), bundle)
                drawn = captioned_overlay.captioned(drawn, heatmap, below)
                stem = harmless(PureWindowsPath(each.picture.name).stem)[:80]
                archive.writestr(f"{number:03d}-{stem}.png", encoding.png(drawn, compress_level=1))
    return buffer.getvalue()


def _map(each: PictureResult, method: str, loading: Future[Classifier]) -> Heatmap | None:
    """The map by ``method``, or the attention where there is no such map."""
    if method == attention_rollout.NAME:
        return each.analysis.heatmap
    try:
        classifier = loading.result()
        return classifier.explain(pictures.for_model(each.picture, classifier.bundle), method)
    except Unavailable:
        return each.analysis.heatmap
