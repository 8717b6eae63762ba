"""A new run that begins with another one's settings: the form, filled in as it was for that one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.train import settings
from pages.train.page_state import Key, backbone_file_key, backbone_key, page_state
from train import runs
from train.recipes import (
    BACKBONE_WEIGHTS,
    Recipe,
    RecipeError,
    dotted,
    from_dict,
    load_recipe,
    names,
)
from ui import defaults

NEW_RUN = "New run"
"""The tab with the form."""


def fill_form(run: runs.Run) -> None:
    """Open the form with the run's recipe, settings, pictures and device; what it cannot take over is said.
    A callback: what stands in widgets is set before they are drawn."""
    state = page_state()
    try:
        wanted = recipe_of(run)
    except RecipeError as error:
        state.problem = f"The settings of {run.id} are not known to this Telltale any more: {error}"
        return
    base = load_recipe(_nearest(wanted))
    entered = st.session_state
    state.resets += 1  # what stood in the form before is none of this run's
    state.filled.clear()
    defaults.put(Key.RECIPE, base.name)
    entered[Key.DATA_FOLDER] = run.data
    if run.device in [device.id for device in runs.devices()]:
        entered[Key.DEVICE] = run.device
    _fill_backbone(base, wanted.backbone_weights)
    _fill_settings(base, wanted)
    st.query_params.pop("run", None)
    entered[Key.VIEW] = NEW_RUN
    state.done = f"The form is filled in as it was for {run.id}. Change what you like, then press Start."


def recipe_of(run: runs.Run) -> Recipe:
    """Every setting of a run, also of one that has not begun. Raises RecipeError."""
    if "architecture" in run.recipe:
        return from_dict(run.recipe)
    words = list(run.command)
    recipe, *_ = _after("--recipe", words) or [""]
    return load_recipe(recipe, _after("--set", words))


def _after(option: str, words: Sequence[str]) -> list[str]:
    """What is given for an option of a command line."""
    return [words[place + 1] for place, word in enumerate(words[:-1]) if word == option]


def _nearest(wanted: Recipe) -> str:
    """The recipe that ships and says most of the same: its own, if it is there."""
    shipped = names()
    if wanted.name in shipped:
        return wanted.name
    own = dotted(wanted.to_dict())
    return max(shipped, key=lambda name: _in_common(own, dotted(load_recipe(name).to_dict())))


def _in_common(one: dict[str, str], other: dict[str, str]) -> tuple[bool, int]:
    """For comparing recipes: the same architecture counts most, then how many settings agree."""
    same = sum(other.get(path) == value for path, value in one.items())
    return one["architecture"] == other["architecture"], same


def _fill_backbone(base: Recipe, weights: str) -> None:
    filled = page_state().filled
    if weights in BACKBONE_WEIGHTS:
        filled[backbone_key(base.name)] = weights
    else:
        filled[backbone_key(base.name)] = "file"
        filled[backbone_file_key(base.name)] = weights


def _fill_settings(base: Recipe, wanted: Recipe) -> None:
    """What widgets begin with where the run's setting is another than the recipe's; the architecture first,
    which says what arguments there are."""
    filled = page_state().filled
    architecture = settings.at("architecture", settings.settings(base))
    filled[architecture.key(base.name)] = wanted.architecture
    for setting in settings.settings(base):
        value = _value_of(wanted, setting.path)
        if value is None or value == setting.value:
            continue
        key = setting.key(base.name)
        if isinstance(value, tuple):
            for place, item in enumerate(value):
                filled[f"{key}:{place}"] = item
        else:
            filled[key] = value


def _value_of(recipe: Recipe, path: str) -> Any:
    """The setting at that dotted path; None for an argument that the recipe leaves to the architecture."""
    part, _, name = path.rpartition(".")
    if part == "architecture_arguments":
        return recipe.architecture_arguments.get(name)
    group = getattr(recipe, part) if part else recipe
    return getattr(group, name)
