"""All runs there were: a table to sort, several over each other, and what they do differently."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from train import runs
from ui.text import plain, printable
from ui.train import curves, watch
from ui.train.words import STATES, badge, practised, progress

MAX_HEIGHT = 420
"""Pixels; more runs than fit scroll."""
REFRESH_SECONDS = 3.0


def show(all_runs: Sequence[runs.Run]) -> None:
    """The table; below it what was ticked: one run's curves and the way to it, or several compared."""
    table = pd.DataFrame([_row(run) for run in all_runs])
    same_rows = hash(tuple(run.id for run in all_runs))  # ticks are kept by place: with a run more or less they would be on others
    event = st.dataframe(
        table, key=f"history {same_rows}", hide_index=True, on_select="rerun", selection_mode="multi-row", placeholder="–",
        height=min(MAX_HEIGHT, 38 + 35 * len(table)), alt="All runs; tick one to open it, several to compare them",
        column_config={
            "Started": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            "Took": st.column_config.NumberColumn(
                "Took, with pauses (min)", format="%.1f", help="From the first start to the end, with the time before a run was resumed."
            ),
            **{name: st.column_config.NumberColumn(format="%.3f") for name in ("Best val AUC", "Test AUC", "Test balanced")},
        },
    )  # fmt: skip
    chosen = [all_runs[row] for row in event.selection.rows if row < len(all_runs)]
    if not chosen:
        st.caption(":material/touch_app: Tick a run to open it, or several to compare them. Click a heading to sort.")
        return
    drawn = chosen[: len(curves.COLOURS)]
    if len(chosen) > len(drawn):
        st.caption(f":material/info: The first {len(drawn)} are shown; with more, nobody could tell the curves apart.")
    with st.container(horizontal=True):
        for run in drawn:
            label = f"Open {plain(curves.shortened(run.id))}"
            st.button(label, icon=":material/open_in_full:", key=f"open {run.id}", on_click=open_run, args=(run.id,))
    watch.draw({run.id: curves.table(run.metrics()) for run in drawn}, "None of these runs has finished an epoch.")
    if len(drawn) > 1:
        _differences(drawn)


def open_run(run_id: str) -> None:
    """Show that run from now on; its address says so."""
    st.query_params["run"] = run_id


def queue(all_runs: Sequence[runs.Run]) -> None:
    """What runs now and what waits, in order, brought up to date by itself."""
    if any(run.live for run in all_runs):
        st.fragment(_queue, run_every=REFRESH_SECONDS)()


def _queue() -> None:
    live = [run for run in runs.all_runs() if run.live]
    if not live:
        st.rerun()
    for run in sorted(live, key=lambda run: (run.queue_position or 0, run.id)):
        with st.container(horizontal=True, vertical_alignment="center"):
            badge(run.state)
            _, words = progress(run.progress)
            words = f"number {run.queue_position} in the queue" if run.queue_position else words
            st.markdown(f"**{plain(run.id, limit=60)}** {plain(words, limit=200)}")
            if st.button("Watch", key=f"watch {run.id}", icon=":material/visibility:", type="tertiary"):
                open_run(run.id)
                st.rerun()


def _row(run: runs.Run) -> dict[str, Any]:
    rows = run.metrics()
    tested = watch.card_metrics(run).get("test", {})
    return {
        "Run": printable(run.id),
        "State": STATES[run.state][0],
        "Kind": "Practice" if practised(run) else "",
        "Recipe": printable(str(run.recipe.get("name", ""))),
        "Data": printable(Path(run.data).name),
        "Started": run.started.astimezone().replace(tzinfo=None) if run.started else None,
        "Took": (run.ended - run.started).total_seconds() / 60 if run.started and run.ended else None,
        "Epochs": len(rows),
        "Best val AUC": best(rows),
        "Test AUC": tested.get("roc_auc"),
        "Test balanced": tested.get("balanced_accuracy"),
    }


def best(rows: list[dict[str, Any]]) -> float | None:
    """The highest val_auc of a run's epochs."""
    values = curves.table(rows).get("val_auc") if rows else None
    return None if values is None or not values.notna().any() else float(values.max())


def _differences(chosen: Sequence[runs.Run]) -> None:
    """A row for every setting in which the runs differ."""
    st.markdown("#### Settings that differ")
    table = pd.DataFrame({run.id: {"data": run.data, "device": run.device, **_flat(run.recipe)} for run in chosen})
    table = table[table.nunique(axis=1, dropna=False) > 1]
    if table.empty:
        st.caption("None: same recipe, settings, data and device.")
        return
    table.index.name = "Setting"
    st.dataframe(table.map(lambda value: "–" if value != value else printable(str(value))[:200]).reset_index(), hide_index=True,
                 alt="Settings in which the chosen runs differ")  # fmt: skip


def _flat(settings: Any, where: str = "") -> dict[str, str]:
    """Nested settings as dotted names."""
    if not isinstance(settings, dict):
        return {where: str(settings)}
    found = {}
    for name, value in settings.items():
        found |= _flat(value, f"{where}.{name}" if where else str(name))
    return found
