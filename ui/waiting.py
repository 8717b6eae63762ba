"""Things that take seconds, made in the background while the rest of the page can be read."""

from __future__ import annotations

from concurrent.futures import Future, wait
from typing import Generic, NamedTuple, TypeVar

import streamlit as st

from ui.text import plain

QUICK_SECONDS = 0.3
"""What is there by then is shown without a word."""
POLL_SECONDS = 0.5

Value = TypeVar("Value")


class Finished(NamedTuple, Generic[Value]):
    """done: whether there is a value; it may itself be None."""

    done: bool
    value: Value | None = None


def finished(future: Future[Value], text: str) -> Finished[Value]:
    """The value if it is there; else ``text`` stands in its place until the page goes on by itself."""
    wait([future], timeout=QUICK_SECONDS)
    if not future.done():
        _wait_for(future, text)
        return Finished(False)
    try:
        return Finished(True, future.result())
    except Exception as error:  # of a page, nobody wants a traceback
        st.error(f"That went wrong: {plain(str(error) or type(error).__name__, limit=300)}")
        return Finished(False)


@st.fragment(run_every=POLL_SECONDS)
def _wait_for(future: Future, text: str) -> None:
    if future.done():
        st.rerun()
    st.caption(f":material/hourglass_top: {text} …")
