"""How many pictures' verdicts are final, while damaged copies of the others are judged in the background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from pages.classify.classify_state import state

if TYPE_CHECKING:
    from pages.classify.classify_state import PictureResult
    from ui.models import Model


def goes_on(results: Sequence[PictureResult]) -> bool:
    """Whether the copies of some of these pictures are yet to be judged, and will be."""
    return not state().testing_stopped and any(_is_untested(each) for each in results)


def is_done(count: int) -> bool:
    """Whether the work has come to its end since ``count`` pictures were tested. Whoever asks again and again
    keeps it going."""
    tester = state().tester
    if tester.paused:
        return False
    tester.keep_going()
    return not tester.busy and tester.count != count


def go_on(results: Sequence[PictureResult], model: Model) -> None:
    """Have the copies of all other pictures judged, now that all is known of the one that is open."""
    ours = state()
    untested = [(each.picture, each.analysis) for each in results if _is_untested(each)]
    if untested and not ours.testing_stopped:
        ours.tester.ask(untested, model.version, model.classifier())


def show(results: Sequence[PictureResult]) -> None:
    """A line below the list, and a button that stops the work or lets it go on; nothing where all is
    tested."""
    readable = sum(each.is_readable for each in results)
    untested = sum(_is_untested(each) for each in results)
    if not untested:
        return
    ours = state()
    st.caption(
        f"{readable - untested} of {readable} pictures are tested for damage. Until a picture is, its verdict"
        " is the model's own, not final."
    )
    if st.button(
        "Go on testing" if ours.testing_stopped else "Stop testing",
        icon=":material/play_arrow:" if ours.testing_stopped else ":material/stop:",
        type="tertiary",
        key="stop_testing",
    ):
        ours.testing_stopped = not ours.testing_stopped
        ours.tester.pause()
        st.rerun()


def _is_untested(result: PictureResult) -> bool:
    return result.is_readable and result.perturbed is None
