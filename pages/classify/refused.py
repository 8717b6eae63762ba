"""What was asked for last and could not be brought in, and why: said until something else is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from ui.text import plain

KEY = "refused"
"""Of the one object in ``st.session_state``."""


@dataclass(frozen=True)
class _Refused:
    """sentence: why, in which anything may stand; "" for nothing refused. icon: as Streamlit names it."""

    sentence: str = ""
    icon: str = ""


def say(sentence: str, icon: str) -> None:
    """Have it said from now on."""
    st.session_state[KEY] = _Refused(sentence, icon)


def forget() -> None:
    """Something else is asked for now."""
    st.session_state[KEY] = _Refused()


def show() -> None:
    """The sentence, if there is one."""
    refused = st.session_state.get(KEY, _Refused())
    if refused.sentence:
        st.error(plain(refused.sentence, limit=300), icon=refused.icon)
