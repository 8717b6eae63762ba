"""What the Evaluate page remembers from one run to the next, and the names of its widgets."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import streamlit as st

from pages.evaluate.view import OwnTable, Source

KEY = "evaluate"
"""Of the session's ``State``."""


class Widget(StrEnum):
    """Keys of the widgets whose values are read or set elsewhere than where they are drawn, or are part of
    the page's address. Streamlit keeps the values under these keys itself."""

    MODELS = "models"
    UPLOADER = "own_predictions"
    PREDICTIONS_FILE = "predictions_file"
    PERTURBATION = "delivered"
    ROWS = "rows"
    ONLY_WHERE = "by"
    ONLY_IS = "only"
    THRESHOLD = "threshold"
    TAB = "tab"
    SLICE_COLUMN = "slice_column"
    IMAGE_FORMAT = "image_format"
    PICTURE_FOLDER = "picture_folder"


@dataclass(frozen=True)
class Click:
    """The mark of a figure that was clicked. figure: the figure's key. carries: the mark's ``customdata``."""

    figure: str
    carries: Any


@dataclass
class State:
    """One session of the page."""

    uploads: dict[str, Source] = field(default_factory=dict)
    """The user's own predictions, by name."""
    upload_problem: str | None = None
    """What was wrong with the last file, in a sentence."""
    asked: OwnTable | None = None
    """The file whose columns its user is asked about."""
    missing: list[str] = field(default_factory=list)
    """What the address named and is not here, until models are chosen."""
    threshold_of: str | None = None
    """The name of the model whose threshold the slider began with."""
    click: Click | None = None
    """Which pictures are open; of one figure at a time."""


def state() -> State:
    """The session's, made on first use."""
    return st.session_state.setdefault(KEY, State())


def set_widget(widget: Widget, value: object) -> None:
    """Set a widget's value: in a callback, or before it is drawn."""
    st.session_state[widget.value] = value


def widget_value(widget: Widget, default: Any = None) -> Any:
    """What a widget holds, or held when it was last drawn."""
    return st.session_state.get(widget.value, default)
