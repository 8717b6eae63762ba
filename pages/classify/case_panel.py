"""The case of a session: saved to a file, and kept on this machine's disk until the next visit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from detector import kept_cases
from detector.case_files import case_bytes
from pages.classify import opened_case
from pages.classify.case_state import case_state
from ui.session import session
from ui.text import plain

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from pages.classify.classify_state import PictureResult

ADDRESS = "case"
"""Name of the kept case's key in the page's address."""


def bring_back() -> None:
    """In a session that has just begun, what the address says is kept. Call before pictures are asked for."""
    key, ours = st.query_params.get(ADDRESS), case_state()
    if ours.key or not key or session().album.brought_in:
        return
    case = kept_cases.read(key)
    if case is not None:
        ours.key = key
        opened_case.take_in(case)


def let_go() -> None:
    """Everything was taken away: nothing is kept of it."""
    ours = case_state()
    if ours.key:
        ours.keeper.forget(ours.key)
    ours.key = ours.as_kept = None
    st.query_params.pop(ADDRESS, None)


def keep(results: Sequence[PictureResult], bundle: Bundle) -> None:
    """Have what is here kept, in a thread, if it has changed since that was last done."""
    ours, album = case_state(), session().album
    pictures = tuple(album.pictures.values())
    if ours.kept_off or kept_cases.folder() is None:
        return
    known = tuple((each.picture.id, each.perturbed is not None) for each in results)
    now = (tuple(album.pictures), tuple(album.remarks.items()), known, bundle.weights_sha256)
    if now == ours.as_kept:
        return
    ours.as_kept = now
    ours.key = ours.key or kept_cases.new_key()
    st.query_params[ADDRESS] = ours.key
    remarks, before = dict(album.remarks), dict(ours.saved_records)
    listed = list(results)
    ours.keeper.keep(lambda: opened_case.made_of(pictures, listed, remarks, bundle, before), key=ours.key)


def show(results: Sequence[PictureResult], now: Callable[[], list[PictureResult]], bundle: Bundle) -> None:
    """A button that saves the case as it is by then, with the results ``now()``, and what is kept of it, with
    a way to delete that. results: as the page shows them."""
    album, ours = session().album, case_state()
    pictures, before = tuple(album.pictures.values()), ours.saved_records

    def made() -> bytes:
        return case_bytes(opened_case.made_of(pictures, now(), dict(album.remarks), bundle, before))

    with st.popover("Case", icon=":material/cases:"):
        st.markdown("Pictures, results, labels and notes in one file. It opens again where pictures go in.")
        if sum(len(picture.content) for picture in pictures) > kept_cases.MAX_KEPT_BYTES:
            st.info("These pictures are too many for one file. Save them in parts.", icon=":material/info:")
        else:
            st.download_button(
                "Save the case",
                made,
                "telltale-case.zip",
                "application/zip",
                icon=":material/save:",
                on_click="ignore",
                key="save_case",
            )
        _kept()
    if changed := opened_case.changed_verdicts(results, bundle):
        names = ", ".join(plain(name, limit=40) for name in changed[:3])
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        st.caption(f"The verdict is another one than when the case was saved: {names}{more}.")


def _kept() -> None:
    """Where the case is kept meanwhile, or why it is not."""
    ours = case_state()
    place = kept_cases.place(ours.key) if ours.key else None
    if kept_cases.folder() is None:
        st.caption("Nothing is kept on this machine: a reload of this page starts anew.")
    elif ours.kept_off:
        st.caption("Nothing is kept any more: a reload of this page starts anew.")
        st.button("Keep it again", icon=":material/history:", key="keep_case", on_click=_keep_again)
    elif problem := ours.keeper.problem:
        st.caption(f"A reload of this page would start anew. {plain(problem, limit=300)}")
    elif place is not None:
        st.caption(
            f"A reload of this page finds all this again. It is kept in {plain(str(place), limit=300)} on the"
            f" machine that Telltale runs on, until {kept_cases.DAYS} days after the last change. Whoever has"
            " this page's address can open it."
        )
        st.button("Delete what is kept", icon=":material/delete:", key="forget_case", on_click=_forget)


def _forget() -> None:
    case_state().kept_off = True
    let_go()


def _keep_again() -> None:
    case_state().kept_off, case_state().as_kept = False, None
