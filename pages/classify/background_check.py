"""Pictures judged one small batch after another, in a thread: however many there are, the page stays free."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from detector.near_duplicates import thumbnail
from pages.classify import file_facts
from pages.classify.classify_state import PictureResult
from ui import pictures

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from detector.classifier import Classifier
    from detector.images import Photo
    from ui.pictures import Picture

BATCH = 4
"""Pictures at a time: whoever else needs the network, for a map of the open picture, waits for no more."""

ABANDONED = 120.0
"""Seconds after which a check that no page asks for ends: its tab was closed. Browsers wake a page in a
hidden tab once a minute."""


class BackgroundCheck:
    """Judges pictures in order and hands each result to ``keep``, in its own thread.

    version: of the model. Goes on from the moment it is made until all are judged, ``cancel`` is called, or
    ``is_on`` was not called for ``ABANDONED`` seconds; either way it stops before its next batch. error: what
    the network raised, which ends it too.
    """

    def __init__(
        self,
        classifier: Classifier,
        version: str,
        to_check: Sequence[Picture],
        keep: Callable[[PictureResult], None],
    ):
        self.version = version
        self.error: Exception | None = None
        self._classifier, self._keep = classifier, keep
        self._pictures = list(to_check)
        self._ids = {picture.id for picture in to_check}
        self._cancelled = threading.Event()
        self._asked = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="check", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """False once nothing more will come of it; ``error`` says whether that was meant to be."""
        return self._thread.is_alive()

    def is_on(self, to_check: Sequence[Picture], version: str) -> bool:
        """Whether these pictures are, or will be, judged by that model."""
        self._asked = time.monotonic()
        mine = version == self.version and self._ids.issuperset(picture.id for picture in to_check)
        return mine and self.running and not self._cancelled.is_set()

    def wait(self, seconds: float) -> None:
        """Until it ends, but no longer than that."""
        self._thread.join(seconds)

    def cancel(self) -> None:
        """Stop before the next batch."""
        self._cancelled.set()

    def _run(self) -> None:
        try:
            for start in range(0, len(self._pictures), BATCH):
                if self._cancelled.is_set() or time.monotonic() - self._asked > ABANDONED:
                    return
                for result in judged(self._classifier, self._pictures[start : start + BATCH]):
                    self._keep(result)
        except Exception as error:  # of the network; a file that cannot be read is a result
            self.error = error


def judged(classifier: Classifier, batch: Sequence[Picture]) -> Iterator[PictureResult]:
    """What the model says of pictures, in order."""
    results = classifier.analyse_files(partial(_read, picture, classifier.bundle) for picture in batch)
    for picture, result in zip(batch, results, strict=True):
        readable = result.analysis is not None
        appearance = thumbnail(pictures.decoded(picture).pixels) if readable else None
        yield PictureResult(picture, result, appearance)


def _read(picture: Picture, bundle: Bundle) -> Photo:
    """Called in a thread, so that pixels, thumbnail and file facts are there when they are needed. Raises
    ImageReadError."""
    photo = pictures.for_model(picture, bundle)
    pictures.thumbnail(picture)
    file_facts.of(picture)
    return photo
