"""Work that its user may walk away from."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import streamlit as st

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

Result = TypeVar("Result")

Progress = Callable[[int, int], None]
"""progress(number, total): how far the work is."""

Cancelled = Callable[[], bool]
"""Whether nobody waits for the work any more."""

News = Callable[[], bool]
"""Whether the page has something else to show than when it was drawn."""

PATIENCE = 0.4
"""Seconds until progress is shown: what is finished sooner does not flicker."""

LEASE = 10.0
"""Seconds for which work goes on that nobody waits for, while the page is drawn again."""

KEY = "classify-work"
"""Of the work that waits in ``st.session_state`` for the page to be drawn."""


class _Work(Generic[Result]):
    """Work in a thread. name: tells it from any other work of the session, None for work that is not to be
    gone on with."""

    def __init__(self, work: Callable[[Progress, Cancelled], Result], name: Hashable | None):
        self.name, self.share_finished = name, 0.0
        self._cancelled, self._waited_for = threading.Event(), time.monotonic()
        self._future = _workers().submit(work, self._progress, self._is_cancelled)

    def is_finished(self, seconds: float) -> bool:
        """After so many seconds at most."""
        self._waited_for = time.monotonic()
        return not wait([self._future], timeout=seconds).not_done

    def result(self) -> Result:
        return self._future.result()

    def cancel(self) -> None:
        self._cancelled.set()
        self._future.cancel()

    @property
    def is_given_up(self) -> bool:
        """Whether it ends, or has ended, without a result."""
        return self._is_cancelled() and not (self._future.done() and self._future.exception() is None)

    def _progress(self, number: int, total: int) -> None:
        self.share_finished = min(number / max(total, 1), 1.0)

    def _is_cancelled(self) -> bool:
        return self._cancelled.is_set() or time.monotonic() - self._waited_for > LEASE


def wait_for(
    work: Callable[[Progress, Cancelled], Result],
    places: Sequence[DeltaGenerator],
    text: str,
    name: Hashable | None = None,
    news: News | None = None,
) -> Result:
    """``work(progress, cancelled)``, done in a thread, while every one of ``places``, which are empties,
    shows how far it is.

    The script stays free: Streamlit ends it as soon as its user opens another picture, moves a control or
    leaves. Then ``cancelled()`` turns true, the work stops before its next batch, and what it held is let go.
    Raises what the work raises.

    No fragment runs while a script waits. So when there is ``news``, the page is drawn again, and goes on
    with the same work where it asks for work of the same ``name``.
    """
    under_way = _left_behind(name) or _Work(work, name)
    start, goes_on = time.monotonic(), False
    try:
        while not under_way.is_finished(0.1):
            for place in places:  # each of these is also where Streamlit may end the script
                if time.monotonic() - start < PATIENCE:
                    place.empty()
                else:
                    place.progress(under_way.share_finished, text)
            if name is not None and news is not None and news():
                st.session_state[KEY] = under_way
                goes_on = True
                st.rerun()
        return under_way.result()
    finally:
        if not goes_on:
            under_way.cancel()


def _left_behind(name: Hashable | None) -> _Work[Any] | None:
    """The work of that name that was under way when the page was drawn again; any other is cancelled."""
    if KEY not in st.session_state:
        return None
    found = st.session_state.pop(KEY)
    if name is not None and found.name == name and not found.is_given_up:
        return found
    found.cancel()
    return None


@st.cache_resource(show_spinner=False)
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4, thread_name_prefix="explain")
