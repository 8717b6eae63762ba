"""The states of a run, and how far and how fast it is, in words."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import streamlit as st

from detector.practice_set import is_practice_set
from train import runs
from train.recipes import STAGES, StageName
from train.runs import Phase, RunState
from ui.quantities import duration

PHASES = tuple(Phase)

Colour = Literal["gray", "blue", "orange", "green", "red"]


class StateLook(NamedTuple):
    """How a state is shown: the colour and icon of its badge, and what it means for the user."""

    colour: Colour
    icon: str
    meaning: str


STATES = {
    RunState.QUEUED: StateLook(
        "gray",
        ":material/hourglass_empty:",
        "It starts by itself when the device is free. Nothing needs to stay open.",
    ),
    RunState.RUNNING: StateLook(
        "blue",
        ":material/sync:",
        "It goes on without this page: closing the browser or the app does not end it.",
    ),
    RunState.STOPPING: StateLook("orange", ":material/pause_circle:", ""),
    RunState.COMPLETED: StateLook(
        "green",
        ":material/check_circle:",
        "The model is ready: look at it on Evaluate, then promote it.",
    ),
    RunState.FAILED: StateLook(
        "red",
        ":material/error:",
        "Once the cause is gone, resume: it goes on from its last checkpoint. The log has the details.",
    ),
    RunState.STOPPED: StateLook(
        "gray",
        ":material/stop_circle:",
        "Resume goes on from its checkpoint, with the very batches it would have seen.",
    ),
    RunState.LOST: StateLook(
        "orange",
        ":material/link_off:",
        "Resume goes on from the last checkpoint; at most a few minutes of training are gone.",
    ),
    RunState.DAMAGED: StateLook("red", ":material/broken_image:", "Look into its folder, or delete it."),
}


ELSEWHERE = (
    "For another machine, say one with a GPU: install Telltale there, copy the pictures, and put their folder"
    " after `--data`. `--device auto` takes the first GPU, and says so in the log's first lines."
)
"""Below a command, for whoever takes it elsewhere."""


def badge(state: RunState) -> None:
    """The state as a coloured label with its icon."""
    look = STATES[state]
    st.badge(state.title, icon=look.icon, color=look.colour)


def practised(run: runs.Run) -> bool:
    """Whether it trains on a practice set; said of one that still waits, too."""
    return run.practice or bool(run.data) and is_practice_set(run.data)


def practice_badge() -> None:
    """For what was made to practise with, pictures and runs alike."""
    st.badge("Practice", icon=":material/school:", color="orange")


def stage_title(stage: str) -> str:
    """A stage of training, or a phase before or after it, as people call it; of what is none, what was
    written."""
    if stage in PHASES:
        return Phase(stage).title
    return StageName(stage).title if stage in STAGES else stage[:40]


def counted(count: int, thing: str) -> str:
    """For instance "1 source", "1,200 sources"."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def learning_rates(recipe: dict[str, Any]) -> str:
    """Of the stages that train, the highest of each: "0.001, then 0.0001"; "" where nothing says it."""
    rates = []
    for name in STAGES:
        stage = recipe.get(name)
        if isinstance(stage, dict) and _number(stage, "epochs") and (rate := _number(stage, "learning_rate")):
            rates.append(f"{rate:g}")
    return ", then ".join(rates)


def progress(written: dict[str, Any], over: bool = False) -> tuple[float, str]:
    """The share of its stage or phase that is done, and a line about it, from a run's ``progress.json``;
    whatever that lacks is left out. Of a run that is over there is no rate and no time left.
    """
    stage = written.get("stage")
    share, words = _of_phase(written) if stage in PHASES else _of_stage(written)
    if isinstance(stage, str):
        words = [stage_title(stage), *words]
    if not over:
        words += _pace(written)
    return min(max(share, 0.0), 1.0), " · ".join(words)


def _of_stage(written: dict[str, Any]) -> tuple[float, list[str]]:
    epoch, epochs = _number(written, "epoch"), _number(written, "epochs")
    step, steps = _number(written, "step"), _number(written, "steps")
    share, words = 0.0, []
    if epoch and epochs:
        words.append(f"epoch {epoch:.0f} of {epochs:.0f}")
        if step is not None and steps:
            words.append(f"step {step:.0f} of {steps:.0f}")
            share = (epoch - 1 + step / steps) / epochs
    return share, words


def _of_phase(written: dict[str, Any]) -> tuple[float, list[str]]:
    done, total = _number(written, "done"), _number(written, "total")
    if done is None or not total:
        return 0.0, []
    return done / total, [f"picture {done:,.0f} of {total:,.0f}"]


def _pace(written: dict[str, Any]) -> list[str]:
    """How fast it goes, and how long still."""
    words = []
    if rate := _number(written, "images_per_second"):
        digits = 0 if rate >= 10 else 1
        words.append(f"{rate:.{digits}f} images/s")
    left = _number(written, "seconds_left_at_most")
    if left is not None:
        words.append(f"at most {duration(left)} left")
    return words


def _number(written: dict[str, Any], name: str) -> float | None:
    value = written.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < 1e12 else None
