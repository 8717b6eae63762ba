"""One run, as it is now: its state and progress, its curves, its log. Only what changes is drawn again, and only while it can change."""

from __future__ import annotations

import json
import shlex

import streamlit as st

from detector.bundle import CARD, PRACTICE_IS_NOT
from train import runs
from ui import models
from ui.card import measured, metrics_table
from ui.figures import config
from ui.text import plain
from ui.train import actions, curves, log
from ui.train.words import STATES, badge, duration, practice_badge, practised, progress, size

PROMINENT = {
    "failed": (st.error, ":material/error:"), "lost": (st.warning, ":material/link_off:"), "damaged": (st.error, ":material/broken_image:"),
}  # fmt: skip
"""States whose reason nobody may miss."""
MAX_CARD_CHARACTERS = 4_000_000
LOG_SECONDS, PROGRESS_SECONDS, CURVES_SECONDS = 0.6, 1.5, 4.0
"""How often a live run's parts are looked at: often enough for a line to show within 1.5 s, seldom enough to leave the processor to the run."""


def show(run: runs.Run, locked: bool) -> None:
    """The whole view of one run. Every part has a place of its own, the same in every state of the run, with something in it or not: a
    fragment draws where it stood when the page was last drawn, and finds another part there if parts above it come and go.
    """
    _light_reruns()
    live = run.live
    heading(run)
    st.fragment(_now, run_every=PROGRESS_SECONDS if live else None)(run.id, run.state)
    with st.container():
        actions.show(run, locked)
    left, right = st.columns(2, gap="large")
    with left:
        st.fragment(_curves, run_every=CURVES_SECONDS if live else None)(run.id)
    with right:
        st.markdown("#### Log")
        st.fragment(_log, run_every=LOG_SECONDS if live else None)(run.id)
        log.find_and_download(run.id, run.log_path)
    with st.container():
        _measured(run)
    _facts(run)


@st.cache_resource(show_spinner=False)
def _light_reruns() -> None:
    """Once: a live page is brought up to date many times a minute, and each time Streamlit has the garbage collector go through all there is."""
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


def _now(run_id: str, state: str) -> None:
    """Why it is in its state, and how far it is."""
    run = look(run_id)
    if run is None or run.state != state:
        st.rerun()
    _reason(run)
    if state in ("running", "stopping"):
        share, words = progress(run.progress)
        st.progress(share, words or "Reading the pictures and starting the network")
    elif state in ("stopped", "failed", "lost") and (words := progress(run.progress, over=True)[1]):
        st.caption(f"It came as far as: {plain(words, limit=200)}")
    if state in ("running", "stopping"):
        _use(run)


def _reason(run: runs.Run) -> None:
    """Why it is in its state and what that means, the more visible the worse it is."""
    code = f" Exit code {run.returncode}." if run.state == "failed" and run.returncode is not None else ""
    reason, meaning = f"{plain(run.reason, limit=600)}{code}".strip(), STATES[run.state][3]
    if run.state == "completed" and run.bundle is None:
        meaning = "It has finished, but its model is not there. Resume makes it again from the last checkpoint."
    if name := actions.used_as(run):
        meaning = f"Classify uses this model: it is promoted as **{plain(name, limit=60)}**."
    if run.queue_position:
        meaning = f"It is number {run.queue_position} in the queue. {meaning}"
    if reason and run.state in PROMINENT:
        show, icon = PROMINENT[run.state]
        show(reason, icon=icon)
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
    if gpu := used.gpu:
        load = "" if gpu.load is None else f" {gpu.load:.0%} busy,"
        words.append(f"{plain(gpu.name, limit=40)}:{load} {size(gpu.memory_used)} of {size(gpu.memory_total)} in use")
    st.caption(f":material/monitor_heart: {' · '.join(words)}")


def _curves(run_id: str) -> None:
    run = look(run_id)
    if run is None:
        return
    draw({run.id: curves.table(run.metrics())}, "Curves show here after the first epoch." if run.live else "It wrote no metrics.")


def draw(metrics: dict, nothing: str) -> None:
    """The curves of one run, or of several over each other; where there is none, a sentence."""
    drawn = curves.figures({name: rows for name, rows in metrics.items() if len(rows)})
    st.markdown("#### Curves")
    with st.container():  # also where it stays empty, for the reason ``show`` gives
        if not drawn:
            st.caption(nothing)
    for start in range(0, len(drawn), 2):
        for column, (name, figure) in zip(st.columns(2), list(drawn.items())[start : start + 2], strict=False):
            alt = f"{curves.PANELS[name][0]} by epoch"
            column.plotly_chart(figure, key=f"curve_{name}", config=config(name, "svg"), alt=alt)


def _log(run_id: str) -> None:
    run = look(run_id)
    if run is not None:
        log.show_tail(run)


def _measured(run: runs.Run) -> None:
    """What the finished model did on validation and test, as its card has it."""
    if figures := card_metrics(run):
        st.markdown("#### Measured at the end")
        metrics_table(figures)
        if practised(run):
            st.caption(f":material/school: {PRACTICE_IS_NOT}")


def card_metrics(run: runs.Run) -> dict[str, dict[str, float]]:
    """Set of pictures -> metric -> figure, from the card of the run's bundle; {} if there is none."""
    card = run.bundle / CARD if run.bundle else None
    try:
        return _read_card(str(card), card.stat().st_mtime_ns) if card else {}
    except OSError:
        return {}


@st.cache_data(max_entries=500, show_spinner=False)
def _read_card(card: str, stamp: int) -> dict[str, dict[str, float]]:
    try:
        with open(card, encoding="utf-8") as file:
            content = json.loads(file.read(MAX_CARD_CHARACTERS))
    except (OSError, ValueError, RecursionError):
        return {}
    return measured(content) if isinstance(content, dict) else {}


def _facts(run: runs.Run) -> None:
    """What it was started with."""
    with st.expander("Settings and command", icon=":material/tune:"):
        facts = {"Data": run.data, "Device": run.device, "Folder": str(run.path)}
        if run.started:
            facts["Started"] = f"{run.started.astimezone():%Y-%m-%d %H:%M}"
        if run.started and run.ended:
            facts["Took, with pauses"] = duration((run.ended - run.started).total_seconds())
        if run.returncode is not None:
            facts["Exit code"] = str(run.returncode)
        st.markdown("\n".join(f"- {name}: {plain(str(value), limit=300)}" for name, value in facts.items() if value))
        st.code(shlex.join(run.command), language="bash", wrap_lines=True)
        st.json(run.recipe, expanded=1)
