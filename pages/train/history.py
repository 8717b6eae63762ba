"""All runs there were: a table to sort, several over each other, and what they do differently."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from pages.train import run_view, training_curves
from pages.train.page_state import Key, history_key, open_key, watch_key
from pages.train.wording import badge, practised, progress
from train import runs
from train.recipes import dotted
from ui.models import name_of_run
from ui.text import plain, printable

MAX_HEIGHT = 420
"""Pixels; more runs than fit scroll."""
REFRESH_SECONDS = 3.0


def show(all_runs: Sequence[runs.Run]) -> None:
    """The table; below it what was ticked: one run's curves and the way to it, or several compared."""
    table = pd.DataFrame([_row(run) for run in all_runs])
    event = st.dataframe(
        table,
        key=history_key(tuple(run.id for run in all_runs)),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="–",
        height=min(MAX_HEIGHT, 38 + 35 * len(table)),
        alt="All runs; tick one to open it, several to compare them",
        column_config={
            "Started": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            "Took": st.column_config.NumberColumn(
                "Took, with pauses (min)",
                format="%.1f",
                help="From the first start to the end, with the time before a run was resumed.",
            ),
            "Val AUC": st.column_config.NumberColumn(
                format="%.3f", help="Of the epoch whose weights are kept."
            ),
            "Test AUC": st.column_config.NumberColumn(format="%.3f"),
            "Test balanced": st.column_config.NumberColumn(format="%.3f"),
        },
    )
    chosen = [all_runs[row] for row in event.selection.rows if row < len(all_runs)]
    if not chosen:
        st.caption(
            ":material/touch_app: Tick a run to open it, or several to compare them. Click a heading to sort."
        )
        return
    drawn = chosen[: len(training_curves.COLOURS)]
    if len(chosen) > len(drawn):
        st.caption(
            f":material/info: The first {len(drawn)} are shown; with more, nobody could tell the curves"
            " apart."
        )
    with st.container(horizontal=True):
        for run in drawn:
            label = f"Open {plain(training_curves.shortened(run.id))}"
            st.button(
                label,
                icon=":material/open_in_full:",
                key=open_key(run.id),
                on_click=open_run,
                args=(run.id,),
            )
        _open_together([run for run in chosen if run.bundle])
    run_view.draw(drawn, "None of these runs has finished an epoch.")
    if len(drawn) > 1:
        _differences(drawn)


def _open_together(finished: list[runs.Run]) -> None:
    """The models of several runs, side by side."""
    if len(finished) < 2:
        return
    if st.button("Open together on Evaluate", icon=":material/analytics:", key=Key.EVALUATE_ALL):
        together = [name_of_run(run.id) for run in finished]
        st.switch_page("pages/evaluate/page.py", query_params={"models": together})


def open_run(run_id: str) -> None:
    """Show that run from now on; its address says so."""
    st.query_params["run"] = run_id


def queue(all_runs: Sequence[runs.Run]) -> None:
    """What runs now and what waits, in order, brought up to date by itself."""
    if any(run.live for run in all_runs):
        st.fragment(_queue, run_every=REFRESH_SECONDS)()


def keep_up(all_runs: Sequence[runs.Run]) -> None:
    """Draw the page anew once runs have come, gone or ended elsewhere: in another browser, in a terminal."""
    st.fragment(_look_again, run_every=REFRESH_SECONDS)(_states(all_runs))


def _look_again(shown: frozenset[tuple[str, str]]) -> None:
    try:
        there = _states(runs.all_runs())
    except runs.RunError:
        return
    if there != shown:
        st.rerun()


def _states(all_runs: Sequence[runs.Run]) -> frozenset[tuple[str, str]]:
    return frozenset((run.id, run.state) for run in all_runs)


def _queue() -> None:
    live = [run for run in runs.all_runs() if run.live]
    if not live:
        st.rerun()
    for run in sorted(live, key=_turn):
        with st.container(horizontal=True, vertical_alignment="center"):
            badge(run.state)
            _, words = progress(run.progress)
            words = f"number {run.queue_position} in the queue" if run.queue_position else words
            st.markdown(f"**{plain(run.id, limit=60)}** {plain(words, limit=200)}")
            if st.button("Watch", key=watch_key(run.id), icon=":material/visibility:", type="tertiary"):
                open_run(run.id)
                st.rerun()


def _turn(run: runs.Run) -> tuple[int, str]:
    """For sorting: what runs first, then the queue."""
    return run.queue_position or 0, run.id


def _row(run: runs.Run) -> dict[str, Any]:
    rows = run.metrics()
    tested = run_view.card_metrics(run).get("test", {})
    started, ended = run.started, run.ended
    return {
        "Run": printable(run.id),
        "State": run.state.title,
        "Kind": "Practice" if practised(run) else "",
        "Recipe": printable(str(run.recipe.get("name", ""))),
        "Data": printable(Path(run.data).name),
        "Started": started.astimezone().replace(tzinfo=None) if started else None,
        "Took": (ended - started).total_seconds() / 60 if started and ended else None,
        "Epochs": len(rows),
        "Val AUC": kept_val_auc(rows, run.recipe),
        "Test AUC": tested.get("roc_auc"),
        "Test balanced": tested.get("balanced_accuracy"),
    }


def kept_val_auc(rows: list[dict[str, Any]], recipe: Mapping[str, Any]) -> float | None:
    """The val_auc of the epoch whose weights are kept."""
    table = training_curves.table(rows)
    kept = training_curves.kept_epoch(table, recipe)
    if kept is None or "val_auc" not in table:
        return None
    value = float(table["val_auc"].iloc[kept - 1])
    return None if math.isnan(value) else value


def _differences(chosen: Sequence[runs.Run]) -> None:
    """A row for every setting in which the runs differ."""
    st.markdown("#### Settings that differ")
    columns = {}
    for run in chosen:
        columns[run.id] = {"data": run.data, "device": run.device, **dotted(run.recipe)}
    table = pd.DataFrame(columns)
    table = table[table.nunique(axis=1, dropna=False) > 1]
    if table.empty:
        st.caption("None: same recipe, settings, data and device.")
        return
    table.index.name = "Setting"
    alt = "Settings in which the chosen runs differ"
    st.dataframe(table.map(_cell).reset_index(), hide_index=True, alt=alt)


def _cell(value: Any) -> str:
    """A setting's value; a dash where a run has no such setting."""
    return "–" if pd.isna(value) else printable(str(value))[:200]
