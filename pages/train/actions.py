"""What can be done with a run, and with the model it became: stop, resume, look at on Evaluate, promote,
demote, delete."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from detector import promotion
from detector.bundle import BundleError, default_bundle, list_bundles
from detector.promotion import demote
from pages.train import again, promotion_dialog
from pages.train.page_state import Key, Question, page_state
from train import runs
from ui.models import name_of_run
from ui.text import plain, printable


def report() -> None:
    """Show what the last action said."""
    state = page_state()
    problem, done = state.problem, state.done
    state.problem = state.done = ""
    if problem:
        st.error(plain(problem, limit=600), icon=":material/error:")
    if done:
        st.success(plain(done, limit=600), icon=":material/check_circle:")


def show(run: runs.Run, locked: bool) -> None:
    """The buttons that this run's state allows. locked: nothing may be started, stopped or written."""
    possible = run.actions & {"promote"} if locked else run.actions
    finished = run.bundle is not None
    if locked and not finished:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if "stop" in possible:
            st.button(
                "Leave the queue" if run.state == runs.RunState.QUEUED else "Stop",
                icon=":material/stop_circle:",
                key=Key.STOP,
                type="primary",
                on_click=_do,
                args=(runs.stop, run.id),
                help=(
                    "Ends after the current step, with a checkpoint to resume from; ended by force if it does"
                    " not answer."
                ),
            )
        if "resume" in possible:
            st.button(
                "Resume",
                icon=":material/play_arrow:",
                key=Key.RESUME,
                type="primary",
                on_click=_do,
                args=(runs.resume, run.id),
                help="Goes on from the last checkpoint. It waits its turn if the device is busy.",
            )
        if not locked:
            st.button(
                "Start again with changes",
                icon=":material/edit_note:",
                key=Key.AGAIN,
                on_click=again.fill_form,
                args=(run,),
                help="Opens the form of a new run with this one's settings filled in.",
            )
        if finished and st.button("Open on Evaluate", icon=":material/analytics:", key=Key.EVALUATE):
            st.switch_page("pages/evaluate/page.py", query_params={"models": name_of_run(run.id)})
        unwritable = promotion.why_locked()
        if "promote" in possible and (name := used_as(run)):
            _demote_button(name)
        elif "promote" in possible:
            st.button(
                "Promote",
                icon=":material/upgrade:",
                key=Key.PROMOTE,
                on_click=_ask,
                args=("promote", run.id),
                disabled=bool(unwritable),
                help=plain(unwritable, limit=400) or "Classify then uses this model.",
            )
        if "delete" in possible:
            st.button(
                "Delete",
                icon=":material/delete:",
                key=Key.DELETE,
                type="tertiary",
                on_click=_ask,
                args=("delete", run.id),
            )
    question = page_state().question
    if question == ("promote", run.id) and "promote" in possible:
        _promote(run)
    elif question == ("delete", run.id) and "delete" in possible:
        _delete(run)


def used_as(run: runs.Run) -> str | None:
    """The name under which Classify uses this run's model; None if it uses another one."""
    return promotion.used_as(run.bundle) if run.bundle else None


def default_model() -> None:
    """Which model Classify uses, the way back to the one that ships, and the way to be rid of promoted
    ones."""
    name = default_bundle()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/image_search: Classify uses the model **{plain(name, limit=60)}**.")
        locked = promotion.why_locked()
        if promotion.is_promoted(name) and not promotion.read_only():
            _demote_button(name)
        promoted = list(filter(promotion.is_promoted, [] if promotion.read_only() else list_bundles()))
        if promoted:
            only = promoted[0] if len(promoted) == 1 else None
            st.button(
                f"Remove {plain(only, limit=60)}" if only else "Remove a promoted model",
                icon=":material/delete:",
                key=Key.REMOVE,
                type="tertiary",
                on_click=_ask,
                args=("remove",),
                help=plain(locked, limit=400)
                or f"Promoted, hence in the folder of models: {plain(', '.join(promoted), limit=300)}.",
                disabled=bool(locked),
            )
    if promoted and page_state().question == Question("remove"):
        _remove(promoted)


def _ask(action: str = "", run_id: str = "") -> None:
    """Open a question; without arguments, close it."""
    page_state().question = Question(action, run_id)


@st.dialog("Promote this model", width="large", on_dismiss=_ask)
def _promote(run: runs.Run) -> None:
    if promotion_dialog.show(run):
        _ask()
        st.rerun()


@st.dialog("Remove a model?", on_dismiss=_ask)
def _remove(promoted: list[str]) -> None:
    name = st.selectbox("Promoted model", promoted, key=Key.REMOVE_NAME, format_func=printable)
    st.markdown(
        f"The model **{plain(name, limit=60)}** goes from the folder of models for good. The run it came from"
        " stays, if it is still there."
    )
    if name == default_bundle():
        st.markdown("Classify uses it now, and will use the model that ships instead.")
    with st.container(horizontal=True):
        if st.button("Remove it", type="primary", icon=":material/delete:", key=Key.REMOVE_NOW):
            try:
                promotion.remove(name)
                page_state().done = f"The model {name} was removed."
            except BundleError as error:
                page_state().problem = str(error)
            _ask()
            st.rerun()
        if st.button("Keep it", key=Key.REMOVE_NOT, on_click=_ask):
            st.rerun()


@st.dialog("Delete this run?", on_dismiss=_ask)
def _delete(run: runs.Run) -> None:
    st.markdown(
        f"The folder of **{plain(run.id)}** goes for good: log, curves, checkpoints and bundle. A promoted"
        " copy of its model stays."
    )
    with st.container(horizontal=True):
        if st.button("Delete it", type="primary", icon=":material/delete:", key=Key.DELETE_NOW):
            _do(runs.delete, run.id)
            if not page_state().problem:
                page_state().done = f"The run {run.id} was deleted."
                st.query_params.pop("run", None)
            _ask()
            st.rerun()
        if st.button("Keep it", key=Key.DELETE_NOT, on_click=_ask):
            st.rerun()


def _do(action: Callable[[str], object], run_id: str) -> None:
    """Carry out an action of the run store; what it refuses goes to ``report``."""
    try:
        action(run_id)
    except runs.RunError as error:
        page_state().problem = str(error)


def _demote_button(name: str) -> None:
    locked = promotion.why_locked()
    about = (
        "Classify uses the model that ships again. The promoted one stays among the models to choose from."
    )
    st.button(
        "Demote it",
        icon=":material/undo:",
        key=Key.DEMOTE,
        type="tertiary",
        on_click=_demote,
        args=(name,),
        help=plain(locked, limit=400) or about,
        disabled=bool(locked),
    )


def _demote(name: str) -> None:
    try:
        demote()
        page_state().done = (
            f"{name} is no longer the model Classify uses. To delete it, press Remove above the list of runs."
        )
    except BundleError as error:
        page_state().problem = str(error)
