"""How long this will take, said beside the form. Never guessed: where nothing was measured yet, measuring
is offered."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from detector.datasets.dataset_scan import DatasetScan
from pages.train import rate
from pages.train.measurement import Measurement, measurements
from pages.train.page_state import Key
from pages.train.rate import Rates
from train import runs
from train.recipes import Recipe
from ui.quantities import duration
from ui.text import plain

MOST_LOOKED_AT = 50
"""Earlier runs, the latest first."""
POLL_SECONDS = 0.5


def show(
    recipe_name: str,
    overrides: Sequence[str],
    recipe: Recipe,
    scan: DatasetScan | None,
    device: runs.Device,
    all_runs: Sequence[runs.Run],
) -> None:
    """A sentence about the device and the time, and a button where nothing is known."""
    rates, source = _rates(recipe, device, all_runs)
    images = scan.counts.get("train", {}) if scan else {}
    needed = rate.seconds(recipe, sum(images.values()), rates)
    images_are_counted = bool(scan or recipe.sampling.images_per_epoch)
    with st.container(horizontal=True, vertical_alignment="center"):
        if needed is not None:
            words = (
                f"All epochs take about **{duration(needed)}**, less if a stage ends early; the rate is that"
                f" of {source}."
            )
        elif images_are_counted:
            words = "How long it takes was not measured here yet, for this network and these settings."
        else:
            words = "How long it takes is said once the pictures were counted."
        icon = "memory" if device.gpu else "timer"
        st.markdown(f":material/{icon}: {_slow(device)}{words}", width="stretch")
        busy = any(run.live for run in all_runs)
        measurable = images_are_counted and not runs.readonly() and not busy
        going = measurements().now
        if going and going.kind == _kind(recipe, device) and not going.rates:
            _show_measurement(going)
        elif needed is None and measurable:
            _offer_measurement(recipe_name, overrides, recipe, device)


def _slow(device: runs.Device) -> str:
    """A warning, where there is no GPU."""
    if device.gpu:
        return ""
    name = plain(device.name, limit=80)
    return f"**No GPU is used**: it trains on the processor ({name}), which is slow. "


def _offer_measurement(
    recipe_name: str, overrides: Sequence[str], recipe: Recipe, device: runs.Device
) -> None:
    if not st.button("Measure it", icon=":material/speed:", key=Key.MEASURE):
        return
    measurement = Measurement(_kind(recipe, device))
    if measurements().begin(measurement):
        measurement.start(recipe_name, overrides, recipe, device.id)
        st.rerun()
    st.caption("Another measurement is going on this machine. Try again in a minute.")


def _show_measurement(measurement: Measurement) -> None:
    """How far it is, with a way to end it; or why it found nothing, once."""
    if measurement.done.is_set():
        measurements().now = None
        st.caption(f":material/speed: {measurement.problem}")
    else:
        _follow(measurement)


@st.fragment(run_every=POLL_SECONDS)
def _follow(measurement: Measurement) -> None:
    if measurement.done.is_set():
        st.rerun()
    words = "Training a few steps to see how fast this machine is"
    st.markdown(f":material/speed: {words}: {duration(measurement.seconds)} of a minute or two.")
    st.button("Cancel", icon=":material/close:", key=Key.MEASURE_NOT, on_click=measurement.cancel)


def _rates(recipe: Recipe, device: runs.Device, all_runs: Sequence[runs.Run]) -> tuple[Rates, str]:
    kind, known = _kind(recipe, device), measurements()
    if known.now and known.now.rates:
        known.rates[known.now.kind] = known.now.rates
    if rates := known.rates.get(kind):
        return rates, "a measurement on this machine"
    earlier = map(_as_seen, all_runs[:MOST_LOOKED_AT])
    return rate.of_earlier_runs(recipe, device.id, earlier), "earlier runs on this machine"


def _as_seen(run: runs.Run) -> tuple[str, dict, list[dict], int]:
    """What ``rate.of_earlier_runs`` takes."""
    rows = run.metrics()
    return run.device, run.recipe, rows, _steps(run, rows)


def _steps(run: runs.Run, rows: list[dict]) -> int:
    """Of an epoch; runs of earlier versions say it in their progress alone."""
    said = (rows[-1] if rows else {}).get("steps") or run.progress.get("steps")
    return int(said) if isinstance(said, (int, float)) and 0 < said < 10**9 else 0


def _kind(recipe: Recipe, device: runs.Device) -> tuple:
    """What a measurement is of."""
    settings = recipe.to_dict()
    return device.id, *((stage, rate.kind(settings, stage)) for stage in rate.trained(recipe))
