"""What a session knows of its case beyond the pictures in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from pages.classify.case_keeper import Keeper

KEY = "classify-case"
"""Of the one object in ``st.session_state``."""


@dataclass
class CaseState:
    """saved_records: picture id -> what a model said of it when the opened case was saved. news:
    what became of the case that was brought in last, to be said once. key: under which the case is kept,
    None before it was. as_kept: what tells whether it has changed since. kept_off: whether what was kept was
    deleted, here or elsewhere."""

    saved_records: dict[str, dict[str, Any]] = field(default_factory=dict)
    news: str = ""
    key: str | None = None
    as_kept: object = None
    kept_off: bool = False
    keeper: Keeper = field(default_factory=Keeper)


def is_new_session() -> bool:
    """Whether nobody has asked for ``case_state`` in this session yet."""
    return KEY not in st.session_state


def case_state() -> CaseState:
    """That of the visitor whose script is running."""
    return st.session_state.setdefault(KEY, CaseState())
