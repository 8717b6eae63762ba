"""From pictures to results on the page: the check with its progress, the table and the downloads."""

from __future__ import annotations

import json
import zipfile
from base64 import b64encode
from concurrent.futures import Future
from dataclasses import dataclass
from io import BytesIO
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from PIL import Image

from detector.bundle import Bundle
from detector.classifier import FileResult
from detector.images import read_image
from detector.preprocessing import Region
from detector.records import cell, record
from detector.stress import Stressed, settled
from ui import gallery, models, verdict
from ui.gallery import Picture
from ui.text import plain, printable

if TYPE_CHECKING:
    from detector.classifier import Classifier

VIEW_SHORT_SIDE, VIEW_LONG_SIDE = 900, 4000
"""Pixels, at most, along the sides of a photo as it is shown; the browser never gets a 50-megapixel original."""

MAX_SHOWN_ASPECT = 12
"""A longer strip than this is shown in part, around the middle: as a whole it would be a line without height."""

THUMBNAIL_SIDE = 96
"""Pixels, at most, along the long side of a photo in the table: twice what the table shows, for sharp displays."""


@dataclass(frozen=True)
class Checked:
    """A picture, what the model says of it, a small copy of it as a data URL ("" if it could not be read), and what the model says of its
    damaged copies, None where it was not asked. Only the picture that is open is stress-tested."""

    picture: Picture
    result: FileResult
    thumbnail: str
    stressed: list[Stressed] | None = None

    def verdict(self, bundle: Bundle) -> str:
        """The one to give: "unsure" where ordinary damage turns the model's own around."""
        return settled(bundle, self.result.analysis.verdict, self.stressed or ())


def check(pictures: list[Picture], bundle: Bundle, loading: Future[Classifier]) -> list[Checked]:
    """All pictures checked, in order; only new ones are computed. What is done stays done if the user moves on meanwhile."""
    done: dict[tuple[str, str], Checked] = st.session_state.setdefault("checked", {})
    version = models.version(bundle)
    new = [picture for picture in pictures if (picture.id, version) not in done]
    place = st.empty()  # also where there is nothing to say: what follows keeps its place on the page, and is not built anew
    if new:
        with place.container():
            classifier = models.started(loading)
        several = len(new) > 1
        if several:
            place.progress(0.0, f"Looking at {len(new)} pictures")
        for number, (picture, result) in enumerate(zip(new, classifier.analyse_files(p.content for p in new), strict=True), start=1):
            done[picture.id, version] = Checked(picture, result, _thumbnail(picture) if result.analysis else "")
            if several:
                place.progress(number / len(new), f"{number} of {len(new)} pictures")
        place.empty()
    here = {picture.id for picture in pictures}
    for key in [key for key in done if key[0] not in here]:  # removed meanwhile
        del done[key]
    return [done[picture.id, version] for picture in pictures]


def show_unreadable(checked: list[Checked]) -> None:
    """One sentence per file that could not be read."""
    unreadable = [entry for entry in checked if entry.result.error]
    for entry in unreadable[:3]:
        st.warning(f"**{plain(entry.picture.name, limit=60)}** — {plain(entry.result.error, limit=300)}", icon=":material/broken_image:")
    if len(unreadable) > 3:
        with st.expander(f"{len(unreadable) - 3} more files could not be read"):
            rows = [{"File": printable(entry.picture.name), "Why": entry.result.error} for entry in unreadable[3:]]
            st.dataframe(rows, hide_index=True)


def choose(checked: list[Checked], bundle: Bundle) -> Checked | None:
    """The picture to open: the only one, or the one picked in a table of all; None if none could be read."""
    readable = [entry for entry in checked if entry.result.analysis]
    if not readable:
        return None
    ids = [entry.picture.id for entry in readable]
    # What the user has just asked for, else what was open, else the first.
    opened = next((id for id in (gallery.album().wanted, st.session_state.get("opened")) if id in ids), ids[0])
    gallery.album().wanted, st.session_state.opened = None, opened
    row = ids.index(opened)
    if len(readable) > 1:
        st.markdown(f"**{len(readable)} pictures:** {verdict.tally(entry.verdict(bundle) for entry in readable)}")
        _table(readable, row, bundle)
    return readable[row]


def as_shown(entry: Checked) -> tuple[bytes, Region]:
    """The photo as a JPEG for the viewer, of a long strip only the middle, and the part of that which the model saw."""
    region = entry.result.analysis.region.within(*shown_part(entry))
    return _view_jpeg(entry.picture.id, entry.picture.content), region


def shown_part(entry: Checked) -> tuple[float, float]:
    """Shares of the width and of the height, around the middle, that the viewer shows."""
    return _shown_part(entry.result.width, entry.result.height)


def downloads(checked: list[Checked], bundle: Bundle) -> None:
    """Results as CSV and JSON, overlays as PNG."""
    rows = records(checked, bundle)
    with st.container(horizontal=True):
        st.download_button("Results (CSV)", as_csv(rows), "telltale-results.csv", "text/csv", icon=":material/table:", on_click="ignore", key="csv")
        st.download_button(
            "Results (JSON)", json.dumps(rows, indent=1), "telltale-results.json", "application/json",
            icon=":material/data_object:", on_click="ignore", key="json",
        )  # fmt: skip
        if any(entry.result.analysis and entry.result.analysis.heatmap for entry in checked):
            st.download_button(  # drawn when somebody asks for them
                "Overlays (PNG in a ZIP)", lambda: overlays(checked), "telltale-overlays.zip", "application/zip",
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
  screenshots and strong compression can all mislead it, in both directions.
- **Unsure is an answer.** Between the two thresholds pictures of both kinds are common, and the model says so instead of guessing.
- **The model sees a {size} × {size} square** from the middle of the picture, at reduced size. What lies outside is hatched in the viewer; it did
  not count.
- **A map explains the model, not the picture.** The square is cut into {rows} × {columns} patches, and a map says what each means to the score: what
  it adds, or what changes without it. Red is towards AI, blue towards real. None says “this is fake”, and nothing finer than a patch can be read off.
- **Below each map stands how it fared** when its patches were taken away from this very picture. A map that does no better than a random one
  explains nothing here, however good it looks. The one shown first did best on validation pictures (Evaluate, Explanations).
- **The attention map shows where the model looked.** A patch glows when the others attend to it. Its numbers are multiples of the uniform share: 1×
  is what every patch would get if attention were spread evenly. If no patch gets 2×, the map is called diffuse and stays dark.
- **Unsure after damage:** if JPEG compression or resizing as it happens to nearly every picture turns the verdict around, it is withdrawn.
"""
        )


def records(checked: list[Checked], bundle: Bundle) -> list[dict]:
    """The rows of the downloads, with the names that ``python -m detector --json`` gives them."""
    return [record(entry.result, bundle, entry.picture.name, entry.stressed) for entry in checked]


def as_csv(records: list[dict]) -> str:
    """Records as CSV, safe to open in a spreadsheet."""
    import pandas as pd  # not at the top: it would hold up the page's first opening

    return pd.DataFrame([{field: cell(value) for field, value in row.items()} for row in records]).to_csv(index=False)


def overlays(checked: list[Checked]) -> bytes:
    """A ZIP with a PNG of each picture under its heatmap."""
    from detector.overlay import overlay

    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for number, entry in enumerate(checked, start=1):
            analysis = entry.result.analysis
            if analysis and analysis.heatmap:
                drawn = overlay(_shrunk(entry.picture.content), analysis.heatmap, analysis.region, opacity=0.5)
                png = BytesIO()
                Image.fromarray(drawn).save(png, "PNG", compress_level=1)
                stem = "".join(c if c.isalnum() or c in " ._-" else "_" for c in PureWindowsPath(entry.picture.name).stem)[:80]
                archive.writestr(f"{number:03d}-{stem}.png", png.getvalue())
    return buffer.getvalue()


def _table(readable: list[Checked], row: int, bundle: Bundle) -> None:
    """The table of all pictures, ``row`` highlighted. Any cell of another row opens that picture, in whatever order the table is sorted."""
    state = st.session_state
    ids = [entry.picture.id for entry in readable]
    columns = {
        "Picture": [entry.thumbnail for entry in readable],
        "Verdict": [verdict.TITLES[entry.verdict(bundle)] for entry in readable],  # this far left it is seen on a phone too
        "Name": [printable(entry.picture.name) for entry in readable],
        "P(AI)": [entry.result.analysis.y_score for entry in readable],
    }
    if all(entry.result.analysis.heatmap for entry in readable):
        columns["Attention peak"] = [entry.result.analysis.heatmap.peak for entry in readable]

    def pick() -> None:
        picked = [at for at, _ in state.table.selection.cells] + state.table.selection.rows
        for other in picked:
            if other != row and other < len(ids):  # the table also reports the highlight below
                gallery.album().wanted = ids[other]
                return

    # The highlight follows the picture, not the row number, when others come and go; a cell of its row keeps the place for the arrow keys.
    selection = state.get("table", {}).get("selection", {})
    column = next((column for _, column in selection.get("cells", [])), "Verdict")
    highlight = {"rows": [row], "cells": [(row, column)]}
    if any(selection.get(kind) != highlight[kind] for kind in highlight):
        state.table = {"selection": highlight}
    # The toolbar would cover the line above on a phone, and its CSV has the thumbnails in it.
    st.html("<style>.st-key-table [data-testid=stElementToolbar] {display: none}</style>")
    st.dataframe(
        columns, key="table", hide_index=True, on_select=pick, selection_mode=["single-row-required", "single-cell"],
        height=min(38 + 56 * len(readable), 380), row_height=56, alt="Pictures and their verdicts; pick a row to open it",
        column_config={
            "Picture": st.column_config.ImageColumn("", width="small"),
            "P(AI)": st.column_config.ProgressColumn(
                help="Calibrated probability that the picture is AI-generated", format="%.3f", min_value=0, max_value=1
            ),
            "Attention peak": st.column_config.NumberColumn(
                help="The strongest patch, in multiples of the uniform share; below 2 is diffuse", format="%.1f×"
            ),
        },
    )  # fmt: skip


@st.cache_data(max_entries=64, show_spinner=False)
def _view_jpeg(id: str, _content: bytes) -> bytes:
    """The photo for the viewer: upright, in sRGB; of a long strip the middle."""
    picture = Image.fromarray(_shrunk(_content))
    width, height = picture.size
    across, down = (share * side / 2 for share, side in zip(_shown_part(width, height), picture.size, strict=True))
    return _jpeg(picture.crop((round(width / 2 - across), round(height / 2 - down), round(width / 2 + across), round(height / 2 + down))), quality=90)


def _shown_part(width: int, height: int) -> tuple[float, float]:
    """Shares of the width and of the height, around the middle, that the viewer shows."""
    return min(1.0, MAX_SHOWN_ASPECT * height / width), min(1.0, MAX_SHOWN_ASPECT * width / height)


def _shrunk(content: bytes) -> np.ndarray:
    """uint8 (H, W, 3): the photo, no larger than it is ever shown."""
    picture = Image.fromarray(read_image(content, short_side=VIEW_SHORT_SIDE).pixels)
    short, long = sorted(picture.size)
    scale = min(1.0, VIEW_SHORT_SIDE / short, VIEW_LONG_SIDE / long)
    return np.asarray(picture.resize([max(1, round(side * scale)) for side in picture.size]))


def _thumbnail(picture: Picture) -> str:
    """The photo as a data URL for the table."""
    small = Image.fromarray(read_image(picture.content, short_side=THUMBNAIL_SIDE).pixels)
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return f"data:image/jpeg;base64,{b64encode(_jpeg(small, quality=80)).decode()}"


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
