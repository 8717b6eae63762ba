"""The form of a new run: what to train, on which pictures, how, and the exact command that does it."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Sequence

import streamlit as st

from detector.datasets import DatasetError
from detector.survey import typed
from train import runs
from train.recipes import Recipe, load_recipe, names
from ui.text import plain
from ui.train import estimate, folder, settings
from ui.train.words import size

WEIGHTS = {"imagenet": "ImageNet", "file": "A file", "none": "None"}


def show(all_runs: Sequence[runs.Run], locked: bool) -> None:
    """The whole form. locked: it can be filled in, for its command, but nothing can be started."""
    text, survey = folder.choose(locked)
    recipe_name, own = _recipe()
    prefix = recipe_name
    shown = settings.settings(own)
    backbone, missing = _backbone(own)
    overrides = [*settings.changes(prefix, shown), *backbone]
    recipe, problem = settings.checked(recipe_name, overrides)
    settings.show_main(prefix, shown, problem)
    settings.show_advanced(prefix, shown, problem)
    device = _device()
    if recipe:
        estimate.show(recipe_name, overrides, recipe, survey, device, all_runs)
    run_id, taken = _name(recipe_name, all_runs)
    wrong = [sentence for sentence in (problem, missing, runs.valid_id(run_id)) if sentence]
    for sentence in wrong:
        st.error(plain(sentence, limit=600), icon=":material/error:")
    data = _resolved(text)
    st.markdown("This is what is started. It also works in a terminal, in Telltale's folder:")
    command = runs.command(recipe_name, overrides, data or "DIR", run_id or "NAME", device.id)
    st.code(shlex.join(command), language="bash", wrap_lines=True)
    if locked:
        return
    ready = recipe is not None and survey is not None and not wrong
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Start", icon=":material/play_arrow:", type="primary", key="start", disabled=not ready)
        if not ready and not wrong:
            st.caption("Name a data folder first, or make a practice set." if not data else "The data folder is being checked, or cannot be used.")
        elif taken and not pressed:
            st.caption(f":material/info: There is a run called {plain(run_id)} already. Give this one another name.")
    if pressed and ready:
        _start(recipe_name, overrides, data, run_id, device.id)


def _start(recipe_name: str, overrides: list[str], data: str, run_id: str, device: str) -> None:
    """Start it, once: the same form sent again, from this tab or another, finds the run that it has started."""
    form = json.dumps([recipe_name, overrides, data, run_id, device])
    try:
        with st.spinner("Starting the run"):
            run = runs.start(recipe_name, overrides, data, run_id, device, token=hashlib.sha256(form.encode()).hexdigest())
    except runs.RunError as error:
        st.error(plain(str(error), limit=600), icon=":material/error:")
        return
    st.session_state.get("run_names", {}).pop(recipe_name, None)
    st.query_params["run"] = run.id
    st.rerun()


def _recipe() -> tuple[str, Recipe]:
    available = names()
    about = "Every setting of a run. What you change below goes into the command."
    name = st.selectbox("Recipe", available, key="recipe", persist_state="session", help=about)
    recipe = load_recipe(name)
    st.caption(f"{plain(recipe.title)} · architecture {plain(recipe.architecture)}")
    return name, recipe


def _backbone(recipe: Recipe) -> tuple[list[str], str]:
    """What the backbone starts from, as an override if that is not what the recipe says, and what is wrong with it."""
    own = recipe.backbone_weights if recipe.backbone_weights in ("imagenet", "none") else "file"
    bare = own == "none"  # a small network that nobody has trained elsewhere: there are no weights it could start from
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    choice = left.segmented_control(
        "Backbone weights", list(WEIGHTS), default=own, required=True, format_func=WEIGHTS.get, key=f"weights:{recipe.name}", persist_state="session",
        help="This recipe's network starts from random weights: it is too small to have any of ImageNet's." if bare else
        "ImageNet's are downloaded by Keras the first time, about 24 MB. Without any, far more pictures are needed.", disabled=bare,
    )  # fmt: skip
    if choice != "file":
        return ([] if choice == own else [f"backbone_weights={choice}"]), ""
    path = right.text_input(
        "Weights file, on this machine", recipe.backbone_weights if own == "file" else "", key=f"weights_file:{recipe.name}", persist_state="session",
        placeholder="/home/me/backbone.weights.h5", max_chars=1000,
    ).strip()  # fmt: skip
    if not path:
        return [], "Name the file with the backbone's weights, or choose others."
    try:
        file = typed(path)
    except DatasetError:
        return [], f"There is no file {path}."
    return [f"backbone_weights={settings.as_toml(str(file))}"], "" if file.is_file() else f"There is no file {path}."


def _device() -> runs.Device:
    found = runs.devices()
    by_id = {device.id: device for device in found}
    if len(found) == 1:
        return found[0]
    chosen = st.selectbox("Device", list(by_id), key="device", persist_state="session", format_func=lambda id: _in_words(by_id[id]))
    return by_id.get(chosen, found[0])


def _in_words(device: runs.Device) -> str:
    load = "" if device.load is None else f", {device.load:.0%} busy"
    return f"{device.name}: {size(device.memory_used)} of {size(device.memory_total)} memory in use{load}"


def _name(recipe_name: str, all_runs: Sequence[runs.Run]) -> tuple[str, bool]:
    """The name of the run, and whether it is taken. The one proposed stays while the form is filled in."""
    there = {run.id for run in all_runs}
    proposed = st.session_state.setdefault("run_names", {})
    if recipe_name not in proposed:
        proposed[recipe_name] = next(name for number in range(1, len(there) + 2) if (name := f"{recipe_name}-{number}") not in there)
    default = proposed[recipe_name]
    run_id = st.text_input("Name of the run", default, key=f"run_name:{default}", persist_state="session", max_chars=100).strip()
    return run_id, run_id in there


def _resolved(text: str) -> str:
    try:
        return str(typed(text)) if text.strip() else ""
    except DatasetError:
        return ""
