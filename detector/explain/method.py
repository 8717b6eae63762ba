"""What an explanation method is, and the job in which it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from detector.architectures.attention_head import TILE_LOGIT
from detector.engine import Engine
from detector.explain.heatmap import Cost, Heatmap
from detector.verdicts import Side

if TYPE_CHECKING:
    from detector.architectures import Architecture


BATCH = 8
"""Pictures through the network at a time. What a runtime holds for a batch it never gives back: 32 at a time
would take CLIP's tower 15% less time, and 400 MB more for as long as the app runs."""

QUICK_PICTURES = 8
"""A method that shows the network no more pictures than this for a map is quick: the map is there after a
glance."""


class Cancelled(Exception):
    """The job was stopped because nobody waits for it any more."""


class Unavailable(ValueError):
    """The method cannot explain this network; the message is a sentence for the user."""


class Job:
    """One explanation in the making: takes turns at the network, counts what it costs, tells how far it is,
    stops when asked to.

    progress(done, total): called after every batch, in pictures through the network. cancelled(): asked
    before every batch. beside: what the picture's tiles add to the logit of the whole, whatever is done to
    the whole; ``forward`` and ``logits`` include it.
    """

    def __init__(
        self,
        engine: Engine,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        beside: float = 0.0,
    ):
        self.engine, self.beside = engine, beside
        self._progress, self._cancelled = progress, cancelled
        self._done = self._total = self._backward = 0
        self._start = time.perf_counter()

    @property
    def cost(self) -> Cost:
        """So far."""
        return Cost(self._done, self._backward, time.perf_counter() - self._start)

    def expect(self, pictures: int) -> None:
        """So many more pictures will go through the network."""
        self._total += pictures

    def forward(self, image: np.ndarray) -> tuple[float, np.ndarray | None]:
        """One model input, uint8 (size, size, 3) -> its logit and attention float32 (layers, heads, n, n)
        or None."""
        logits, attention = self._run(1, partial(self.engine.forward, image[None]))
        return float(logits[0]) + self.beside, None if attention is None else attention[0]

    def outputs(self, image: np.ndarray, backward: bool = False) -> dict[str, np.ndarray]:
        """One model input -> all that ``Engine.outputs`` gives, without the axis of the batch. backward: a
        gradient is made of it."""
        outputs = self._run(1, partial(self.engine.outputs, image[None]))
        self._backward += backward
        return {name: value[0] for name, value in outputs.items()}

    def inside(self, make: Callable, image: np.ndarray, backward: bool = False) -> dict[str, np.ndarray]:
        """``Engine.inside`` on one model input, without the axis of the batch. backward: it takes a
        gradient."""
        outputs = self._run(1, partial(self.engine.inside, make, image[None]))
        self._backward += backward
        return {name: value[0] for name, value in outputs.items()}

    def logits(self, images: Iterable[np.ndarray], as_tiles: bool = False) -> np.ndarray:
        """Model inputs, uint8 (size, size, 3) each, made as they are needed -> their logits, float32 (N,).
        as_tiles: each is the only tile of itself, where the network judges tiles."""
        images = iter(images)
        batches = []
        while batch := list(islice(images, BATCH)):
            if as_tiles:
                outputs = self._run(len(batch), partial(self.engine.outputs, np.stack(batch)))
                of_batch, beside = outputs["logit"][:, 0], outputs.get(TILE_LOGIT, np.zeros((1, 1)))[:, 0]
            else:
                of_batch, _ = self._run(len(batch), partial(self.engine.forward, np.stack(batch)))
                beside = np.array(self.beside)
            batches.append((of_batch + beside).astype(np.float32))
        return np.concatenate(batches) if batches else np.zeros(0, np.float32)

    def _run(self, pictures: int, work: Callable):
        if self._cancelled and self._cancelled():
            raise Cancelled
        result = work()
        self._done += pictures
        if self._progress:
            self._progress(self._done, max(self._total, self._done))
        return result


@dataclass(frozen=True)
class Method:
    """An explanation method: all that the library and the pages know about it.

    name: stable, used in files. title: for people. sentence: what its map means. caption: what a map shows,
    in a few words; "{side}" in it becomes the side that the map is evidence for. signed: whether its maps
    are. pictures(n): how many pictures go through the network for a map of n patches.
    available(architecture): None, or the sentence why networks of that architecture cannot be explained so.
    run(job, image, towards): the map, still without its cost; for ``explain``, which says what goes in.
    """

    name: str
    title: str
    sentence: str
    caption: str
    signed: bool
    pictures: Callable[[int], int]
    available: Callable[[Architecture], str | None]
    run: Callable[[Job, np.ndarray, Side | None], Heatmap]

    def quick(self, n: int) -> bool:
        """Whether a map of n patches takes no longer than a glance."""
        return self.pictures(n) <= QUICK_PICTURES

    def caption_of(self, heatmap: Heatmap) -> str:
        """What this map, one of the method's, shows, in a few words."""
        side = Side(heatmap.towards).in_sentence if heatmap.towards else ""
        return self.caption.format(side=side)

    def explain(self, job: Job, image: np.ndarray, towards: Side | None = None) -> Heatmap:
        """The map of a model input, uint8 (size, size, 3).

        towards: None for the side the image is called; it matters only to unsigned maps of evidence. Raises
        Cancelled, and Unavailable, also where the architecture fits and the network's insides turn out not
        to.
        """
        if sentence := self.available(job.engine.bundle.architecture):
            raise Unavailable(sentence)
        before = job.cost
        heatmap = self.run(job, image, towards)
        after = job.cost
        cost = Cost(
            after.forward - before.forward,
            after.backward - before.backward,
            after.seconds - before.seconds,
        )
        return replace(heatmap, cost=cost)
