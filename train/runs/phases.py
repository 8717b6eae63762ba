"""What a run does besides training, each a phase of its own with a count of pictures: before it, checking
them; after it, judging them and writing the model."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Any

from train.runs.directory import RunDirectory

WRITE_SECONDS = 1.0


class Phase(StrEnum):
    """In their order; the values stand in ``progress.json``, as "stage"."""

    CHECKING = "checking"
    CALIBRATING = "calibrating"
    TESTING = "testing"
    TESTING_PERTURBED = "testing perturbed"
    CLOSING = "closing"

    @property
    def title(self) -> str:  # type: ignore[override]  # nobody needs the method of str
        return _TITLES[self]


_TITLES = {
    Phase.CHECKING: "Checking the pictures",
    Phase.CALIBRATING: "Calibrating on validation",
    Phase.TESTING: "Testing",
    Phase.TESTING_PERTURBED: "Testing perturbed copies",
    Phase.CLOSING: "Writing the model",
}


class PhaseProgress:
    """Writes into ``progress.json`` how far a phase is, about once a second and whenever another begins."""

    def __init__(self, run: RunDirectory):
        self._run = run
        self._phase: Phase | None = None
        self._began = self._written = 0.0

    def __call__(self, phase: Phase, done: int = 0, total: int = 0) -> None:
        """done, total: pictures; 0 of 0 where there are none to count."""
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._began = phase, now
        elif now - self._written < WRITE_SECONDS and done < total:
            return
        self._written = now
        content: dict[str, Any] = {"stage": phase, "done": done, "total": total}
        seconds = now - self._began
        if done and seconds > 0:  # a phase may be done when it is first heard of
            content["images_per_second"] = round(done / seconds, 2)
            content["seconds_left_at_most"] = round((total - done) * seconds / done)
        self._run.write("progress.json", content)
