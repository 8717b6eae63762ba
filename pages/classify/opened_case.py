"""Between the pictures of a session and a case: opening one, and making one of what is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from detector.case_files import CaseError, read_case
from detector.cases import Case, CasePicture, Remarks
from detector.records import record
from pages.classify.case_state import case_state
from ui.pictures import Picture
from ui.session import session
from ui.text import plain

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from pages.classify.classify_state import PictureResult


def open_case(content: bytes) -> None:
    """Add a saved case to what is here; ``say_what_came`` tells what became of it. For callbacks."""
    try:
        case = read_case(content)
    except CaseError as error:
        case_state().problem = str(error)
        return
    take_in(case)
    count = len(case.pictures)
    saved = f", saved {case.saved.replace('T', ' ')[:16]} UTC" if case.saved else ""
    case_state().news = f"The case is open: {count} picture{'s' * (count != 1)}{saved}."


def take_in(case: Case) -> None:
    """Add the pictures of a case and the remarks on them to the session; the first one is opened."""
    album = session().album
    for saved in case.pictures:
        picture = Picture.of(saved.name, saved.content)
        album.others[picture.id] = picture
        said = Remarks(label=saved.label, note=saved.note, marked=saved.marked)
        if not said.silent:
            album.remarks[picture.id] = said
        if saved.record is not None:
            case_state().saved_records[picture.id] = saved.record


def say_what_came() -> None:
    """What the last case that was brought in was, once, or why it could not be opened, until the next one."""
    ours = case_state()
    if ours.problem:
        st.error(plain(ours.problem, limit=300), icon=":material/folder_off:")
        ours.problem = ""
    if ours.news:
        st.toast(ours.news, icon=":material/folder_open:")
        ours.news = ""


def made_of(
    pictures: Sequence[Picture],
    results: Sequence[PictureResult],
    remarks: Mapping[str, Remarks],
    bundle: Bundle,
    saved_records: Mapping[str, dict[str, Any]],
) -> Case:
    """All that is here as a case. A picture that was not judged yet keeps the record that it came with.

    It asks nothing of the session, so that threads may call it.
    """
    found = {each.picture.id: each for each in results}
    of_case = []
    for picture in pictures:
        said, each = remarks.get(picture.id, Remarks()), found.get(picture.id)
        judged = record(each.result, bundle, picture.name, each.perturbed) if each else None
        of_case.append(
            CasePicture(
                name=picture.name,
                content=picture.content,
                label=said.label,
                note=said.note,
                marked=said.marked,
                record=judged or saved_records.get(picture.id),
            )
        )
    return Case(tuple(of_case))


def changed_verdicts(results: Sequence[PictureResult], bundle: Bundle) -> list[str]:
    """Names of the pictures of an opened case of which the model says something else now than it did when
    the case was saved."""
    changed, saved_records = [], case_state().saved_records
    for each in results:
        before = saved_records.get(each.picture.id)
        if before is not None and each.is_readable:
            then = before.get("final_verdict") or before.get("verdict")
            now = each.verdict(bundle) if before.get("final_verdict") else each.analysis.verdict
            if then not in (None, now):
                changed.append(each.picture.name)
    return changed
