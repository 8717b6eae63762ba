"""A measurement of the rate on its way, in a thread: it can be cancelled, and makes room for a run by
itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import streamlit as st

from pages.train import rate
from pages.train.rate import Rates
from train import runs
from train.recipes import Recipe

RUNS_SECONDS = 1.0
"""How often it is looked whether a run has started."""
FAILED = "The measurement failed. Starting the run will say why."
CANCELLED = "The measurement was cancelled."
MADE_ROOM = "The measurement ended, because a run has started."


@dataclass
class Measurement:
    """One, of settings of a ``kind``. rates: what it found, once it is done. problem: why that is nothing."""

    kind: tuple
    began: float = field(default_factory=time.monotonic)
    rates: Rates = field(default_factory=dict)
    problem: str = ""
    done: threading.Event = field(default_factory=threading.Event)
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _looked: float = 0.0

    def start(self, recipe_name: str, overrides: Sequence[str], recipe: Recipe, device: str) -> None:
        """Begin, in a thread of its own."""

        def work() -> None:
            self._work(lambda: rate.measure(recipe_name, list(overrides), recipe, device, self._should_stop))

        threading.Thread(target=work, name="measure the rate", daemon=True).start()

    def cancel(self) -> None:
        """End it soon; what it has started ends with it."""
        self._end(CANCELLED)

    def make_room(self) -> None:
        """The same, for a run that is about to start; returns once the machine is free."""
        self._end(MADE_ROOM)
        self.done.wait(10)

    @property
    def seconds(self) -> float:
        """How long it has been going."""
        return time.monotonic() - self.began

    def _work(self, measure: Callable[[], Rates]) -> None:
        try:
            self.rates = measure()
        except Exception:  # the disk is full, say
            self.rates = {}
        if not self.rates:
            self.problem = self.problem or FAILED
        self.done.set()

    def _end(self, why: str) -> None:
        self.problem = self.problem or why
        self._cancelled.set()

    def _should_stop(self) -> bool:
        if time.monotonic() - self._looked > RUNS_SECONDS:
            self._looked = time.monotonic()
            if a_run_is_live():
                self._end(MADE_ROOM)
        return self._cancelled.is_set()


def a_run_is_live() -> bool:
    """Whether anything trains or waits to."""
    try:
        return any(run.live for run in runs.all_runs())
    except runs.RunError:
        return False


@dataclass
class Measurements:
    """Of the whole app: one at a time, and what the earlier ones found since it started."""

    now: Measurement | None = None
    rates: dict[tuple, Rates] = field(default_factory=dict)

    def begin(self, measurement: Measurement) -> bool:
        """Whether it may start: no other one is going."""
        if self.now and not self.now.done.is_set():
            return False
        self.now = measurement
        return True

    def make_room(self) -> None:
        """End what is going, for a run."""
        if self.now and not self.now.done.is_set():
            self.now.make_room()


@st.cache_resource(show_spinner=False)
def measurements() -> Measurements:
    """All sessions share them."""
    return Measurements()
