"""The form of a new run: what to train, on which pictures, how, and the exact command that does it."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Sequence
from itertools import count

import streamlit as st

from detector import architectures
from detector.architectures.published_weights import Published
from detector.datasets import DatasetError, typed
from detector.datasets.dataset_scan import DatasetScan
from pages.train import compare_recipes, data_folder, estimate, settings, wording
from pages.train.measurement import measurements
from pages.train.page_state import (
    Key,
    backbone_file_key,
    backbone_key,
    begins_with,
    page_state,
    run_name_key,
)
from train import runs
from train.recipes import BACKBONE_WEIGHTS, Recipe, load_recipe, names, offers_shipped
from ui import defaults
from ui.quantities import size
from ui.text import plain

WEIGHTS = {"imagenet": "ImageNet", "shipped": "Shipped model", "file": "A file", "none": "None"}

WEIGHTS_HELP = {
    "imagenet": "**ImageNet**: downloaded by Keras the first time.",
    "shipped": (
        "**Shipped model**: the backbone of the model that ships, which knows AI-generated pictures already;"
        " pictures that it was trained on are then no fair test."
    ),
    "file": "**A file**: one that a backbone of the same layers was saved to{}.",
    "none": "**None**: random; far more pictures are needed.",
}

FIRST_RECIPE = "efficientnetv2b0-attention"
"""The published protocol of the architecture that ships for training at home."""


def show(all_runs: Sequence[runs.Run], locked: bool) -> None:
    """The form of one run, and below it that of several recipes side by side. locked: they can be filled in,
    for their commands, but nothing can be started."""
    text, scan = data_folder.choose(locked)
    device = _one_run(text, scan, all_runs, locked)
    compare_recipes.show(_resolved(text), scan is not None, device, all_runs, locked)


def _one_run(text: str, scan: DatasetScan | None, all_runs: Sequence[runs.Run], locked: bool) -> str:
    """Returns the device that was chosen, as it is asked for."""
    recipe_name, own = _recipe()
    shown = settings.settings(own)
    backbone, missing = _backbone(own)
    overrides = [*settings.changes(recipe_name, shown), *backbone]
    recipe, problem = settings.checked(recipe_name, overrides)
    settings.show_main(recipe_name, shown, problem)
    settings.show_advanced(recipe_name, shown, problem)
    device, asked_for = _device()
    shared = _shared_batch(recipe, device) if recipe else ""
    if recipe:
        estimate.show(recipe_name, overrides, recipe, scan, device, all_runs)
    run_id, taken = _name(recipe_name, all_runs)
    wrong = [sentence for sentence in (problem, missing, shared, runs.valid_id(run_id)) if sentence]
    for sentence in wrong:
        st.error(plain(sentence, limit=600), icon=":material/error:")
    data = _resolved(text)
    command = runs.command(recipe_name, overrides, data or "DIR", run_id or "NAME", asked_for)
    st.markdown("This is what is started, as a command for a terminal in Telltale's folder:")
    st.code(shlex.join(command), language="bash", wrap_lines=True)
    st.caption(wording.ELSEWHERE)
    if locked:
        return asked_for
    ready = recipe is not None and scan is not None and not wrong
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            "Start", icon=":material/play_arrow:", type="primary", key=Key.START, disabled=not ready
        )
        if not ready and not wrong:
            st.caption(
                "Name a data folder first, or make a practice set."
                if not data
                else "The data folder is being checked, or cannot be used."
            )
        elif taken and not pressed:
            st.caption(
                f":material/info: There is a run called {plain(run_id)} already. Give this one another name."
            )
    if pressed and ready:
        _start(recipe_name, overrides, data, run_id, asked_for)
    return asked_for


def _start(recipe_name: str, overrides: list[str], data: str, run_id: str, device: str) -> None:
    """Start it, once: the same form sent again, from this tab or another, finds the run that it has
    started."""
    form = json.dumps([recipe_name, overrides, data, run_id, device])
    token = hashlib.sha256(form.encode()).hexdigest()
    try:
        with st.spinner("Starting the run"):
            measurements().make_room()
            run = runs.start(recipe_name, overrides, data, run_id, device, token=token)
    except runs.RunError as error:
        st.error(plain(str(error), limit=600), icon=":material/error:")
        return
    page_state().proposed_names.pop(recipe_name, None)
    st.query_params["run"] = run.id
    st.rerun()


def _recipe() -> tuple[str, Recipe]:
    available = names()
    about = "Every setting of a run. What you change below goes into the command."
    first = defaults.unless_set(Key.RECIPE, available.index(FIRST_RECIPE))
    name = st.selectbox("Recipe", available, first, key=Key.RECIPE, persist_state="session", help=about)
    recipe = load_recipe(name)
    st.caption(f"{plain(recipe.title)} · architecture {plain(recipe.architecture)}")
    return name, recipe


def _backbone(recipe: Recipe) -> tuple[list[str], str]:
    """What the backbone starts from, as an override if that is not what the recipe says, and what is wrong
    with it."""
    own = recipe.backbone_weights if recipe.backbone_weights in BACKBONE_WEIGHTS else "file"
    published = architectures.get(recipe.architecture).published
    missing = {"imagenet"} if own == "none" else set()  # nobody has trained its network on ImageNet
    if not offers_shipped(recipe.architecture):
        missing.add("shipped")
    offered = [name for name in WEIGHTS if name not in missing]
    left, right = st.columns([3, 3], vertical_alignment="bottom")
    choice = left.segmented_control(
        "Backbone weights",
        offered,
        default=begins_with(backbone_key(recipe.name), own),
        required=True,
        format_func=lambda weights: WEIGHTS[weights],
        key=backbone_key(recipe.name),
        persist_state="session",
        help=_weights_help(offered, published),
    )
    if choice == "imagenet" and published:
        st.caption(f"From {published.credit}; {published.megabytes} MB, downloaded the first time.")
    if choice != "file":
        return ([] if choice == own else [f"backbone_weights={choice}"]), ""
    file_key = backbone_file_key(recipe.name)
    path = right.text_input(
        "Weights file, on this machine",
        begins_with(file_key, recipe.backbone_weights if own == "file" else ""),
        key=file_key,
        persist_state="session",
        placeholder="/home/me/backbone.weights.h5",
        max_chars=1000,
    ).strip()
    if not path:
        return [], "Name the file with the backbone's weights, or choose others."
    try:
        file = typed(path)
    except DatasetError:
        return [], f"There is no file {path}."
    override = f"backbone_weights={settings.as_toml(str(file))}"
    return [override], ("" if os.path.isfile(file) else f"There is no file {path}.")


def _weights_help(offered: Sequence[str], published: Published | None) -> str:
    file = ", or timm's `model.safetensors`" if published else ""
    ways = [WEIGHTS_HELP[name].format(file) for name in offered]
    return " ".join(["What the backbone starts from.", *ways])


def _device() -> tuple[runs.Device, str]:
    """The device, and how it is asked for: where there is no choice, by "auto", so that the command takes a
    GPU on a machine that has one."""
    found = runs.devices()
    by_id = {device.id: device for device in found}
    if len(found) == 1:
        return found[0], "auto"
    chosen = st.selectbox(
        "Device",
        list(by_id),
        key=Key.DEVICE,
        persist_state="session",
        format_func=lambda device_id: _in_words(by_id[device_id]),
    )
    device = by_id.get(chosen, found[0])
    return device, device.id


def _shared_batch(recipe: Recipe, device: runs.Device) -> str:
    """Says what several GPUs make of batch size and learning rate; returns what is wrong with it."""
    gpus = runs.gpu_count(device.id)
    if problem := runs.uneven_batch(recipe.batch_size, gpus):
        return problem
    if gpus > 1:
        st.caption(
            f":material/call_split: Each step takes {runs.batch_in_words(recipe.batch_size, gpus)}, and the"
            f" learning rate stays {wording.learning_rates(recipe.to_dict())}: the run learns what it would"
            " on one GPU. A larger batch_size keeps them busier, and usually wants a higher rate."
        )
    return ""


def _in_words(device: runs.Device) -> str:
    used, total = size(device.memory_used), size(device.memory_total)
    load = "" if device.load is None else f", {device.load:.0%} busy"
    return f"{device.name}: {used} of {total} memory in use{load}"


def _name(recipe_name: str, all_runs: Sequence[runs.Run]) -> tuple[str, bool]:
    """The name of the run, and whether it is taken. The one proposed stays while the form is filled in."""
    there = {run.id for run in all_runs}
    proposed = page_state().proposed_names
    if recipe_name not in proposed:
        proposed[recipe_name] = _free_name(recipe_name, there)
    default = proposed[recipe_name]
    run_id = st.text_input(
        "Name of the run", default, key=run_name_key(default), persist_state="session", max_chars=100
    ).strip()
    return run_id, run_id in there


def _free_name(recipe_name: str, there: set[str]) -> str:
    """The recipe's name with the lowest number that no run has."""
    names_in_order = (f"{recipe_name}-{number}" for number in count(1))
    return next(name for name in names_in_order if name not in there)


def _resolved(text: str) -> str:
    try:
        return str(typed(text)) if text.strip() else ""
    except DatasetError:
        return ""
