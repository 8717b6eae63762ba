"""The pictures behind a figure: the rows, and with the image folder at hand the images and their heatmaps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from detector.bundle import BundleError
from detector.evaluation import perturbed
from detector.images import ImageReadError, Photo, read_image
from detector.perturbations import AS_SENT, PERTURBATIONS
from detector.preprocessing import WHOLE_SHORT_SIDE
from pages.evaluate.state import Click, Widget, state
from pages.evaluate.view import Source, View
from ui import default_method, encoding, figures, models, thumbnails
from ui.heatmap_viewer import heatmap_viewer
from ui.text import plain
from ui.typed_folder import typed_folder

SHOWN = 60
ROW_HEIGHT, ROW_HEIGHT_WITH_PICTURES = 35, 64


def truth(label: int) -> str:
    """What a y_true says, within a sentence."""
    return "AI-generated" if label == 1 else "real"


def clickable(figure: go.Figure, key: str, image_format: str, alt: str) -> Any:
    """Draw a figure whose marks open pictures. Returns what the clicked mark carries as ``customdata``, until
    it is closed; None before.

    The click is kept apart from the chart, which forgets its selection whenever the threshold moves.
    """
    config = figures.config(key.replace("_", "-"), image_format)
    st.plotly_chart(
        figure, key=key, on_select=lambda: _remember(key), selection_mode="points", config=config, alt=alt
    )
    click = state().click
    return click.carries if click and click.figure == key else None


def show(view: View, chosen: np.ndarray, title: str) -> None:
    """The chosen rows (bool, one per row), wrong ones before right ones and the most confident first."""
    rows = view.evaluation.rows[chosen]
    counted = "1 picture" if len(rows) == 1 else f"{len(rows):,} pictures"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"{plain(title)}: {counted}", anchor=False)
        st.button("Close", icon=":material/close:", type="tertiary", key="close_pictures", on_click=_forget)
    if not len(rows):
        return
    rows = worst_first(rows, view.threshold).head(SHOWN)
    folder = _folder(rows)
    paths = [picture_path(folder, id) for id in rows["id"]] if folder else []
    n_missing = paths.count(None)
    if n_missing:
        st.caption(f"{n_missing} of these {len(paths)} pictures are not in that folder.")
    table = _table(rows, view.threshold, paths)
    picked = _show_table(table, key=f"pictures_{title}_{view.threshold}")
    path = paths[picked] if paths and picked is not None else None
    if picked is not None and path:
        _open(view.source, rows.iloc[picked], path)
    elif any(paths):
        st.caption(":material/touch_app: Tick a row to open the picture with its heatmap.")


def _table(rows: pd.DataFrame, threshold: float, paths: list[Path | None]) -> pd.DataFrame:
    """What is shown of the rows; with pictures where any was found."""
    is_ai = rows["y_true"] == 1
    called_ai = rows["y_score"] >= threshold
    columns: dict[str, Any] = {}
    if any(paths):
        columns["Picture"] = [url or None for url in thumbnails.data_urls(paths)]
    columns["Truth"] = [truth(label) for label in rows["y_true"]]
    columns["P(AI)"] = rows["y_score"].to_numpy()
    columns["Wrong"] = (called_ai != is_ai).to_numpy()
    for column in rows.columns:
        if column not in ("y_true", "y_score", "logit"):
            columns[column] = rows[column].to_numpy()
    return pd.DataFrame(columns)


def _show_table(table: pd.DataFrame, key: str) -> int | None:
    """Returns which row was ticked, if any."""
    height = ROW_HEIGHT_WITH_PICTURES if "Picture" in table else ROW_HEIGHT
    event = st.dataframe(
        table,
        key=key,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        row_height=height,
        height=min(400, 38 + height * len(table)),
        alt="The pictures, most confident first; pick a row to open it",
        column_config={
            "Picture": st.column_config.ImageColumn("", width="small"),
            "P(AI)": st.column_config.ProgressColumn(format="%.3f", min_value=0, max_value=1),
        },
    )
    picked = [row for row in event.selection.rows if row < len(table)]
    return picked[0] if picked else None


def worst_first(rows: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Errors before the rest, both by how far their score is from the threshold."""
    called_ai = rows["y_score"] >= threshold
    is_wrong = called_ai != (rows["y_true"] == 1)
    distance = np.abs(rows["y_score"] - threshold)
    order = np.lexsort((-distance, ~is_wrong))
    return rows.iloc[order]


def picture_path(folder: Path, id: object) -> Path | None:
    """The file that a row's ``id`` names below ``folder``; None if it is not there. An id cannot lead out
    of the folder."""
    try:
        path = (folder / str(id)).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None
    except (OSError, ValueError):
        return None


def _remember(key: str) -> None:
    """Only one group of pictures is open at a time."""
    points = st.session_state[key].selection.points
    if points:
        state().click = Click(figure=key, carries=points[0]["customdata"])


def _forget() -> None:
    state().click = None


def _folder(rows: pd.DataFrame) -> Path | None:
    """The image folder, asked for once a session."""
    if "id" not in rows:
        st.caption(
            "To see the pictures themselves, the predictions need a column **id** with each picture's path."
        )
        return None
    holds = f"the folder that holds {str(rows['id'].iloc[0])[:60]}"
    given = st.text_input(
        "Folder with the pictures, on this machine",
        key=Widget.PICTURE_FOLDER,
        persist_state="session",
        placeholder=holds,
    )
    folder = typed_folder(given) if given.strip() else None
    return folder.resolve() if folder else None


def _open(source: Source, row: pd.Series, path: Path) -> None:
    """One picture, its row, and what the model looked at."""
    perturbation = str(row.get(perturbed.COLUMN, perturbed.CLEAN))
    try:
        short_side = source.bundle.preprocessing.decoded_short_side if source.bundle else WHOLE_SHORT_SIDE
        photo = as_judged(path, perturbation, short_side)
    except ImageReadError as error:
        st.warning(plain(str(error), limit=300), icon=":material/broken_image:")
        return
    words, viewer = st.columns([2, 3], gap="large")
    said = f"is {truth(row['y_true'])} and scored {row['y_score']:.3f}."
    words.markdown(f"**{plain(str(row['id']))}** {said}")
    facts = row.drop(["id", "y_true", "y_score"])
    lines = [_fact(name, value) for name, value in facts.items()]
    words.markdown("\n".join(lines))
    if perturbation in PERTURBATIONS:
        words.caption(f"Shown, and judged, as it arrives. {PERTURBATIONS[perturbation].title}.")
    with viewer:
        _explain(source, photo, path)


def _fact(name: object, value: object) -> str:
    """A column of a row, as an item of a list."""
    return f"- {plain(str(name))}: {plain(str(value))}"


def as_judged(path: Path, perturbation: str, short_side: int = WHOLE_SHORT_SIDE) -> Photo:
    """The file as the model got to see it: after that perturbation, if it is one of ``PERTURBATIONS``. Raises
    ImageReadError."""
    if perturbation not in PERTURBATIONS:
        return read_image(path, short_side)
    photo = read_image(path, short_side=AS_SENT)
    perturb = PERTURBATIONS[perturbation]
    return replace(photo, pixels=perturb(photo.pixels))


def _explain(source: Source, photo: Photo, path: Path) -> None:
    """The heatmap viewer, or the picture alone where there is no model or no attention."""
    if source.bundle is None:
        st.image(
            photo.pixels, caption="Predictions from a file come without a model, hence without a heatmap."
        )
        return
    try:  # this is what starts TensorFlow
        loading = models.loading(source.bundle)
        if not loading.done():
            with st.spinner("Starting the model.", show_time=True):
                loading.result()
        analysis = loading.result().analyse(photo)
    except BundleError as error:
        st.error(plain(str(error), limit=600))
        return
    if analysis.heatmap is None:
        st.image(photo.pixels, caption=default_method.NO_ATTENTION)
        return
    heatmap_viewer(
        encoding.jpeg(photo.pixels, quality=90),
        encoding.JPEG,
        analysis.region,
        analysis.attention,
        analysis.heatmap,
        alt=f"{path.name}, {photo.width} by {photo.height} pixels",
        filename=path.name,
        key="mistake",
        tiles=analysis.tiles,
    )
