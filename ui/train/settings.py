"""Every setting of a recipe as a widget, made from the recipe's own dataclasses: its name, its type, and the comment beside it."""

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
from train.recipes import MONITORS, Recipe, RecipeError, load_recipe
from ui.text import plain

MAIN = (
    "frozen.epochs", "frozen.learning_rate", "finetune.epochs", "finetune.learning_rate", "batch_size", "sampling.images_per_epoch", "seed",
)  # fmt: skip
"""The few that people change, by where they are in the recipe; the others are "advanced"."""
ELSEWHERE = ("name", "backbone_weights")
"""Chosen by other widgets of the form."""
LABELS = {"sampling.images_per_epoch": "Images per epoch (0: all)"}
"""Where the setting's name does not say enough."""
PARTS = {"": "General", "augmentation": "Augmentation", "sampling": "Sampling", "frozen": "Frozen stage", "finetune": "Fine-tuning",
         "decision": "Decision", "architecture_arguments": "Architecture"}  # fmt: skip
CHOICES = {
    "architecture": tuple(architectures.ARCHITECTURES), "monitor": MONITORS, "schedule": ("constant", "cosine"),
    "optimizer": ("adam", "adamw"), "batch_norm": ("frozen", "train"), "calibrate_on": ("all", "paired"),
}  # fmt: skip
LARGEST = 2**53 - 1  # what a browser can count to
_BARE = re.compile(r"[A-Za-z][\w.:-]*")


@dataclass(frozen=True)
class Setting:
    """path: where it is in the recipe, dotted. value: what the recipe's file says. meaning: the comment beside its declaration. of: the
    architecture whose argument it is, if that is another one than the recipe's."""

    path: str
    value: Any
    meaning: str
    of: str = ""

    @property
    def part(self) -> str:
        return self.path.rpartition(".")[0]

    @property
    def label(self) -> str:
        if self.path in LABELS:
            return LABELS[self.path]
        words = self.path.rpartition(".")[2].replace("_", " ").replace("jpeg", "JPEG").replace("ema", "EMA").replace("gb", "GB")
        words = words[0].upper() + words[1:]
        return f"{words}, {PARTS[self.part].lower()}" if self.path in MAIN and self.part in ("frozen", "finetune") else words

    def key(self, recipe: str) -> str:
        """Of its widget: another recipe's settings are other widgets, so are another architecture's, and those that were put back."""
        return f"setting{st.session_state.get('settings_round', '')}:{recipe}:{self.path}{self.of and f':{self.of}'}"


def settings(recipe: Recipe) -> list[Setting]:
    """Every setting that the form shows, in the order of their declaration, with the arguments of the architecture chosen there."""
    found = _settings(recipe, "")
    chosen = _current(recipe.name, next(setting for setting in found if setting.path == "architecture"))
    arguments = {name: recipe.architecture_arguments.get(name, value) for name, value in architectures.get(chosen).arguments.items()}
    of = chosen if chosen != recipe.architecture else ""
    return found + [Setting(f"architecture_arguments.{name}", value, "", of) for name, value in arguments.items()]


def _settings(group: Any, where: str) -> list[Setting]:
    found = []
    for field in fields(group):
        path, value = f"{where}.{field.name}" if where else field.name, getattr(group, field.name)
        if is_dataclass(value):
            found += _settings(value, path)
        elif path not in ELSEWHERE and not isinstance(value, dict):
            found.append(Setting(path, value, _comments(type(group)).get(field.name, "")))
    return found


@cache
def _comments(kind: type) -> dict[str, str]:
    """Field -> the comment beside it."""
    return dict(re.findall(r"^    (\w+): [^#\n]*#\s*(.+)$", inspect.getsource(kind), re.MULTILINE))


def changes(recipe_name: str, shown: list[Setting]) -> list[str]:
    """What the widgets say otherwise than the recipe, as ``--set`` takes it."""
    found = []
    for setting in shown:
        value = _current(recipe_name, setting)
        if value != setting.value:
            found.append(f"{setting.path}={as_toml(value)}")
    return found


def _current(recipe_name: str, setting: Setting) -> Any:
    state, key = st.session_state, setting.key(recipe_name)
    if isinstance(setting.value, tuple):
        return tuple(_given(state.get(f"{key}:{place}"), value) for place, value in enumerate(setting.value))
    return _given(state.get(key), setting.value)


def _given(value: Any, default: Any) -> Any:
    """A cleared field counts as left alone. Whole numbers in a field for others are such numbers too."""
    if value is None:
        return default
    return float(value) if isinstance(default, float) else value


def as_toml(value: Any) -> str:
    """A value as ``--set`` reads it back."""
    if isinstance(value, str):
        return value if _BARE.fullmatch(value) and value not in ("true", "false", "inf", "nan") else json.dumps(value)
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
    _rows(recipe_name, [next(setting for setting in shown if setting.path == path) for path in MAIN], problem)


def show_advanced(recipe_name: str, shown: list[Setting], problem: str) -> None:
    """All the others, part by part, folded away."""
    changed = [line for line in changes(recipe_name, shown) if line.partition("=")[0] not in MAIN]
    title = "Advanced: every other setting of the recipe" + (f" ({len(changed)} changed)" if changed else "")
    others = [setting for setting in shown if setting.path not in MAIN]
    with st.expander(title, icon=":material/tune:", key="advanced"):
        for part, heading in PARTS.items():
            st.markdown(f"**{heading}**")
            _rows(recipe_name, [setting for setting in others if setting.part == part], problem)
    if changes(recipe_name, shown):
        st.button("Back to the recipe's own settings", icon=":material/undo:", type="tertiary", key="reset", on_click=_reset)


def _reset() -> None:
    st.session_state.settings_round = st.session_state.get("settings_round", 0) + 1


def _rows(recipe_name: str, shown: list[Setting], problem: str) -> None:
    """Four in a row; where there is no room for that, one below the other in the same order."""
    for start in range(0, len(shown), 4):
        for column, setting in zip(st.columns(4), shown[start : start + 4], strict=False):
            with column:
                _widget(recipe_name, setting, problem)


def _widget(recipe_name: str, setting: Setting, problem: str) -> None:
    key, name = setting.key(recipe_name), setting.path.rpartition(".")[2]
    about = f"{plain(setting.meaning, limit=300)} `{setting.path}`".strip()
    common = {"help": about, "persist_state": "session"}
    value = setting.value
    if isinstance(value, bool):
        st.toggle(setting.label, value, key=key, **common)
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            _number(f"{setting.label}, {'from' if place == 0 else 'to'}", item, f"{key}:{place}", common)
    elif isinstance(value, (int, float)):
        _number(setting.label, value, key, common)
    elif name in CHOICES:
        options = CHOICES[name]
        st.selectbox(setting.label, options, options.index(value) if value in options else 0, key=key, **common)
    else:
        st.text_input(setting.label, value, key=key, max_chars=200, **common)
    if problem.startswith((f"{setting.path} ", f"{setting.path}:")):
        st.markdown(f":red[:material/error: {plain(problem, limit=300)}]")


def _number(label: str, value: float, key: str, common: dict) -> None:
    if isinstance(value, int):
        st.number_input(label, -LARGEST, LARGEST, value, 1, key=key, **common)
    else:
        step = 10.0 ** math.floor(math.log10(value)) if value > 0 else 0.05
        st.number_input(label, value=value, step=step, format="%g", key=key, **common)
