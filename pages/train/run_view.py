"""One run, as it is now: its state and progress, its curves, its log. Only what changes is drawn again,
and only while it can change."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

import streamlit as st

from detector.bundle import CARD, PRACTICE_IS_NOT
from pages.train import actions, log_panel, training_curves
from pages.train.page_state import curve_key
from pages.train.wording import (
    ELSEWHERE,
    STATES,
    badge,
    learning_rates,
    practice_badge,
    practised,
    progress,
)
from train import runs
from train.runs import RunState
from ui import models
from ui.about_model import measured, metrics_table, section
from ui.figures import config
from ui.quantities import duration, size
from ui.text import plain

PROMINENT = {RunState.FAILED: st.error, RunState.LOST: st.warning, RunState.DAMAGED: st.error}
"""States whose reason nobody may miss, and how it is shown."""
CUT_SHORT = (RunState.STOPPED, RunState.FAILED, RunState.LOST)
"""States of a run that did not get to its end."""
OVER_SECONDS = 5.0
"""How often it is looked whether a run that is over is still there."""
MAX_CARD_CHARACTERS = 4_000_000
PARTS_SHOWN = ("metrics", "calibration")
"""Of a card."""
LOG_SECONDS, PROGRESS_SECONDS, CURVES_SECONDS = 0.6, 1.5, 4.0
"""How often a live run's parts are looked at: often enough for a line to show within 1.5 s, seldom enough
to leave the processor to the run."""


def show(run: runs.Run, locked: bool) -> None:
    """The whole view of one run. Every part has a place of its own, the same in every state of the run, with
    something in it or not: a fragment draws where it stood when the page was last drawn, and finds another
    part there if parts above it come and go.
    """
    _light_reruns()
    live = run.live
    heading(run)
    st.fragment(_now, run_every=PROGRESS_SECONDS if live else OVER_SECONDS)(run.id, run.state)
    with st.container():
        actions.show(run, locked)
    left, right = st.columns(2, gap="large")
    with left:
        st.fragment(_curves, run_every=CURVES_SECONDS if live else None)(run.id)
    with right:
        st.markdown("#### Log")
        st.fragment(_log, run_every=LOG_SECONDS if live else None)(run.id)
        log_panel.find_and_download(run.id, run.log_path)
    with st.container():
        _figures_of_the_model(run)
    _facts(run)


@st.cache_resource(show_spinner=False)
def _light_reruns() -> None:
    """Once: a live page is brought up to date many times a minute, and each time Streamlit has the garbage
    collector go through all there is."""
    models.spare_the_garbage_collector()


def look(run_id: str) -> runs.Run | None:
    """The run as it is now; None if it is gone."""
    try:
        return runs.find(run_id)
    except runs.RunError:
        return None


def heading(run: runs.Run) -> None:
    """Its name and badges."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(run.id), anchor=False, width="content")
        badge(run.state)
        if practised(run):
            practice_badge()


def _now(run_id: str, state: RunState) -> None:
    """Why it is in its state, and how far it is."""
    run = look(run_id)
    if run is None or run.state != state:
        st.rerun()
    _reason(run)
    if state.training:
        share, words = progress(run.progress)
        st.progress(share, words or "Reading the pictures and starting the network")
        _use(run)
    elif state in CUT_SHORT:
        _, words = progress(run.progress, over=True)
        if words:
            st.caption(f"It came as far as: {plain(words, limit=200)}")


def _reason(run: runs.Run) -> None:
    """Why it is in its state and what that means, the more visible the worse it is."""
    look = STATES[run.state]
    reason, meaning = plain(run.reason, limit=600), look.meaning
    if run.state == RunState.FAILED and run.returncode is not None:
        reason = f"{reason} Exit code {run.returncode}.".strip()
    if run.state == RunState.COMPLETED and run.bundle is None:
        meaning = (
            "It has finished, but its model is not there. Resume makes it again from the last checkpoint."
        )
    if name := actions.used_as(run):
        meaning = f"Classify uses this model: it is promoted as **{plain(name, limit=60)}**."
    if run.queue_position:
        meaning = f"It is number {run.queue_position} in the queue. {meaning}"
    if reason and run.state in PROMINENT:
        PROMINENT[run.state](reason, icon=look.icon)
        st.markdown(meaning)
    else:
        st.markdown(f"{reason} {meaning}".strip())


def _use(run: runs.Run) -> None:
    """Processor and memory that the run takes."""
    used = runs.usage(run)
    if used is None:
        return
    words = [f"memory {size(used.memory)}"]
    if used.cpu is not None:
        words.insert(0, f"processor {used.cpu:.0%} of one core")
    for gpu in used.gpus:
        load = "" if gpu.load is None else f" {gpu.load:.0%} busy,"
        memory = f"{size(gpu.memory_used)} of {size(gpu.memory_total)}"
        words.append(f"{plain(gpu.name, limit=40)}:{load} {memory} in use")
    st.caption(f":material/monitor_heart: {' · '.join(words)}")


def _curves(run_id: str) -> None:
    run = look(run_id)
    if run is None:
        return
    soon = "The loss shows here after the first steps, the other curves after the first epoch."
    nothing = soon if run.live else "It wrote no metrics."
    draw([run], nothing)


def draw(shown: Sequence[runs.Run], nothing: str) -> None:
    """The curves of one run, or of several over each other; where there is none, a sentence."""
    metrics, kept, within = {}, {}, None
    for run in shown:
        rows = training_curves.table(run.metrics())
        within = training_curves.within_epochs(run.losses()) if len(shown) == 1 else None
        if len(rows) or (within is not None and len(within)):
            metrics[run.id] = rows
            kept[run.id] = training_curves.kept_epoch(rows, run.recipe)
    drawn = training_curves.figures(metrics, kept, within)
    st.markdown("#### Curves")
    with st.container():  # also where it stays empty, for the reason ``show`` gives
        if not drawn:
            st.caption(nothing)
        elif any(kept.values()):
            st.caption(":material/star: The star is the epoch whose weights are kept.")
    panels = list(drawn.items())
    for start in range(0, len(panels), 2):
        for column, (name, figure) in zip(st.columns(2), panels[start : start + 2], strict=False):
            title, _ = training_curves.PANELS[name]
            alt = f"{title} by epoch"
            column.plotly_chart(figure, key=curve_key(name), config=config(name, "svg"), alt=alt)


def _log(run_id: str) -> None:
    run = look(run_id)
    if run is not None:
        log_panel.show_tail(run)


def _figures_of_the_model(run: runs.Run) -> None:
    """What the finished model did on validation and test, as its card has it."""
    card = _card(run)
    if figures := measured(card):
        st.markdown("#### Measured at the end")
        metrics_table(figures)
        if why_not := section(card, "calibration").get("why"):
            st.warning(plain(str(why_not), limit=300), icon=":material/tune:")
        if practised(run):
            st.caption(f":material/school: {PRACTICE_IS_NOT}")


def card_metrics(run: runs.Run) -> dict[str, dict[str, float]]:
    """Set of pictures -> metric -> figure, from the card of the run's bundle; {} if there is none."""
    return measured(_card(run))


def _card(run: runs.Run) -> dict[str, Any]:
    """The card of the run's bundle; {} if there is none."""
    card = run.bundle / CARD if run.bundle else None
    try:
        return _read_card(str(card), card.stat().st_mtime_ns) if card else {}
    except OSError:
        return {}


@st.cache_data(max_entries=500, show_spinner=False)
def _read_card(card: str, stamp: int) -> dict[str, Any]:
    """The parts of a card that are shown here."""
    try:
        with open(card, encoding="utf-8") as file:
            content = json.loads(file.read(MAX_CARD_CHARACTERS))
    except (OSError, ValueError, RecursionError):
        return {}
    return {key: section(content, key) for key in PARTS_SHOWN} if isinstance(content, dict) else {}


def _facts(run: runs.Run) -> None:
    """What it was started with."""
    with st.expander("Settings and command", icon=":material/tune:"):
        facts = {"Data": run.data, "Device": run.device, "Folder": str(run.path)}
        batch_size = run.recipe.get("batch_size")
        if isinstance(batch_size, int) and batch_size > 0:
            facts["Batch"] = runs.batch_in_words(batch_size, runs.gpu_count(run.device))
        facts["Learning rate"] = learning_rates(run.recipe)
        started, ended = run.started, run.ended
        if started:
            facts["Started"] = f"{started.astimezone():%Y-%m-%d %H:%M}"
        if started and ended:
            facts["Took, with pauses"] = duration((ended - started).total_seconds())
        if run.returncode is not None:
            facts["Exit code"] = str(run.returncode)
        lines = []
        for name, value in facts.items():
            if value:
                lines.append(f"- {name}: {plain(value, limit=300)}")
        st.markdown("\n".join(lines))
        st.code(shlex.join(run.command), language="bash", wrap_lines=True)
        st.caption(ELSEWHERE)
        st.json(run.recipe, expanded=1)
