"""How long this will take, said beside the form. Never guessed: where nothing was measured yet, measuring is offered."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from detector.survey import Survey
from train import runs
from train.recipes import Recipe
from ui.text import plain
from ui.train import rate
from ui.train.rate import Rates
from ui.train.words import duration


def show(
    recipe_name: str, overrides: Sequence[str], recipe: Recipe, survey: Survey | None, device: runs.Device, all_runs: Sequence[runs.Run]
) -> None:  # fmt: skip
    """A sentence about the device and the time, and a button where nothing is known."""
    where = "" if device.gpu else f"**No GPU is used**: it trains on the processor ({plain(device.name, limit=80)}), which is slow. "
    rates, source = _rates(recipe, device, all_runs)
    images = survey.counts.get("train", {}) if survey else {}
    needed = rate.seconds(recipe, sum(images.values()), rates)
    with st.container(horizontal=True, vertical_alignment="center"):
        if needed is not None:
            words = f"{where}All epochs take about **{duration(needed)}**, less if a stage ends early; the rate is that of {source}."
        elif not survey and not recipe.sampling.images_per_epoch:
            words = f"{where}How long it takes is said once the pictures were counted."
        else:
            words = f"{where}How long it takes was not measured here yet, for this network and these settings."
        st.markdown(f":material/{'memory' if device.gpu else 'timer'}: {words}", width="stretch")
        measurable = (survey or recipe.sampling.images_per_epoch) and not runs.readonly() and not any(run.live for run in all_runs)
        if needed is None and measurable and st.button("Measure it", icon=":material/speed:", key="measure"):
            with st.spinner("Training a few steps to see how fast this machine is: a minute or two", show_time=True):
                found = rate.measured(recipe_name, overrides, recipe, device.id)
            if not found:
                st.warning("The measurement failed. Starting the run will say why.", icon=":material/speed:")
                return
            _kept()[_kind(recipe, device)] = found
            st.rerun()


def _rates(recipe: Recipe, device: runs.Device, all_runs: Sequence[runs.Run]) -> tuple[Rates, str]:
    if rates := _kept().get(_kind(recipe, device)):
        return rates, "a measurement on this machine"
    earlier = ((run.device, run.recipe, run.metrics(), _steps(run)) for run in all_runs[:50])
    return rate.of_earlier_runs(recipe, device.id, earlier), "earlier runs on this machine"


def _steps(run: runs.Run) -> int:
    steps = run.progress.get("steps")
    return steps if isinstance(steps, int) and 0 < steps < 10**9 else 0


def _kind(recipe: Recipe, device: runs.Device) -> tuple:
    arguments = tuple(sorted(recipe.architecture_arguments.items()))
    stages = tuple((getattr(recipe, stage).unfreeze, getattr(recipe, stage).epochs > 0) for stage in rate.STAGES)
    return device.id, recipe.architecture, arguments, recipe.batch_size, stages


@st.cache_resource(show_spinner=False)
def _kept() -> dict[tuple, Rates]:
    """What was measured since the app started."""
    return {}
