"""Scoring on a Ray cluster: a pool of actors that each hold the model and take a part of the list at a time.

Only this process writes: a part counts when its table has come back. The part of an actor that dies with its
worker goes to another one, so nothing is lost and nothing doubled. The archive and the bundle must be
reachable from every worker under the same path or URL.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from detector.printable import first_line
from detector.score.errors import ScoreError
from detector.score.local_engine import Part

MOST_TRIES = 3
"""Of one part: a picture that ends every process that reads it would end one after the other."""


class PartScorer:
    """What an actor is: the model, and the archive as its worker sees it."""

    def __init__(self, bundle: str, root: str):
        """Raises BundleError, ScoreError."""
        from detector.bundle import read_bundle
        from detector.classifier import Classifier
        from detector.score.archive_files import files_at

        self._classifier, self._files = Classifier(read_bundle(bundle)), files_at(root)

    def ready(self) -> None:
        """Answers once the model is loaded."""

    def score(self, number: int, listed: pa.Table) -> pa.Table:
        """A part of the list -> that part of the predictions table."""
        from detector.score.local_engine import score_here

        ((_, table),) = score_here([(number, listed)], self._classifier, self._files)
        return table


def score_on_ray(
    parts: Iterator[Part], bundle: str, root: str, actors: int | None = None, address: str | None = None
) -> Iterator[Part]:
    """(number, part of the list) -> (number, part of the predictions table), as they are done. actors: how
    many, else one a core of the cluster. Raises ScoreError if it cannot be reached, or its workers keep
    dying."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports to its makers otherwise
    import ray

    started_here = not ray.is_initialized()
    if started_here:
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except Exception as error:  # no cluster at that address, or another version of Ray or Python
            raise ScoreError(f"The Ray cluster cannot be reached: {first_line(error)}.") from error
    count = actors or max(1, int(ray.cluster_resources().get("CPU", 1)))
    pool = ActorPool(ray.remote(num_cpus=1)(PartScorer), (bundle, root), count)
    try:
        yield from pool.score(parts)
    finally:
        pool.end()
        if started_here:
            ray.shutdown()


class ActorPool:
    """Actors and what each of them is at; one that died is replaced."""

    def __init__(self, remote_class: Any, arguments: tuple[str, str], count: int):
        self._class, self._arguments = remote_class, arguments
        self._at: dict[Any, tuple[Any, Part | None]] = {}  # by the answer that is waited for
        self._idle: list[Any] = []
        self._again: deque[Part] = deque()
        self._tries: dict[int, int] = {}
        self._failed_starts = 0
        for _ in range(count):
            self._start()

    def score(self, parts: Iterator[Part]) -> Iterator[Part]:
        """As ``score_on_ray``."""
        import ray

        more = True
        while True:
            while self._idle and (more or self._again):
                part = self._again.popleft() if self._again else next(parts, None)
                if part is None:
                    more = False
                else:
                    self._give(self._idle.pop(), part)
            if not (more or self._again or any(part for _, part in self._at.values())):
                return
            (answer,), _ = ray.wait(list(self._at), num_returns=1)
            actor, part = self._at.pop(answer)
            try:
                table = ray.get(answer)
            except ray.exceptions.RayActorError as error:
                self._replace(part, error)
                continue
            except ray.exceptions.RayTaskError as error:
                raise ScoreError(f"A worker failed: {_last_line(error.cause)}") from error
            self._idle.append(actor)
            self._failed_starts = 0
            if part:
                yield part[0], table

    def end(self) -> None:
        """Let every actor go."""
        import ray

        for actor in [*self._idle, *(actor for actor, _ in self._at.values())]:
            ray.kill(actor)

    def _start(self) -> None:
        actor = self._class.remote(*self._arguments)
        self._at[actor.ready.remote()] = (actor, None)

    def _give(self, actor: Any, part: Part) -> None:
        self._at[actor.score.remote(*part)] = (actor, part)

    def _replace(self, part: Part | None, error: Exception) -> None:
        if part is None:
            self._failed_starts += 1
            tries = self._failed_starts
        else:
            tries = self._tries[part[0]] = self._tries.get(part[0], 0) + 1
            self._again.append(part)
        if tries > MOST_TRIES:
            raise ScoreError(f"The workers keep dying; the last one: {_last_line(error)}") from error
        self._start()


def _last_line(error: Any) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]
