"""Between the pictures of a session and a case: opening one, and making one of what is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from detector.case_files import CaseError, read_case
from detector.cases import Case, CasePicture, Remarks
from detector.images import MAX_FILE_BYTES
from detector.records import record
from pages.classify import refused
from pages.classify.case_state import case_state
from ui.pictures import Picture
from ui.session import session

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from pages.classify.classify_state import PictureResult


def open_case(content: bytes) -> None:
    """Add a saved case to what is here; ``say_what_came`` tells that it is open. For callbacks."""
    try:
        case = read_case(content)
    except CaseError as error:
        refused.say(str(error), ":material/folder_off:")
        return
    ours_stay = take_in(case)
    count = len(case.pictures)
    saved = f", saved {case.saved.replace('T', ' ')[:16]} UTC" if case.saved else ""
    stay = ""
    if ours_stay:
        one = ours_stay == 1
        stay = f" On {ours_stay} of them your own remarks stay, not {'its' if one else 'theirs'}."
    case_state().news = f"The case is open: {count} picture{'s' * (count != 1)}{saved}.{stay}"


def take_in(case: Case) -> int:
    """Add the pictures of a case to the session, and the remarks on them where the user has not made others;
    the first picture is opened. Returns on how many the user's own remarks stayed instead."""
    album, ours_stay = session().album, 0
    pictures = [Picture.of(saved.name, saved.content) for saved in case.pictures]
    for saved, picture in zip(case.pictures, pictures, strict=True):
        album.others[picture.id] = picture
        said = Remarks(label=saved.label, note=saved.note, marked=saved.marked)
        if not said.silent and album.remarks.setdefault(picture.id, said) != said:
            ours_stay += 1
        if saved.record is not None:
            case_state().saved_records[picture.id] = saved.record
    if pictures:
        album.wanted = pictures[0].id
    return ours_stay


def say_what_came() -> None:
    """What the last case that was brought in was, once."""
    ours = case_state()
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
    """All that is here and that a case can hold. A picture that was not judged yet keeps the record that it
    came with.

    It asks nothing of the session, so that threads may call it.
    """
    found = {each.picture.id: each for each in results}
    of_case = []
    for picture in pictures:
        if is_too_large(picture):
            continue
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


def is_too_large(picture: Picture) -> bool:
    """Whether a file is left out of every case. No such file is read as a picture either."""
    return len(picture.content) > MAX_FILE_BYTES


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
