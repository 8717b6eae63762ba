"""Train: start a run in the background and watch it. What is shown is read from the run's folder, so it is
the same in every tab and after every restart."""

from __future__ import annotations

import streamlit as st

from pages.train import actions, again, data_folder, form, history, run_view
from pages.train.page_state import Key
from train import runs
from ui.text import plain


def one_run(run: runs.Run, locked: bool) -> None:
    """A run as it goes, or as it went."""
    st.button(
        "All runs",
        icon=":material/arrow_back:",
        key=Key.BACK,
        type="tertiary",
        on_click=_leave_run,
    )
    run_view.show(run, locked)


def asked_for() -> runs.Run | None:
    """The run of the page's address. One that is not there, or not any more, is told of and forgotten."""
    run_id = st.query_params.get("run")
    if not run_id:
        return None
    try:
        return runs.find(run_id)
    except runs.RunError as error:
        st.warning(f"{plain(str(error), limit=300)} It may have been deleted.", icon=":material/search_off:")
        _leave_run()
        return None


def _leave_run() -> None:
    st.query_params.pop("run", None)


def every_run(locked: bool) -> None:
    """What runs and waits, the form of a new run, and those there were."""
    st.markdown(
        "A run goes on in the background, whether this page is open or not. When it has finished, **promote**"
        " its model and Classify uses it."
    )
    actions.default_model()
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
    new, past = st.tabs([again.NEW_RUN, "Runs"], key=Key.VIEW, bind="query-params")
    with new:
        if new.open:
            form.show(all_runs, locked)
    with past:
        if past.open:  # not beside the form: it would be drawn anew while somebody fills it in
            history.keep_up(all_runs)
        if past.open and all_runs:
            history.show(all_runs)
        elif past.open:
            st.caption("Runs are listed here, with their curves, once there are some.")


def _begin(locked: bool) -> None:
    """How to begin, where nothing was trained yet."""
    if locked:
        st.info("Nothing has been trained here yet.", icon=":material/school:")
    elif data_folder.practice_chosen():
        st.info(
            "The practice set is ready. Now press **Start**, below the settings: the run takes two to three"
            " minutes.",
            icon=":material/school:",
        )
    else:
        st.info(
            "Nothing has been trained here yet. To see a whole run in two to three minutes, press **Make a"
            " practice set**, then **Start**: its pictures are patches of two photos, and a simulated"
            " generator's version of the same.",
            icon=":material/school:",
        )


st.title("Train a model", anchor=False)
why_locked = runs.why_locked()
locked = bool(why_locked)
with st.container():
    actions.report()
    if locked:
        st.info(plain(why_locked, limit=600), icon=":material/lock:")
    watched_run = asked_for()
watched, listed = st.container(), st.container()  # a place each: a fragment of one never draws into the other
if watched_run:
    with watched:
        one_run(watched_run, locked)
else:
    with listed:
        every_run(locked)
