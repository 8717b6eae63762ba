"""What can be done with a run, and with the model it became: stop, resume, look at on Evaluate, promote, demote, delete."""

from __future__ import annotations

import streamlit as st

from detector import promotion
from detector.bundle import DEFAULT_BUNDLE, PRACTICE_IS_NOT, BundleError, available, default_bundle
from detector.promotion import demote, promote
from train import runs
from ui.evaluate.sources import of_run
from ui.text import plain, printable
from ui.train.words import practised

PROBLEM, DONE = "train_problem", "train_done"
"""Where in the session what went wrong, and what was done, is kept until it was shown."""
ASKED = "train_asked"
"""Where in the session it stands which question is open, so that it stays open when the page behind it changes."""


def report() -> None:
    """Show what the last action said."""
    if problem := st.session_state.pop(PROBLEM, ""):
        st.error(plain(problem, limit=600), icon=":material/error:")
    if done := st.session_state.pop(DONE, ""):
        st.success(plain(done, limit=600), icon=":material/check_circle:")


def show(run: runs.Run, locked: bool) -> None:
    """The buttons that this run's state allows. locked: nothing may be started, stopped or written."""
    possible = frozenset() if locked else run.actions
    finished = run.bundle is not None
    if not possible and not finished:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if "stop" in possible:
            label = "Leave the queue" if run.state == "queued" else "Stop"
            about = "Ends after the current step, with a checkpoint to resume from; ended by force if it does not answer."
            st.button(label, icon=":material/stop_circle:", key="stop", type="primary", on_click=_do, args=(runs.stop, run.id, ""), help=about)
        if "resume" in possible:
            about = "Goes on from the last checkpoint. It waits its turn if the device is busy."
            st.button("Resume", icon=":material/play_arrow:", key="resume", type="primary", on_click=_do, args=(runs.resume, run.id, ""), help=about)
        if finished and st.button("Open on Evaluate", icon=":material/analytics:", key="evaluate"):
            st.switch_page("pages/evaluate.py", query_params={"models": of_run(run.id)})
        if "promote" in possible and (name := used_as(run)):
            _demote_button(name)
        elif "promote" in possible:
            st.button("Promote", icon=":material/upgrade:", key="promote", on_click=_ask, args=("promote", run.id))
        if "delete" in possible:
            st.button("Delete", icon=":material/delete:", key="delete", type="tertiary", on_click=_ask, args=("delete", run.id))
    action, run_id = st.session_state.get(ASKED, ("", ""))
    if run_id == run.id and action in possible:
        {"promote": _promote, "delete": _delete}[action](run)


def used_as(run: runs.Run) -> str | None:
    """The name under which Classify uses this run's model; None if it uses another one."""
    return promotion.used_as(run.bundle) if run.state == "completed" and run.bundle else None


def default_model(locked: bool) -> None:
    """Which model Classify uses, the way back to the one that ships, and the way to be rid of promoted ones."""
    name = default_bundle()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/image_search: Classify uses the model **{plain(name, limit=60)}**.")
        if not locked and name != DEFAULT_BUNDLE:
            _demote_button(name)
        promoted = [] if locked else [name for name in available() if promotion.is_promoted(name)]
        if promoted:
            st.button("Remove model", icon=":material/delete:", key="remove", type="tertiary", on_click=_ask, args=("remove",),
                      help="Deletes a promoted model from the folder of models.")  # fmt: skip
    if promoted and st.session_state.get(ASKED) == ("remove", ""):
        _remove(promoted)


def _ask(action: str = "", run_id: str = "") -> None:
    """Open a question; without arguments, close it."""
    st.session_state[ASKED] = action, run_id


@st.dialog("Promote this model", on_dismiss=_ask)
def _promote(run: runs.Run) -> None:
    """Ask for a name; the copy is made before the dialog closes."""
    st.markdown("Its bundle is copied to the folder of models, and **Classify uses it from now on**. You can demote it again.")
    st.markdown("`python -m detector` in a terminal uses it too, where no other model is named.")
    if practised(run):
        st.warning(PRACTICE_IS_NOT, icon=":material/school:")
    name = st.text_input("Name of the model", run.id[:60], key="promote_name", max_chars=60)
    replace = st.session_state.get("promote_taken") == name and st.checkbox("Replace the model that has this name", key="promote_replace")
    if st.button("Promote", type="primary", icon=":material/upgrade:", key="promote_now"):
        try:
            with st.spinner("Copying and checking the model"):
                promote(run.bundle, name.strip(), replace=replace)
        except BundleError as error:
            st.session_state.promote_taken = name
            st.error(plain(str(error), limit=600), icon=":material/error:")
            return
        st.session_state[DONE] = f"{name.strip()} is promoted. Classify uses it now."
        _ask()
        st.rerun()


@st.dialog("Remove a model?", on_dismiss=_ask)
def _remove(promoted: list[str]) -> None:
    name = st.selectbox("Promoted model", promoted, key="remove_name", format_func=printable)
    st.markdown(f"The model **{plain(name, limit=60)}** goes from the folder of models for good. The run it came from stays, if it is still there.")
    if name == default_bundle():
        st.markdown("Classify uses it now, and will use the model that ships instead.")
    with st.container(horizontal=True):
        if st.button("Remove it", type="primary", icon=":material/delete:", key="remove_now"):
            try:
                promotion.remove(name)
                st.session_state[DONE] = f"The model {name} was removed."
            except BundleError as error:
                st.session_state[PROBLEM] = str(error)
            _ask()
            st.rerun()
        if st.button("Keep it", key="remove_not", on_click=_ask):
            st.rerun()


@st.dialog("Delete this run?", on_dismiss=_ask)
def _delete(run: runs.Run) -> None:
    st.markdown(f"The folder of **{plain(run.id)}** goes for good: log, curves, checkpoints and bundle. A promoted copy of its model stays.")
    with st.container(horizontal=True):
        if st.button("Delete it", type="primary", icon=":material/delete:", key="delete_now"):
            if _do(runs.delete, run.id, f"The run {run.id} was deleted."):
                st.query_params.pop("run", None)
            _ask()
            st.rerun()
        if st.button("Keep it", key="delete_not", on_click=_ask):
            st.rerun()


def _do(action, run_id: str, done: str) -> bool:
    """Carry out an action of the run store; what it says goes to ``report``."""
    try:
        action(run_id)
    except runs.RunError as error:
        st.session_state[PROBLEM] = str(error)
        return False
    if done:
        st.session_state[DONE] = done
    return True


def _demote_button(name: str) -> None:
    about = "Classify uses the model that ships again. The promoted one stays among the models to choose from."
    st.button("Demote it", icon=":material/undo:", key="demote", type="tertiary", on_click=_demote, args=(name,), help=about)


def _demote(name: str) -> None:
    try:
        demote()
        st.session_state[DONE] = f"{name} is no longer the model Classify uses. To delete it, press Remove model above the list of runs."
    except BundleError as error:
        st.session_state[PROBLEM] = str(error)
