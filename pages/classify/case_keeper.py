"""Writes the case of a session to where it is kept, beside the work of the page."""

from __future__ import annotations

import threading
from collections.abc import Callable

from detector import kept_cases
from detector.case_files import CaseError
from detector.cases import Case


class Keeper:
    """Keeps the latest case of a session, in a thread: what is outdated before its turn is never written.

    problem: why the last one could not be kept, as a sentence; "" if it was. kept: the key under which it
    was; None before that.
    """

    def __init__(self) -> None:
        self.problem = ""
        self.kept: str | None = None
        self._latest: tuple[Callable[[], Case], str] | None = None
        self._thread: threading.Thread | None = None
        self._lock, self._work = threading.Lock(), threading.Lock()

    def keep(self, make: Callable[[], Case], key: str) -> None:
        """Have ``make()`` kept under ``key``."""
        with self._lock:
            self._latest = (make, key)
        self._thread = threading.Thread(target=self._keep_latest, daemon=True, name="keep-case")
        self._thread.start()

    def wait(self) -> None:
        """Until the latest case is kept, or cannot be."""
        if self._thread is not None:
            self._thread.join()

    def forget(self, key: str) -> None:
        """Delete what is kept under ``key``, and what is on its way there."""
        with self._lock:
            self._latest = None
        self.kept = None
        with self._work:
            kept_cases.forget(key)

    def _keep_latest(self) -> None:
        with self._work:
            with self._lock:
                latest, self._latest = self._latest, None
            if latest is None:  # another thread has done it
                return
            make, key = latest
            try:
                kept_cases.keep(make(), key)
                self.problem, self.kept = "", key
            except CaseError as error:
                self.problem = str(error)
            except OSError as error:
                self.problem = f"Nothing can be written to its folder: {error.strerror or error}."
