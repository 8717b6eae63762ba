"""The case of a session: saved to a file, and kept on this machine's disk until the next visit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from detector import kept_cases
from detector.case_files import CaseError, case_bytes, check_size
from pages.classify import opened_case, refused
from pages.classify.case_state import case_state, is_new_session
from ui.session import session
from ui.text import plain

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from pages.classify.classify_state import PictureResult

ADDRESS = "case"
"""Name of the kept case's key in the page's address."""
NOT_HERE = (
    "The case that this page's address names is not kept here, or not any more. If you have saved it as a"
    " file, open that."
)


def bring_back() -> None:
    """In a session that has just begun, what the address says is kept. Call before pictures are asked for."""
    if is_new_session():
        kept_cases.expire()  # also where nobody keeps anything new
    key, ours = st.query_params.get(ADDRESS), case_state()
    if ours.key or not key or session().album.brought_in:
        return
    case = kept_cases.read(key)
    if case is None:
        refused.say(NOT_HERE, ":material/folder_off:")
        return
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
    if ours.key and ours.keeper.kept == ours.key and not kept_cases.is_kept(ours.key):
        _forget()  # whoever has deleted it, in another window or to make room, meant it to be gone
        return
    if ours.key and st.query_params.get(ADDRESS) != ours.key:
        st.query_params[ADDRESS] = ours.key  # another page's address has no place for it
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
        if too_large := [picture.name for picture in pictures if opened_case.is_too_large(picture)]:
            st.caption(f"Left out, as too large for a case: {_names(too_large)}.")
        try:
            check_size(opened_case.made_of(pictures, (), {}, bundle, {}))
        except CaseError as error:
            st.info(plain(str(error), limit=300), icon=":material/info:")
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
        st.caption(f"The verdict is another one than when the case was saved: {_names(changed)}.")


def _names(files: Sequence[str]) -> str:
    """Some files by name, the others by number."""
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    return ", ".join(plain(name, limit=40) for name in files[:3]) + more


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
            f" machine that Telltale runs on, until {kept_cases.DAYS} days after the last change, or until"
            f" {kept_cases.MAX_CASES} newer cases have taken its place. Whoever has this page's address can"
            " open it."
        )
        st.button("Delete what is kept", icon=":material/delete:", key="forget_case", on_click=_forget)


def _forget() -> None:
    case_state().kept_off = True
    let_go()


def _keep_again() -> None:
    case_state().kept_off, case_state().as_kept = False, None
