"""Work that its user may walk away from."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

import streamlit as st

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

Result = TypeVar("Result")
PATIENCE = 0.4
"""Seconds until progress is shown: what is done sooner does not flicker."""


def done(work: Callable[[Callable[[int, int], None], Callable[[], bool]], Result], places: Sequence[DeltaGenerator], words: str) -> Result:
    """``work(progress, cancelled)``, done in a thread, while every one of ``places``, which are empties, shows how far it is.

    The script stays free: Streamlit ends it as soon as its user opens another picture, moves a control or leaves. Then ``cancelled()``
    turns true, the work stops before its next batch, and what it held is let go. Raises what the work raises.
    """
    so_far, left = [0, 1], threading.Event()

    def progress(number: int, total: int) -> None:
        so_far[:] = number, max(total, 1)

    start = time.monotonic()
    future = _workers().submit(work, progress, left.is_set)
    try:
        while wait([future], timeout=0.1).not_done:
            for place in places:  # each of these is also where Streamlit may end the script
                if time.monotonic() - start < PATIENCE:
                    place.empty()
                else:
                    place.progress(min(so_far[0] / so_far[1], 1.0), words)
        return future.result()
    finally:
        left.set()
        future.cancel()


@st.cache_resource(show_spinner=False)
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4, thread_name_prefix="explain")
