"""Every setting of a recipe as a widget, made from the recipe's own dataclasses: its name, its type, and
the comment beside it."""

from __future__ import annotations

import inspect
import json
import math
import re
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any

import streamlit as st

from detector import architectures
from detector.architectures.architecture import ARGUMENTS
from pages.train.page_state import Key, begins_with, page_state, setting_key
from train.recipes import (
    BATCH_NORMS,
    CALIBRATED_ON,
    MONITORS,
    OPTIMIZERS,
    SCHEDULES,
    STAGES,
    Recipe,
    RecipeError,
    load_recipe,
)
from ui.text import plain

MAIN = (
    "frozen.epochs",
    "frozen.learning_rate",
    "finetune.epochs",
    "finetune.learning_rate",
    "batch_size",
    "sampling.images_per_epoch",
    "seed",
)
"""The few that people change, by where they are in the recipe; the others are "advanced"."""
ELSEWHERE = ("name", "backbone_weights")
"""Chosen by other widgets of the form."""
LABELS = {"sampling.images_per_epoch": "Images per epoch (0: all)"}
"""Where the setting's name does not say enough."""
PARTS = {
    "": "General",
    "split": "Splits, where the data bring none",
    "augmentation": "Augmentation",
    "sampling": "Sampling",
    **{stage.value: stage.title for stage in STAGES},
    "decision": "Decision",
    "architecture_arguments": "Architecture",
}
CHOICES = {
    "monitor": MONITORS,
    "schedule": SCHEDULES,
    "optimizer": OPTIMIZERS,
    "batch_norm": BATCH_NORMS,
    "calibrate_on": CALIBRATED_ON,
}
"""Setting -> what it may be."""
ABBREVIATIONS = {"jpeg": "JPEG", "ema": "EMA", "gb": "GB"}
COLUMNS = 4
"""Settings in a row."""
LARGEST = 2**53 - 1  # what a browser can count to
_FIELD = re.compile(r"    (\w+): ")
_BARE = re.compile(r"[A-Za-z][\w.:-]*")


@dataclass(frozen=True)
class Setting:
    """path: where it is in the recipe, dotted. value: what the recipe's file says. meaning: the comment
    beside its declaration. of: the architecture whose argument it is, if that is another one than the
    recipe's."""

    path: str
    value: Any
    meaning: str
    of: str = ""

    @property
    def part(self) -> str:
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def label(self) -> str:
        if self.path in LABELS:
            return LABELS[self.path]
        words = self.name.replace("_", " ")
        for short, written in ABBREVIATIONS.items():
            words = words.replace(short, written)
        words = words[0].upper() + words[1:]
        if self.path in MAIN and self.part in STAGES:
            return f"{words}, {PARTS[self.part].lower()}"
        return words

    def key(self, recipe: str) -> str:
        """Of its widget."""
        return setting_key(recipe, self.path, self.of)


def settings(recipe: Recipe) -> list[Setting]:
    """Every setting that the form shows, in the order of their declaration, with the arguments of the
    architecture chosen there."""
    found = _settings(recipe, "")
    chosen = _current(recipe.name, at("architecture", found))
    of = chosen if chosen != recipe.architecture else ""
    for name, default in architectures.get(chosen).arguments.items():
        value = recipe.architecture_arguments.get(name, default)
        meaning = ARGUMENTS.get(name, "")
        found.append(Setting(f"architecture_arguments.{name}", value, meaning, of))
    return found


def at(path: str, among: list[Setting]) -> Setting:
    """The setting at that path."""
    return next(setting for setting in among if setting.path == path)


def _settings(group: Any, where: str) -> list[Setting]:
    found = []
    meanings = _comments(group.__class__)
    for field in fields(group):
        path = f"{where}.{field.name}" if where else field.name
        value = getattr(group, field.name)
        if is_dataclass(value):
            found += _settings(value, path)
        elif path not in ELSEWHERE and not isinstance(value, dict):
            found.append(Setting(path, value, meanings.get(field.name, "")))
    return found


@cache
def _comments(kind: type) -> dict[str, str]:
    """Field -> the comment beside it or, where that is too long for the line, right above it."""
    found = {}
    above: list[str] = []
    for line in inspect.getsource(kind).splitlines():
        code, _, comment = line.partition("#")
        if field := _FIELD.match(code):
            found[field[1]] = " ".join([*above, comment.strip()]).strip()
        is_comment_alone = bool(comment) and not code.strip()
        above = [*above, comment.strip()] if is_comment_alone else []
    return found


def choices(name: str) -> tuple[str, ...]:
    """What a setting may be, if that is one of a few; the architectures are those there are now."""
    return tuple(architectures.ARCHITECTURES) if name == "architecture" else CHOICES.get(name, ())


def changes(recipe_name: str, shown: list[Setting]) -> list[str]:
    """What the widgets say otherwise than the recipe, as ``--set`` takes it."""
    found = []
    for setting in shown:
        value = _current(recipe_name, setting)
        if value != setting.value:
            found.append(f"{setting.path}={as_toml(value)}")
    return found


def _current(recipe_name: str, setting: Setting) -> Any:
    key = setting.key(recipe_name)
    if not isinstance(setting.value, tuple):
        return _entered(key, setting.value)
    return tuple(_entered(f"{key}:{place}", value) for place, value in enumerate(setting.value))


def _entered(key: str, own: Any) -> Any:
    """What the widget of that key holds, whether it was drawn yet or not."""
    return _given(st.session_state.get(key), begins_with(key, own))


def _given(value: Any, default: Any) -> Any:
    """A cleared field counts as left alone. Whole numbers in a field for others are such numbers too."""
    if value is None:
        return default
    return float(value) if isinstance(default, float) else value


def as_toml(value: Any) -> str:
    """A value as ``--set`` reads it back."""
    if isinstance(value, str):
        bare = _BARE.fullmatch(value) and value not in ("true", "false", "inf", "nan")
        return value if bare else json.dumps(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(as_toml(item) for item in value)}]"
    return json.dumps(value)


def checked(recipe_name: str, overrides: list[str]) -> tuple[Recipe | None, str]:
    """The recipe with these overrides and "", or None and what is wrong with it."""
    try:
        return load_recipe(recipe_name, overrides), ""
    except RecipeError as error:
        return None, str(error)


def show_main(recipe_name: str, shown: list[Setting], problem: str) -> None:
    """The few settings people change, side by side."""
    _rows(recipe_name, [at(path, shown) for path in MAIN], problem)


def show_advanced(recipe_name: str, shown: list[Setting], problem: str) -> None:
    """All the others, part by part, folded away."""
    others = [setting for setting in shown if setting.path not in MAIN]
    changed = len(changes(recipe_name, others))
    title = "Advanced: every other setting of the recipe"
    if changed:
        title += f" ({changed} changed)"
    with st.expander(title, icon=":material/tune:", key=Key.ADVANCED):
        for part, heading in PARTS.items():
            st.markdown(f"**{heading}**")
            _rows(recipe_name, [setting for setting in others if setting.part == part], problem)
    if changes(recipe_name, shown):
        st.button(
            "Back to the recipe's own settings",
            icon=":material/undo:",
            type="tertiary",
            key=Key.RESET,
            on_click=_reset,
        )


def _reset() -> None:
    page_state().resets += 1


def _rows(recipe_name: str, shown: list[Setting], problem: str) -> None:
    """Side by side; where there is no room for that, one below the other in the same order."""
    for start in range(0, len(shown), COLUMNS):
        row = shown[start : start + COLUMNS]
        for column, setting in zip(st.columns(COLUMNS), row, strict=False):
            with column:
                _widget(recipe_name, setting, problem)


def _widget(recipe_name: str, setting: Setting, problem: str) -> None:
    key, label = setting.key(recipe_name), setting.label
    value = begins_with(key, setting.value)
    about = f"{plain(setting.meaning, limit=300)} `{setting.path}`".strip()
    if isinstance(value, bool):
        st.toggle(label, value, key=key, help=about, persist_state="session")
    elif isinstance(value, tuple):
        for place, (end, item) in enumerate(zip(("from", "to"), value, strict=True)):
            part = f"{key}:{place}"
            _number(f"{label}, {end}", begins_with(part, item), part, about)
    elif isinstance(value, (int, float)):
        _number(label, value, key, about)
    elif options := choices(setting.name):
        chosen = options.index(value) if value in options else 0
        st.selectbox(label, options, chosen, key=key, help=about, persist_state="session")
    else:
        st.text_input(label, value, key=key, max_chars=200, help=about, persist_state="session")
    if problem.startswith((f"{setting.path} ", f"{setting.path}:")):
        st.markdown(f":red[:material/error: {plain(problem, limit=300)}]")


def _number(label: str, value: float, key: str, about: str) -> None:
    if isinstance(value, int):
        st.number_input(label, -LARGEST, LARGEST, value, 1, key=key, help=about, persist_state="session")
        return
    step = 10.0 ** math.floor(math.log10(value)) if value > 0 else 0.05
    st.number_input(label, value=value, step=step, format="%g", key=key, help=about, persist_state="session")
