"""The states of a run, times and rates, in words."""

from __future__ import annotations

from typing import Any

import streamlit as st

from detector.practice import is_practice_set
from train import runs

STATES = {
    "queued": ("Queued", "gray", ":material/hourglass_empty:", "It starts by itself when the device is free. Nothing needs to stay open."),
    "running": ("Running", "blue", ":material/sync:", "It goes on without this page: closing the browser or the app does not end it."),
    "stopping": ("Stopping", "orange", ":material/pause_circle:", ""),
    "completed": ("Completed", "green", ":material/check_circle:", "The model is ready: look at it on Evaluate, then promote it."),
    "failed": ("Failed", "red", ":material/error:", "Once the cause is gone, resume: it goes on from its last checkpoint. The log has the details."),
    "stopped": ("Stopped", "gray", ":material/stop_circle:", "Resume goes on from its checkpoint, with the very batches it would have seen."),
    "lost": ("Lost", "orange", ":material/link_off:", "Resume goes on from the last checkpoint; at most a few minutes of training are gone."),
    "damaged": ("Damaged", "red", ":material/broken_image:", "Look into its folder, or delete it."),
}  # fmt: skip
"""State -> its name, the colour and icon of its badge, and what it means for the user."""

def badge(state: str) -> None:
    """The state as a coloured label with its icon."""
    name, colour, icon, _ = STATES[state]
    st.badge(name, icon=icon, color=colour)


def practised(run: runs.Run) -> bool:
    """Whether it trains on a practice set; said of one that still waits, too."""
    return run.practice or bool(run.data) and is_practice_set(run.data)


def practice_badge() -> None:
    """For what was made to practise with, pictures and runs alike."""
    st.badge("Practice", icon=":material/school:", color="orange")


def stage_name(stage: str) -> str:
    """A stage of training as people call it."""
    return {"frozen": "Frozen stage", "finetune": "Fine-tuning"}.get(stage, stage[:40])


def duration(seconds: float | None) -> str:
    """For instance "45 s", "3 min", "2 h 05 min"; a dash where it is not known."""
    if seconds is None or seconds != seconds or seconds < 0:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60:,} h {minutes % 60:02} min"


def size(count: float) -> str:
    """Bytes, for instance "1.2 MB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def progress(written: dict[str, Any], over: bool = False) -> tuple[float, str]:
    """The share of its stage that is done, and a line about it, from a run's ``progress.json``; whatever that lacks is left out. Of a run
    that is over there is no rate and no time left.
    """
    epoch, epochs, step, steps = (_number(written.get(name)) for name in ("epoch", "epochs", "step", "steps"))
    share, words = 0.0, []
    if isinstance(written.get("stage"), str):
        words.append(stage_name(written["stage"]))
    if epoch and epochs:
        words.append(f"epoch {epoch:.0f} of {epochs:.0f}")
        if step is not None and steps:
            words.append(f"step {step:.0f} of {steps:.0f}")
            share = (epoch - 1 + step / steps) / epochs
    if over:
        return min(max(share, 0.0), 1.0), " · ".join(words)
    if rate := _number(written.get("images_per_second")):
        words.append(f"{rate:.0f} images/s" if rate >= 10 else f"{rate:.1f} images/s")
    if (left := _number(written.get("seconds_left_at_most"))) is not None:
        words.append(f"at most {duration(left)} left")
    return min(max(share, 0.0), 1.0), " · ".join(words)


def _number(value: Any) -> float | None:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e12
    return float(value) if usable else None
