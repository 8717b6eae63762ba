"""The training loss within epochs, in ``steps.csv``: what there is to see of a run before its first epoch
ends."""

from __future__ import annotations

import time

from train.runs import RunDirectory

SECONDS = 1.0
"""Between rows, at first."""
ROWS_PER_E_FOLD = 1000
"""Rows become rarer, so that a run that takes e times as long has this many more: six thousand a day."""


class LossTrace:
    """Adds rows of ``epochs`` (how many were done, with the part of the present one), ``stage`` and ``loss``,
    the mean over all steps since the row before."""

    def __init__(self, run: RunDirectory):
        self._run = run
        self._began = self._last = time.monotonic()
        self._losses: list[float] = []

    def add(self, epochs: float, stage: str, loss: float) -> None:
        """One step's loss. Raises OSError."""
        self._losses.append(loss)
        now = time.monotonic()
        if now - self._last >= max(SECONDS, (now - self._began) / ROWS_PER_E_FOLD):
            mean = sum(self._losses) / len(self._losses)
            self._run.append_steps({"epochs": f"{epochs:.5f}", "stage": stage, "loss": f"{mean:.5g}"})
            self._last = now
            self._losses.clear()
