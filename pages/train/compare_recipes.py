"""Several recipes on the same pictures under one budget: a run for each, one after another."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import count

import streamlit as st

from pages.train.measurement import measurements
from pages.train.page_state import Key
from train import runs
from train.recipes import names
from train.runs.recipe_comparison import Comparison, queue_all
from ui.text import plain

MINUTES = 20
MOST_MINUTES = 100_000
DEFAULT = ("efficientnetv2b0-attention", "efficientnetb0")


def show(data: str, usable: bool, device: str, all_runs: Sequence[runs.Run], locked: bool) -> None:
    """What to compare, for how long, and the command that does the same. data: the resolved folder, "" if
    there is none; usable: whether it was looked at and can be trained on. device: as runs.start takes it."""
    with st.expander("Compare several recipes", icon=":material/balance:", key=Key.COMPARE):
        st.markdown(
            "Every recipe is trained on the pictures above for the same time, one after another. When they"
            " have finished, tick them under **Runs** and open them together on Evaluate."
        )
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        recipes = left.multiselect(
            "Recipes",
            names(),
            default=DEFAULT,
            key=Key.COMPARED,
            persist_state="session",
            help="As they ship, without what is changed in the form above.",
        )
        minutes = right.number_input(
            "Minutes of training, all together",
            1,
            MOST_MINUTES,
            MINUTES,
            key=Key.BUDGET,
            persist_state="session",
            help="Shared equally. Starting up and judging the test pictures come on top.",
        )
        name = _free_name(all_runs)
        words = ["python", "-m", "train.compare", *recipes, "--data", data or "DIR"]
        words += ["--budget", f"{minutes or MINUTES}m", "--name", name]
        words += [] if device == "auto" else ["--device", device]
        st.code(shlex.join(words), language="bash", wrap_lines=True)
        if locked:
            return
        ready = usable and len(recipes) > 1 and minutes is not None
        label = f"Start {len(recipes)} runs" if len(recipes) > 1 else "Start the runs"
        pressed = st.button(label, icon=":material/playlist_play:", key=Key.START_ALL, disabled=not ready)
        if len(recipes) < 2:
            st.caption("Choose at least two recipes.")
        elif not usable:
            st.caption("Name a data folder first, or make a practice set.")
        if pressed and ready:
            _start(Comparison(name, tuple(recipes), data, float(minutes), device=device))


def _start(comparison: Comparison) -> None:
    try:
        with st.spinner("Queueing the runs"):
            measurements().make_room()
            queue_all(comparison)
    except runs.RunError as error:
        st.error(plain(str(error), limit=600), icon=":material/error:")
        return
    st.rerun()


def _free_name(all_runs: Sequence[runs.Run]) -> str:
    """The first of compare-1, compare-2, ... with which no run's name begins."""
    there = {run.id for run in all_runs}
    proposed = (f"compare-{number}" for number in count(1))
    return next(name for name in proposed if not any(run.startswith(f"{name}-") for run in there))
