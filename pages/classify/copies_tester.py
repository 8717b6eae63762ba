"""Damaged copies of all pictures, judged in the background, one picture after another."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from detector.perturbation_test import judge_perturbed_copies
from ui import pictures
from ui.pictures import Picture

if TYPE_CHECKING:
    from detector.classifier import Analysis, Classifier
    from detector.perturbation_test import PerturbedVerdict

LEASE = 8.0
"""Seconds for which the work goes on without being asked for: nobody works for a page that was closed."""


class CopiesTester:
    """Of one visitor. Its results are kept until ``forget_all_but``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[Picture, Analysis, str, Classifier]] = []
        self._judged: dict[tuple[str, str], list[PerturbedVerdict]] = {}
        self._until = 0.0
        self._thread: threading.Thread | None = None

    def copies(self, picture: Picture, version: str) -> list[PerturbedVerdict] | None:
        """What the model of that version says of copies of ``picture``, without heatmaps; None if it was not
        asked yet."""
        return self._judged.get((picture.id, version))

    @property
    def count(self) -> int:
        """Pictures whose copies were judged."""
        return len(self._judged)

    @property
    def busy(self) -> bool:
        return self._thread is not None

    @property
    def paused(self) -> bool:
        """Whether nobody has asked for anything since the last pause."""
        return not self._until

    def ask(self, untested: Sequence[tuple[Picture, Analysis]], version: str, classifier: Classifier) -> None:
        """These pictures are to be tested, in this order, and no others."""
        with self._lock:
            self._waiting = [(picture, analysis, version, classifier) for picture, analysis in untested]
        self.keep_going()

    def keep_going(self) -> None:
        """Somebody still waits for it."""
        with self._lock:
            self._until = time.monotonic() + LEASE
            if self._thread is None and self._waiting:
                self._thread = threading.Thread(target=self._work, name="test-copies", daemon=True)
                self._thread.start()

    def pause(self) -> None:
        """Let others at the network; what is under way is finished."""
        with self._lock:
            self._until = 0.0

    def forget_all_but(self, picture_ids: set[str]) -> None:
        """Let go of pictures that were taken away."""
        for key in list(self._judged):
            if key[0] not in picture_ids:
                self._judged.pop(key, None)

    def _work(self) -> None:
        while task := self._next():
            picture, analysis, version, classifier = task
            try:
                photo = pictures.for_copies(picture, classifier.bundle)
                copies, _ = judge_perturbed_copies(classifier, photo, analysis)
            except Exception:  # whatever it is, the other pictures still get their turn
                logging.getLogger(__name__).exception("The copies of a picture could not be judged")
                continue
            self._judged[picture.id, version] = [replace(copy, heatmap=None) for copy in copies]

    def _next(self) -> tuple[Picture, Analysis, str, Classifier] | None:
        with self._lock:
            if self._waiting and time.monotonic() < self._until:
                return self._waiting.pop(0)
            self._thread = None
            return None
