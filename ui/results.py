"""From pictures to results on the page: the analysis with its progress, the table, the viewer and the downloads."""

from __future__ import annotations

import json
import zipfile
from base64 import b64encode
from concurrent.futures import Future
from io import BytesIO
from pathlib import PureWindowsPath

import pandas as pd
import streamlit as st
from PIL import Image

from detector.bundle import Bundle, BundleError
from detector.classifier import FileResult
from detector.images import read_image
from ui import verdict
from ui.gallery import Picture
from ui.heatmap_viewer import heatmap_viewer
from ui.text import plain

VIEW_SHORT_SIDE = 900
"""Short side, pixels, at least kept of a photo for showing it; the browser never gets a 50-megapixel original."""


def analyse(pictures: list[Picture], bundle: Bundle, loading: Future) -> list[tuple[Picture, FileResult]]:
    """Results for all pictures, in order; only new ones are computed. What is done stays done if the user moves on meanwhile."""
    done: dict = st.session_state.setdefault("results", {})
    new = [picture for picture in pictures if (picture.id, bundle.weights_sha256) not in done]
    if new:
        try:
            if not loading.done():
                with st.spinner("Starting the model. TensorFlow takes a few seconds, once.", show_time=True):
                    loading.result()
            classifier = loading.result()
        except BundleError as error:
            st.error(plain(str(error), limit=600))
            st.stop()
        bar = st.progress(0.0, "Looking…") if len(new) > 1 else None
        for number, (picture, result) in enumerate(zip(new, classifier.analyse_files(p.content for p in new), strict=True), start=1):
            done[picture.id, bundle.weights_sha256] = result
            if bar:
                bar.progress(number / len(new), f"{number} of {len(new)} pictures")
        if bar:
            bar.empty()
    # Results of pictures that were removed are forgotten.
    kept = {(picture.id, bundle.weights_sha256) for picture in pictures}
    for key in [key for key in done if key not in kept]:
        del done[key]
    return [(picture, done[picture.id, bundle.weights_sha256]) for picture in pictures]


def show_unreadable(analysed: list[tuple[Picture, FileResult]]) -> None:
    """One sentence per file that could not be read."""
    unreadable = [(picture, result) for picture, result in analysed if result.error]
    for picture, result in unreadable[:3]:
        st.warning(f"**{plain(picture.name, limit=60)}** — {plain(result.error, limit=300)}", icon=":material/broken_image:")
    if len(unreadable) > 3:
        with st.expander(f"{len(unreadable) - 3} more files could not be read"):
            st.dataframe(pd.DataFrame([(p.name, r.error) for p, r in unreadable[3:]], columns=["File", "Why"]), hide_index=True)


def choose(analysed: list[tuple[Picture, FileResult]], bundle: Bundle) -> tuple[Picture, FileResult] | None:
    """The picture to open: the only one, or the row selected in the table of all."""
    readable = [(picture, result) for picture, result in analysed if result.analysis]
    if not readable:
        return None
    if len(readable) == 1:
        return readable[0]
    counts = pd.Series([result.analysis.verdict for _, result in readable]).value_counts()
    st.markdown(f"**{len(readable)} pictures:** " + ", ".join(f"{counts[key]} {title.lower() if key != 'ai' else title}" for key, title in verdict.TITLES.items() if key in counts))
    table = pd.DataFrame(
        {
            "Picture": [_thumbnail(picture.id, picture.content) for picture, _ in readable],
            "Name": [picture.name for picture, _ in readable],
            "Verdict": [verdict.TITLES[result.analysis.verdict] for _, result in readable],
            "P(AI)": [result.analysis.y_score for _, result in readable],
            "Attention peak": [result.analysis.heatmap.peak if result.analysis.heatmap else None for _, result in readable],
            "Size": [f"{result.width} × {result.height}" for _, result in readable],
        }
    )
    newest = next((row for row, (picture, _) in enumerate(readable) if picture.id == st.session_state.get("open")), 0)
    event = st.dataframe(
        table, key=f"table-{hash(tuple(p.id for p, _ in readable))}", hide_index=True, on_select="rerun", selection_mode="single-row-required",
        selection_default={"selection": {"rows": [newest]}}, height=min(38 + 56 * len(readable), 380), row_height=56,
        column_config={
            "Picture": st.column_config.ImageColumn("", width="small"),
            "P(AI)": st.column_config.ProgressColumn(help="Calibrated probability that the picture is AI-generated", format="%.3f", min_value=0, max_value=1),
            "Attention peak": st.column_config.NumberColumn(help="The strongest patch, in multiples of the uniform share; below 2 is diffuse", format="%.1f×"),
        },
    )  # fmt: skip
    rows = event.selection.rows
    return readable[rows[0] if rows else newest]


def view(picture: Picture, result: FileResult) -> None:
    """The heatmap viewer for one picture; only the photo where the network has no attention."""
    shown = _view_jpeg(picture.id, picture.content)
    analysis = result.analysis
    if analysis.heatmap is None:
        st.image(shown)
        return
    alt = f"{picture.name}, {result.width} by {result.height} pixels"
    heatmap_viewer(shown, "image/jpeg", analysis.region, analysis.attention, analysis.heatmap, alt=alt, filename=picture.name, key="viewer")


def downloads(analysed: list[tuple[Picture, FileResult]], bundle: Bundle) -> None:
    """Results as CSV and JSON, overlays as PNG."""
    records = [_record(picture, result, bundle) for picture, result in analysed]
    with st.container(horizontal=True):
        st.download_button(
            "Results (CSV)", lambda: _csv(records), "telltale-results.csv", "text/csv", icon=":material/table:", on_click="ignore", key="csv"
        )
        st.download_button(
            "Results (JSON)", lambda: json.dumps(records, indent=1), "telltale-results.json", "application/json",
            icon=":material/data_object:", on_click="ignore", key="json",
        )  # fmt: skip
        if any(result.analysis and result.analysis.heatmap for _, result in analysed):
            st.download_button(
                "Overlays (PNG in a ZIP)", lambda: _overlays(analysed), "telltale-overlays.zip", "application/zip",
                icon=":material/folder_zip:", on_click="ignore", key="overlays",
            )  # fmt: skip


def how_to_read(bundle: Bundle) -> None:
    """What the verdict and the map mean, and what they do not."""
    size = bundle.preprocessing.size
    rows, columns = bundle.architecture.grid
    with st.expander("How to read this", icon=":material/menu_book:"):
        st.markdown(
            f"""
- **A score is not a proof.** The model has learnt what some AI-generated pictures look like. Newer generators, other subjects, heavy editing,
  screenshots and strong compression can all mislead it, in both directions. {plain(verdict.caution(bundle) or "", limit=600)}
- **Unsure is an answer.** Between the two thresholds pictures of both kinds are common, and the model says so instead of guessing.
- **The model sees a {size} × {size} square** from the middle of the picture, at reduced size. What lies outside is hatched in the viewer; it did not count.
- **The map shows attention, not evidence.** The square is cut into {rows} × {columns} patches of about {size // rows} pixels on the model's side. A patch
  glows when the others attend to it: “the model looked here”, not “this is fake”. Nothing finer than a patch can be read off it.
- **Numbers are multiples of the uniform share:** 1× is what every patch would get if attention were spread evenly. If no patch gets 2×, the map is called
  diffuse and stays dark, because it singles nothing out.
"""
        )


def _record(picture: Picture, result: FileResult, bundle: Bundle) -> dict:
    """One row of the downloads; the same names as ``python -m detector --json``."""
    analysis = result.analysis
    return {
        "path": picture.name,
        "verdict": analysis.verdict if analysis else None,
        "y_score": analysis.y_score if analysis else None,
        "logit": analysis.logit if analysis else None,
        "threshold": bundle.threshold,
        "attention_peak": analysis.heatmap.peak if analysis and analysis.heatmap else None,
        "width": result.width,
        "height": result.height,
        "bundle": bundle.name,
        "weights_sha256": bundle.weights_sha256,
        "error": result.error,
    }


def _csv(records: list[dict]) -> str:
    table = pd.DataFrame(records)
    # A spreadsheet would run a name like "=HYPERLINK(...)" as a formula.
    table["path"] = [f"'{path}" if path.startswith(("=", "+", "-", "@", "\t", "\r")) else path for path in table["path"]]
    return table.to_csv(index=False)


def _overlays(analysed: list[tuple[Picture, FileResult]]) -> bytes:
    """A ZIP with one PNG per analysed picture."""
    from detector.overlay import overlay

    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for number, (picture, result) in enumerate(analysed, start=1):
            if result.analysis and result.analysis.heatmap:
                pixels = read_image(picture.content, short_side=VIEW_SHORT_SIDE).pixels
                drawn = BytesIO()
                Image.fromarray(overlay(pixels, result.analysis.heatmap, result.analysis.region, opacity=0.5)).save(drawn, "PNG")
                stem = "".join(c if c.isalnum() or c in " ._-" else "_" for c in PureWindowsPath(picture.name).stem)[:80]
                archive.writestr(f"{number:03d}-{stem}.png", drawn.getvalue())
    return buffer.getvalue()


@st.cache_data(max_entries=64, show_spinner=False)
def _view_jpeg(id: str, _content: bytes) -> bytes:
    """The photo for the viewer: upright, sRGB, at most about VIEW_SHORT_SIDE high."""
    picture = Image.fromarray(read_image(_content, short_side=VIEW_SHORT_SIDE).pixels)
    scale = max(min(VIEW_SHORT_SIDE / min(picture.size), 1.0), 8 / min(picture.size) if min(picture.size) < 8 else 0)
    picture = picture.resize([max(1, round(side * scale)) for side in picture.size]) if scale < 1 else picture
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@st.cache_data(max_entries=1000, show_spinner=False)
def _thumbnail(id: str, _content: bytes) -> str:
    """A data URL for the table."""
    picture = Image.fromarray(read_image(_content, short_side=96).pixels)
    picture.thumbnail((96, 96))
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{b64encode(buffer.getvalue()).decode()}"
