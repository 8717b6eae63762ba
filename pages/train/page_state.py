"""What the Train page remembers of a visit, under one key of Streamlit's session, and the keys of its
widgets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

if TYPE_CHECKING:
    import pandas as pd

    from pages.train.log_panel import Tail

SESSION_KEY = "train"


class Question(NamedTuple):
    """A dialog that asks before something is done."""

    action: str = ""
    """"promote", "delete" or "remove"; "" while none is open."""
    run_id: str = ""
    """The run it is about; "" for one about models."""


@dataclass
class PageState:
    """Of one session; whatever widgets hold is in Streamlit's own keys."""

    problem: str = ""
    """What went wrong, until it was shown."""
    done: str = ""
    """What was done, until it was shown."""
    question: Question = Question()
    """Which dialog is open, so that it stays open when the page behind it changes."""
    taken_name: str = ""
    """The name for a promoted model that was refused because another model has it."""
    proposed_names: dict[str, str] = field(default_factory=dict)
    """Recipe -> the name proposed for its next run, so that it stays while the form is filled in."""
    resets: int = 0
    """How often the settings were put back to the recipe's own: their widgets are new ones then."""
    filled: dict[str, Any] = field(default_factory=dict)
    """Key of a widget -> what it begins with, where that is another run's setting instead of the recipe's."""
    judged: dict[tuple[str, str], pd.DataFrame] = field(default_factory=dict)
    """Hashes of a model's and a candidate's weights -> the candidate's test pictures as the model judged
    them."""
    tails: dict[tuple[Path, datetime | None], Tail] = field(default_factory=dict)
    """The end of the log of the run that is watched, by folder and creation; one at a time."""


def page_state() -> PageState:
    """This session's, made when it is first asked for."""
    return st.session_state.setdefault(SESSION_KEY, PageState())


def begins_with(key: str, own: Any) -> Any:
    """What the widget of that key begins with: what was filled in, else its own default."""
    return page_state().filled.get(key, own)


class Key(StrEnum):
    """Keys of widgets of which there is one."""

    VIEW = "view"
    BACK = "back"
    DATA_FOLDER = "data_folder"
    LOOK_CLOSER = "look_closer"
    MAKE_PRACTICE = "make_practice"
    RECIPE = "recipe"
    DEVICE = "device"
    ADVANCED = "advanced"
    RESET = "reset"
    MEASURE = "measure"
    MEASURE_NOT = "measure_not"
    START = "start"
    COMPARE = "compare"
    COMPARED = "compared"
    BUDGET = "budget"
    START_ALL = "start_all"
    STOP = "stop"
    RESUME = "resume"
    AGAIN = "again"
    EVALUATE = "evaluate"
    EVALUATE_ALL = "evaluate_all"
    DELETE = "delete"
    DELETE_NOW = "delete_now"
    DELETE_NOT = "delete_not"
    PROMOTE = "promote"
    PROMOTE_NAME = "promote_name"
    PROMOTE_REPLACE = "promote_replace"
    PROMOTE_NOW = "promote_now"
    JUDGE = "judge"
    DEMOTE = "demote"
    REMOVE = "remove"
    REMOVE_NAME = "remove_name"
    REMOVE_NOW = "remove_now"
    REMOVE_NOT = "remove_not"
    LOG = "log"
    FIND = "find"
    FOUND = "found"
    DOWNLOAD_LOG = "download_log"


# Keys of widgets of which there are several.


def backbone_key(recipe: str) -> str:
    return f"weights{page_state().resets or ''}:{recipe}"


def backbone_file_key(recipe: str) -> str:
    return f"weights_file{page_state().resets or ''}:{recipe}"


def run_name_key(proposed: str) -> str:
    return f"run_name:{proposed}"


def setting_key(recipe: str, path: str, architecture: str) -> str:
    """Of a setting: another recipe's are other widgets, so are another architecture's, and those that were
    put back."""
    resets = page_state().resets or ""
    suffix = f":{architecture}" if architecture else ""
    return f"setting{resets}:{recipe}:{path}{suffix}"


def history_key(run_ids: tuple[str, ...]) -> str:
    """Ticks are kept by place: with a run more or less they would be on others."""
    return f"history {hash(run_ids)}"


def watch_key(run_id: str) -> str:
    return f"watch {run_id}"


def open_key(run_id: str) -> str:
    return f"open {run_id}"


def curve_key(panel: str) -> str:
    return f"curve_{panel}"
