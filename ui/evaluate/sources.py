"""Where predictions come from: the bundles' cached ones, and files of the user's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from detector.bundle import PREDICTIONS, Bundle, BundleError, available, find
from detector.evaluation import deliveries
from detector.evaluation.deliveries import CLEAN, Arrival
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.predictions import PredictionsError, read_predictions
from detector.evaluation.slices import ALL_ROWS, SIZE
from detector.evaluation.tables import read_table
from train import runs
from ui import models, practice
from ui.text import plain

OWN_THRESHOLD = 0.5
"""Where a user's own predictions start; a bundle has a threshold of its own."""


@dataclass(frozen=True, eq=False)
class Source:
    """One model's predictions. version: changes whenever the rows do. bundle: None for a user's own file. stale: made by other weights."""

    name: str
    rows: pd.DataFrame
    version: str
    threshold: float
    bundle: Bundle | None = None
    stale: bool = False


@dataclass(frozen=True)
class Part:
    """Which rows of a source are looked at: a named set, or within it those whose ``column`` reads ``value``; always of one delivery."""

    set_name: str = ALL_ROWS
    column: str | None = None
    value: str | None = None
    delivery: str = CLEAN

    def __str__(self) -> str:
        narrowed = f", {self.column} {self.value}" if self.column and self.value else ""
        return self.set_name + narrowed + (f", after the delivery “{self.delivery}”" if self.delivery != CLEAN else "")


def choose() -> list[Source]:
    """The models to look at, the first one the main one. Where there is nothing to look at, a sentence says so and the page ends."""
    state = st.session_state
    uploads: dict[str, Source] = state.setdefault("predictions", {})
    bundles = {name: find(name) for name in available() if (find(name) / PREDICTIONS).is_file()} | _of_runs()
    names = [*bundles, *uploads]
    pick, own = st.columns([5, 2], vertical_alignment="bottom")
    with own.popover("Your own predictions", icon=":material/upload_file:", width="stretch"):
        _uploader()
    if not names:
        st.info("No model here has cached test predictions. Train one, or bring predictions of your own.", icon=":material/dataset:")
        st.stop()
    chosen = pick.multiselect(
        "Models, the first one in detail", names, default=names[:1], key="models", bind="query-params", format_func=plain_name,
        help="Choose a second model to compare them on the pictures both have judged.",
    )  # fmt: skip
    sources = [source for name in chosen if (source := uploads.get(name) or _of_bundle(name, bundles[name]))]
    if not sources:
        st.info("Choose a model.", icon=":material/arrow_upward:")
        st.stop()
    for source in sources:
        if source.bundle:
            practice.notice(source.bundle, plain(source.name) if len(sources) > 1 else None)
        if source.stale:
            st.warning(
                f"**Stale:** the predictions of {plain(source.name)} were made by other weights than the model has now. They say nothing about "
                "this model. Evaluate it again: `python -m train.report` does.", icon=":material/history:",
            )  # fmt: skip
    return sources


def plain_name(name: str) -> str:
    """A name cut to what a control can show."""
    return name if len(name) <= 60 else f"{name[:29]}…{name[-29:]}"


def evaluation(source: Source, part: Part) -> Evaluation:
    """The evaluation of that part of the source, shared by all sessions and kept while it is in use."""
    return _evaluation(source.version, part, source)


def by_delivery(source: Source) -> dict[str, Evaluation]:
    """All rows of each delivery, shared like ``evaluation``."""
    return _by_delivery(source.version, source)


def arrivals(source: Source) -> list[Arrival]:
    """The source's sets before and after each delivery, picture by picture; shared like ``evaluation``."""
    return _arrivals(source.version, source)


@st.cache_resource(max_entries=8, show_spinner="Sorting the predictions")
def _by_delivery(version: str, _source: Source) -> dict[str, Evaluation]:
    return Evaluation.by_delivery(_source.rows)


@st.cache_resource(max_entries=8, show_spinner="Matching delivered pictures")
def _arrivals(version: str, _source: Source) -> list[Arrival]:
    return deliveries.arrivals({name: each.rows for name, each in by_delivery(_source).items()})


@st.cache_resource(max_entries=24, show_spinner="Sorting the predictions")
def _evaluation(version: str, part: Part, _source: Source) -> Evaluation:
    whole = by_delivery(_source).get(part.delivery) or Evaluation(_source.rows[:0])
    if part == Part(delivery=part.delivery):
        return whole
    chosen = whole.masks.get(part.set_name, np.zeros(len(whole), dtype=bool))
    if part.column and part.value:
        chosen = chosen & whole.slicing(part.column).rows(part.value) if part.column in whole.rows or part.column == SIZE else chosen & False
    return Evaluation(whole.rows[chosen].reset_index(drop=True))


def of_run(run_id: str) -> str:
    """What the bundle that a training run has made is called here."""
    return f"run {run_id}"


def _of_runs() -> dict[str, Path]:
    """The bundles of the finished runs, which need not be promoted to be looked at. The newest first."""
    found = [(path.stat().st_mtime, path.parent) for path in runs.folder().glob(f"[!.]*/bundle/{PREDICTIONS}")]
    return {of_run(path.parent.name): path for _, path in sorted(found, reverse=True)}


def _of_bundle(name: str, path: Path) -> Source | None:
    try:
        bundle = models.bundle(str(path))
        path = bundle.path / PREDICTIONS
        stamp = path.stat()
        predictions = _predictions(str(path), (stamp.st_mtime_ns, stamp.st_size))
    except (BundleError, PredictionsError, OSError) as error:
        st.error(plain(str(error), limit=600))
        return None
    stale = predictions.weights_sha256 != bundle.weights_sha256
    return Source(name, predictions.rows, f"{path} {stamp.st_mtime_ns} {stamp.st_size}", bundle.threshold, bundle, stale)


@st.cache_resource(max_entries=8, show_spinner="Reading the predictions")
def _predictions(path: str, stamp: tuple):
    return read_predictions(path)


def _uploader() -> None:
    st.markdown(
        "A CSV or Parquet file with a row per picture. It needs **y_true** (1 = AI-generated, 0 = real) and **y_score** (probability of "
        "AI-generated, 0 to 1). With **id** it can be compared with other models; any other column becomes a way to slice."
    )
    st.file_uploader("Predictions", type=["csv", "parquet"], key="predictions_file", on_change=_take, label_visibility="collapsed")
    if problem := st.session_state.get("predictions_problem"):
        st.error(plain(problem, limit=600), icon=":material/error:")


def _take() -> None:
    """Read the file that was just brought in, and choose it."""
    state = st.session_state
    state.predictions_problem = None
    file = state.predictions_file
    if file is None:
        return
    content = file.getvalue()
    try:
        rows = read_table(content, file.name)
    except PredictionsError as error:
        state.predictions_problem = str(error)
        return
    name = "".join(c if c.isprintable() else " " for c in Path(file.name).name)
    if name in available():
        name += " (yours)"
    state.predictions[name] = Source(name, rows, hashlib.sha256(content).hexdigest(), OWN_THRESHOLD)
    state.models = [name, *(other for other in state.get("models", []) if other != name)]
