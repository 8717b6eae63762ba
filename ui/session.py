"""What the pages of one visitor share. What a page keeps for itself is in its own folder."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from ui.album import Album

KEY = "telltale"
"""Of the session's one object in ``st.session_state``."""

MODEL = "model"
"""Key of the widget that chooses the model, on every page that has one, and its name in the address."""


@dataclass
class Session:
    """album: the pictures brought in. opened: id of the picture that is open on Classify. carried_thresholds:
    SHA-256 of a model's weights -> the threshold that Evaluate has sent to Classify. default_model: the
    default when a page last asked for a model. set_by_callbacks: keys of the widgets that must go without
    their default in the next run, see ``ui.defaults``.
    """

    album: Album = field(default_factory=Album)
    opened: str | None = None
    carried_thresholds: dict[str, float] = field(default_factory=dict)
    default_model: str | None = None
    set_by_callbacks: set[str] = field(default_factory=set)


def session() -> Session:
    """That of the visitor whose script is running."""
    return st.session_state.setdefault(KEY, Session())
