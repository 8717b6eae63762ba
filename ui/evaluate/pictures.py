"""The pictures behind a figure: the rows, and with the image folder at hand the images and their heatmaps."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from PIL import Image

from detector.bundle import BundleError
from detector.delivery import AS_SENT, DELIVERIES
from detector.evaluation import deliveries
from detector.evaluation.evaluation import Evaluation
from detector.images import ImageReadError, Photo, read_image
from ui import figures, models
from ui.evaluate.sources import Source
from ui.heatmap_viewer import heatmap_viewer
from ui.text import plain

SHOWN = 60
THUMBNAIL_SIDE = 112
DAMAGES = {delivery.name: delivery for delivery in DELIVERIES}
TITLES = {1: "AI-generated", 0: "real"}


def clickable(figure: go.Figure, key: str, image_format: str, alt: str):
    """Draw a figure whose marks open pictures. Returns what the clicked mark carries as ``customdata``, until it is closed; None before.

    The click is kept apart from the chart, which forgets its selection whenever the threshold moves.
    """
    config = figures.config(key.replace("_", "-"), image_format)
    st.plotly_chart(figure, key=key, on_select=lambda: _remember(key), selection_mode="points", config=config, alt=alt)
    return st.session_state.get("looked_at", {}).get(key)


def show(source: Source, evaluation: Evaluation, chosen: np.ndarray, threshold: float, title: str) -> None:
    """The chosen rows (bool, one per row), wrong ones before right ones and the most confident first."""
    rows = evaluation.rows[chosen]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"{plain(title)}: {len(rows):,} pictures" if len(rows) != 1 else f"{plain(title)}: 1 picture", anchor=False)
        st.button("Close", icon=":material/close:", type="tertiary", key="close_pictures", on_click=_forget)
    if not len(rows):
        return
    rows = worst_first(rows, threshold).head(SHOWN)
    folder = _folder(rows)
    paths = [picture_path(folder, id) for id in rows["id"]] if folder else [None] * len(rows)
    table = pd.DataFrame({
        **({"Picture": [_thumbnail(str(path), path.stat().st_mtime_ns) if path else None for path in paths]} if any(paths) else {}),
        "Truth": [TITLES[label] for label in rows["y_true"]],
        "P(AI)": rows["y_score"].to_numpy(),
        "Wrong": ((rows["y_score"] >= threshold) != (rows["y_true"] == 1)).to_numpy(),
        **{column: rows[column].to_numpy() for column in rows.columns if column not in ("y_true", "y_score", "logit")},
    })  # fmt: skip
    if folder and (missing := paths.count(None)):
        st.caption(f"{missing} of these {len(paths)} pictures are not in that folder.")
    height = 64 if any(paths) else 35
    event = st.dataframe(
        table, key=f"pictures_{title}_{threshold}", hide_index=True, on_select="rerun", selection_mode="single-row", row_height=height,
        height=min(400, 38 + height * len(table)), alt="The pictures, most confident first; pick a row to open it",
        column_config={
            "Picture": st.column_config.ImageColumn("", width="small"),
            "P(AI)": st.column_config.ProgressColumn(format="%.3f", min_value=0, max_value=1),
        },
    )  # fmt: skip
    picked = [row for row in event.selection.rows if row < len(rows)]
    if picked and paths[picked[0]]:
        _open(source, rows.iloc[picked[0]], paths[picked[0]])
    elif any(paths):
        st.caption(":material/touch_app: Tick a row to open the picture with its heatmap.")


def worst_first(rows: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Errors before the rest, both by how far their score is from the threshold."""
    wrong = (rows["y_score"] >= threshold) != (rows["y_true"] == 1)
    order = np.lexsort((-np.abs(rows["y_score"] - threshold), ~wrong))
    return rows.iloc[order]


def picture_path(folder: Path, id: object) -> Path | None:
    """The file that a row's ``id`` names below ``folder``; None if it is not there. An id cannot lead out of the folder."""
    try:
        path = (folder / str(id)).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None
    except (OSError, ValueError):
        return None


def _remember(key: str) -> None:
    """Only one group of pictures is open at a time."""
    if points := st.session_state[key].selection.points:
        st.session_state.looked_at = {key: points[0]["customdata"]}


def _forget() -> None:
    st.session_state.looked_at = {}


def _folder(rows: pd.DataFrame) -> Path | None:
    """The image folder, asked for once a session."""
    if "id" not in rows:
        st.caption("To see the pictures themselves, the predictions need a column **id** with each picture's path.")
        return None
    holds = f"the folder that holds {str(rows['id'].iloc[0])[:60]}"
    given = st.text_input("Folder with the pictures, on this machine", key="picture_folder", persist_state="session", placeholder=holds)
    if not given:
        return None
    folder = Path(given).expanduser()
    if not folder.is_dir():
        st.warning(f"There is no folder {plain(given)}.", icon=":material/folder_off:")
        return None
    return folder.resolve()


def _open(source: Source, row: pd.Series, path: Path) -> None:
    """One picture, its row, and what the model looked at."""
    try:
        photo = as_judged(path, str(row.get(deliveries.COLUMN, "")))
    except ImageReadError as error:
        st.warning(plain(str(error), limit=300), icon=":material/broken_image:")
        return
    words, viewer = st.columns([2, 3], gap="large")
    words.markdown(f"**{plain(str(row['id']))}** is {TITLES[row['y_true']]} and scored {row['y_score']:.3f}.")
    facts = row.drop(["id", "y_true", "y_score"])
    words.markdown("\n".join(f"- {plain(str(name))}: {plain(str(value))}" for name, value in facts.items()))
    if damage := DAMAGES.get(str(row.get(deliveries.COLUMN, ""))):
        words.caption(f"Shown, and judged, as it arrives. {damage.title}.")
    with viewer:
        _explain(source, photo, path)


def as_judged(path: Path, delivery: str) -> Photo:
    """The file as the model got to see it: after that delivery, if it is one of ``DELIVERIES``. Raises ImageReadError."""
    damage = DAMAGES.get(delivery)
    if damage is None:
        return read_image(path)
    photo = read_image(path, short_side=AS_SENT)
    return replace(photo, pixels=damage(photo.pixels))


def _explain(source: Source, photo: Photo, path: Path) -> None:
    """The heatmap viewer, or the picture alone where there is no model or no attention."""
    if source.bundle is None:
        st.image(photo.pixels, caption="Predictions from a file come without a model, hence without a heatmap.")
        return
    try:  # this is what starts TensorFlow
        loading = models.loading(source.bundle)
        if not loading.done():
            with st.spinner("Starting the model. TensorFlow takes a few seconds, once.", show_time=True):
                loading.result()
        analysis = loading.result().analyse(photo)
    except BundleError as error:
        st.error(plain(str(error), limit=600))
        return
    if analysis.heatmap is None:
        st.image(photo.pixels, caption="This model has no attention to show.")
        return
    heatmap_viewer(
        _jpeg(photo, photo.pixels.shape[0]), "image/jpeg", analysis.region, analysis.attention, analysis.heatmap,
        alt=f"{path.name}, {photo.width} by {photo.height} pixels", filename=path.name, key="mistake",
    )  # fmt: skip


@st.cache_data(max_entries=2000, show_spinner=False)
def _thumbnail(path: str, stamp: int) -> str | None:
    try:
        content = _jpeg(read_image(path, short_side=THUMBNAIL_SIDE), THUMBNAIL_SIDE)
    except ImageReadError:
        return None
    return "data:image/jpeg;base64," + b64encode(content).decode("ascii")


def _jpeg(photo: Photo, height: int) -> bytes:
    image = Image.fromarray(photo.pixels)
    image.thumbnail((4 * height, height))
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
