"""Where predictions come from: the bundles' cached ones, and files of the user's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from detector.bundle import PREDICTIONS, BundleError, find_bundle, list_bundles
from detector.evaluation import before_after
from detector.evaluation.before_after import PerturbedSet
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.predictions import Predictions, PredictionsError, read_predictions
from detector.evaluation.slices import SIZE
from pages.evaluate import mapping_form, own_predictions
from pages.evaluate.state import Widget, state, widget_value
from pages.evaluate.view import Part, Source
from train import runs
from ui import models, practice_notice
from ui.text import plain


def choose() -> list[Source]:
    """The models to look at, the first one the main one. Where there is nothing to look at, a sentence
    says so and the page ends."""
    uploads = state().uploads
    bundles = _with_predictions() | _of_runs()
    names = [*bundles, *uploads]
    pick, own = st.columns([5, 2], vertical_alignment="bottom")
    with own:
        own_predictions.uploader()
    if asked := state().asked:
        # Nothing else is shown until it is said: what was chosen before is not this file.
        mapping_form.show(asked)
        st.stop()
    if not names:
        own_predictions.say_problem([])
        st.info(
            "No model here has cached test predictions. Train one, or bring predictions of your own.",
            icon=":material/dataset:",
        )
        st.stop()
    missing = _missing(names)
    chosen = pick.multiselect(
        "Models, the first one in detail",
        names,
        default=names[:1],
        key=Widget.MODELS,
        bind="query-params",
        on_change=_forget_missing,
        format_func=plain_name,
        help="Choose a second model to compare them on the pictures both have judged.",
    )
    sources = []
    for name in chosen:
        source = uploads.get(name) or _of_bundle(name, bundles[name])
        if source:
            sources.append(source)
    own_predictions.say_problem([source.name for source in sources])
    if not sources:
        st.info("Choose a model.", icon=":material/arrow_upward:")
        st.stop()
    if missing:
        _say_missing(missing)
    _warn(sources)
    own_predictions.offer_mapping(sources)
    return sources


def _missing(names: list[str]) -> list[str]:
    """What the address named when the page was opened, and is not here. The threshold in an address is that
    of the first one."""
    page, known = state(), {plain_name(name) for name in names}
    if widget_value(Widget.MODELS) is None:
        asked = st.query_params.get_all(Widget.MODELS)
        page.missing = [name for name in asked if name not in known]
        if asked and asked[0] not in known and Widget.THRESHOLD in st.query_params:
            del st.query_params[Widget.THRESHOLD]
            st.rerun()  # what an address said when a run began holds for all of it
    return [name for name in page.missing if name not in known]


def _forget_missing() -> None:
    state().missing = []


def _say_missing(names: list[str]) -> None:
    listed = ", ".join(map(plain, names))
    st.warning(
        f"The address of this page names what is not here: {listed}. A file of your own has to be brought"
        " again.",
        icon=":material/link_off:",
    )


def _warn(sources: list[Source]) -> None:
    """Of practice models, and of predictions that other weights made."""
    for source in sources:
        if source.bundle:
            name = plain(source.name) if len(sources) > 1 else None
            practice_notice.notice(source.bundle, name)
        if source.stale:
            st.warning(
                f"**Stale:** the predictions of {plain(source.name)} were made by other weights than the"
                " model has now. They say nothing about this model. Evaluate it again: `python -m"
                " train.report` does.",
                icon=":material/history:",
            )


def plain_name(name: str) -> str:
    """A name cut to what a control can show."""
    if len(name) <= 60:
        return name
    return f"{name[:29]}…{name[-29:]}"


def evaluation(source: Source, part: Part) -> Evaluation:
    """The evaluation of that part of the source, shared by all sessions and kept while it is in use."""
    return _evaluation(source.version, part, source)


def by_perturbation(source: Source) -> dict[str, Evaluation]:
    """All rows of each perturbation, shared like ``evaluation``."""
    return _by_perturbation(source.version, source)


def perturbed_sets(source: Source) -> list[PerturbedSet]:
    """The source's sets before and after each perturbation, picture by picture; shared like
    ``evaluation``."""
    return _perturbed_sets(source.version, source)


@st.cache_resource(max_entries=8, show_spinner="Sorting the predictions")
def _by_perturbation(version: str, _source: Source) -> dict[str, Evaluation]:
    return Evaluation.by_perturbation(_source.rows)


@st.cache_resource(max_entries=8, show_spinner="Matching delivered pictures")
def _perturbed_sets(version: str, _source: Source) -> list[PerturbedSet]:
    tables = {name: each.rows for name, each in by_perturbation(_source).items()}
    return before_after.perturbed_sets(tables)


@st.cache_resource(max_entries=24, show_spinner="Sorting the predictions")
def _evaluation(version: str, part: Part, _source: Source) -> Evaluation:
    whole = by_perturbation(_source).get(part.perturbation)
    if whole is None:
        return Evaluation(_source.rows[:0])
    if part == Part(perturbation=part.perturbation):
        return whole
    chosen = _chosen(whole, part)
    return Evaluation(whole.rows[chosen].reset_index(drop=True))


def _chosen(whole: Evaluation, part: Part) -> np.ndarray:
    """bool (n,): which rows of the whole are in the part; none where it names what is not there."""
    nothing = np.zeros(len(whole), dtype=bool)
    in_set = whole.masks.get(part.set_name, nothing)
    if not part.column or not part.value:
        return in_set
    if part.column not in whole.rows and part.column != SIZE:
        return nothing
    return in_set & whole.slicing(part.column).rows(part.value)


def _with_predictions() -> dict[str, Path]:
    """The bundles that hold predictions."""
    bundles = {name: find_bundle(name) for name in list_bundles()}
    return {name: path for name, path in bundles.items() if (path / PREDICTIONS).is_file()}


def _of_runs() -> dict[str, Path]:
    """The bundles of the finished runs, which need not be promoted to be looked at. The newest first."""
    files = list(runs.folder().glob(f"[!.]*/bundle/{PREDICTIONS}"))
    files.sort(key=lambda file: (file.stat().st_mtime, file.parent), reverse=True)
    bundles = [file.parent for file in files]
    return {models.name_of_run(bundle.parent.name): bundle for bundle in bundles}


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
    version = f"{path} {stamp.st_mtime_ns} {stamp.st_size}"
    return Source(name, predictions.rows, version, bundle.threshold, bundle, stale)


@st.cache_resource(max_entries=8, show_spinner="Reading the predictions")
def _predictions(path: str, stamp: tuple[int, int]) -> Predictions:
    return read_predictions(path)
