"""Train: start a run in the background and watch it. What is shown is read from the run's folder, so it is the same in every tab and after
every restart."""

from __future__ import annotations

import streamlit as st

from train import runs
from ui import navigation
from ui.text import plain
from ui.train import actions, folder, form, history, watch


def one_run(run_id: str, locked: bool) -> None:
    """A run as it goes, or as it went."""
    st.button("All runs", icon=":material/arrow_back:", key="back", type="tertiary", on_click=lambda: st.query_params.pop("run", None))
    try:
        watch.show(runs.find(run_id), locked)
    except runs.RunError as error:
        st.warning(plain(str(error), limit=300), icon=":material/search_off:")


def every_run(locked: bool) -> None:
    """What runs and waits, the form of a new run, and those there were."""
    st.markdown(
        "A run goes on in the background, whether this page is open or not. When it has finished, **promote** its model and Classify uses it."
    )
    if locked:
        st.info("This Telltale is read-only: runs can be looked at, but not started, stopped or deleted.", icon=":material/lock:")
    actions.default_model(locked)
    try:
        all_runs = runs.all_runs()
    except runs.RunError as error:
        st.error(plain(str(error), limit=600), icon=":material/error:")
        return
    with st.container():
        history.queue(all_runs)
    with st.container():
        if not all_runs:
            _begin(locked)
    new, past = st.tabs(["New run", "Runs"], key="view", bind="query-params")
    with new:
        if new.open:
            form.show(all_runs, locked)
    with past:
        if past.open and all_runs:
            history.show(all_runs)
        elif past.open:
            st.caption("Runs are listed here, with their curves, once there are some.")


def _begin(locked: bool) -> None:
    """How to begin, where nothing was trained yet."""
    if locked:
        st.info("Nothing has been trained here yet.", icon=":material/school:")
    elif folder.practice_chosen():
        st.info("The practice set is ready. Now press **Start**, below the settings: the run takes two to three minutes.", icon=":material/school:")
    else:
        st.info(
            "Nothing has been trained here yet. To see a whole run in two to three minutes, press **Make a practice set**, then **Start**: "
            "its pictures are patches of two photos, and a simulated generator's version of the same.",
            icon=":material/school:",
        )


navigation.enter()
st.title("Train a model", anchor=False)
locked = runs.readonly()
with st.container():
    actions.report()
watched, listed = st.container(), st.container()  # a place each: a fragment of one never draws into the other
if run_id := st.query_params.get("run"):
    with watched:
        one_run(run_id, locked)
else:
    with listed:
        every_run(locked)
