"""Images -> logits, probabilities and attention, in one compiled forward pass."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from math import prod
from pathlib import Path

import numpy as np

from detector.bundle import Bundle, find, read_bundle
from detector.engine import BATCH_SIZE, Engine
from detector.evaluation.calibration import calibrated
from detector.explain import METHODS, Heatmap, Job, faithfulness, received, rollout, sanity
from detector.images import IMAGE_SUFFIXES, ImageReadError, Photo, read_image
from detector.preprocessing import Region

Progress = Callable[[int, int], None]
"""progress(done, total), in pictures through the network."""
Cancel = Callable[[], bool]
"""Whether to stop; asked before every batch."""


@dataclass(frozen=True)
class Analysis:
    """What the model says of one photo.

    verdict: "ai", "real" or "unsure". y_score: calibrated P(AI-generated). threshold: the one the verdict was judged by.
    heatmap: attention received by each patch. attention: float32 (n, n), row i is what patch i attends to; with one attention
    layer the head-averaged softmax itself, with several their rollout. Both are None for a network without attention.
    region: the part of the photo the model saw. bundle: the model's name.
    """

    verdict: str
    y_score: float
    logit: float
    threshold: float
    heatmap: Heatmap | None
    attention: np.ndarray | None
    region: Region
    bundle: str


@dataclass(frozen=True)
class FileResult:
    """One file of many: either an analysis, or the sentence why there is none.

    path: as given, "" for bytes. width, height: of the upright picture in the file. notes: sentences the user should see.
    """

    path: str
    analysis: Analysis | None = None
    error: str | None = None
    width: int | None = None
    height: int | None = None
    notes: tuple[str, ...] = ()


class Classifier:
    """A bundle ready to run. Safe to share between threads: a lock lets one batch through at a time.

    The first call compiles; ``warm_up`` does that ahead of time.
    """

    def __init__(self, bundle: Bundle):
        self.bundle = bundle
        self.engine = Engine(bundle)
        self.network = self.engine.network
        self._shuffling = threading.Lock()

    @classmethod
    def load(cls, name_or_path: str | os.PathLike | None = None) -> Classifier:
        """The bundle of that name in ``weights/`` or at that path, or the default one. Raises BundleError."""
        return cls(read_bundle(find(name_or_path)))

    def warm_up(self) -> None:
        """Compile the forward pass on an empty image."""
        self.forward(np.zeros((1, self.bundle.preprocessing.size, self.bundle.preprocessing.size, 3), np.uint8))

    def forward(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """uint8 (N, size, size, 3) model inputs -> logits float32 (N,) and attention float32 (N, layers, heads, n, n) or None."""
        return self.engine.forward(images)

    def analyse(self, photo: Photo | np.ndarray) -> Analysis:
        """Analyse one photo, given as a :class:`Photo` or as uint8 (H, W, 3) RGB."""
        pixels = photo.pixels if isinstance(photo, Photo) else photo
        return self.analyse_inputs([self.bundle.preprocessing(pixels)], [pixels.shape[:2]])[0]

    def analyse_inputs(self, inputs: Sequence[np.ndarray], shapes: Sequence[tuple[int, int]]) -> list[Analysis]:
        """Analyse model inputs, uint8 (size, size, 3) each, in one pass; ``shapes`` are heights and widths of the photos they were cut from."""
        logits, attention = self.forward(np.stack(inputs))
        scores = [None] * len(inputs) if attention is None else attention
        return [self._analysis(*each) for each in zip(shapes, logits, scores, strict=True)]

    def explain(
        self, photo: Photo | np.ndarray, method: str, *, towards: str | None = None, progress: Progress | None = None, cancelled: Cancel | None = None
    ) -> Heatmap:
        """The map of one photo by the method of that name in ``detector.explain.METHODS``.

        towards: "ai" or "real", for Grad-CAM, whose map is of evidence for one side; None for the side the photo is called.
        Others get their turn at the network between batches. Raises KeyError for an unknown method, ``detector.explain.Unavailable`` with
        a sentence where the network cannot be explained so, and ``Cancelled`` once ``cancelled()`` says so.
        """
        chosen, job = METHODS[method], Job(self.engine, progress, cancelled)
        job.expect(chosen.pictures(prod(self.bundle.architecture.grid)))
        return chosen.explain(job, self._input(photo), towards)

    def faithfulness(
        self, photo: Photo | np.ndarray, heatmaps: Sequence[Heatmap], *, random_pairs: int = faithfulness.RANDOM_PAIRS,
        progress: Progress | None = None, cancelled: Cancel | None = None,
    ) -> list[faithfulness.Faithfulness]:  # fmt: skip
        """Deletion and insertion curves for maps of this photo, all against the same random orders; see ``detector.explain.faithfulness``.

        Raises Cancelled.
        """
        return faithfulness.measure(Job(self.engine, progress, cancelled), self._input(photo), heatmaps, random_pairs=random_pairs)

    def sanity(
        self, photo: Photo | np.ndarray, heatmap: Heatmap, *, progress: Progress | None = None, cancelled: Cancel | None = None
    ) -> sanity.Sanity:
        """Whether a map of this photo changes when the head's weights are shuffled, in a second network; see ``detector.explain.sanity``.

        The first call builds that network, which takes some seconds. Raises Cancelled.
        """
        with self._shuffling:
            job = Job(self._shuffled.engine, progress, cancelled)
            return sanity.check(self._shuffled, job, self._input(photo), METHODS[heatmap.method], heatmap)

    @cached_property
    def _shuffled(self) -> sanity.ShuffledHead:
        return sanity.ShuffledHead(self.bundle)

    def _input(self, photo: Photo | np.ndarray) -> np.ndarray:
        return self.bundle.preprocessing(photo.pixels if isinstance(photo, Photo) else photo)

    def analyse_files(self, sources: Iterable[bytes | str | os.PathLike], workers: int | None = None) -> Iterator[FileResult]:
        """Analyse files (paths, or their bytes) in order, decoding the next ones in threads while the network works on a batch.

        A file that cannot be read yields a result with an error; the others are not affected.
        """
        with ThreadPoolExecutor(workers or min(4, (os.cpu_count() or 1) + 1), thread_name_prefix="decode") as pool:
            sources = iter(sources)
            waiting: deque[Future] = deque()
            try:
                while True:
                    waiting.extend(pool.submit(self._prepare, source) for source in islice(sources, 2 * BATCH_SIZE - len(waiting)))
                    if not waiting:
                        return
                    yield from self._analyse_batch([waiting.popleft().result() for _ in range(min(BATCH_SIZE, len(waiting)))])
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _prepare(self, source: bytes | str | os.PathLike) -> tuple[FileResult, np.ndarray | None, tuple[int, int]]:
        """A result still without its analysis, the model input (None if the file cannot be read) and the decoded photo's height and width."""
        path = "" if isinstance(source, bytes) else str(source)
        try:
            photo = read_image(source)
        except ImageReadError as error:
            return FileResult(path, error=str(error)), None, (0, 0)
        result = FileResult(path, width=photo.width, height=photo.height, notes=photo.notes)
        return result, self.bundle.preprocessing(photo.pixels), photo.pixels.shape[:2]

    def _analyse_batch(self, batch: list[tuple[FileResult, np.ndarray | None, tuple[int, int]]]) -> Iterator[FileResult]:
        images = [image for _, image, _ in batch if image is not None]
        logits, attention = self.forward(np.stack(images)) if images else ((), None)
        position = 0
        for result, image, shape in batch:
            if image is not None:
                scores = None if attention is None else attention[position]
                result = replace(result, analysis=self._analysis(shape, logits[position], scores))
                position += 1
            yield result

    def _analysis(self, shape: tuple[int, int], logit: np.float32, scores: np.ndarray | None) -> Analysis:
        bundle = self.bundle
        heatmap = attention = None
        if scores is not None:
            residual = bool(bundle.arguments.get("residual", True))
            rolled = rollout(scores, residual)
            heatmap = received(rolled, bundle.architecture.grid)
            attention = scores[0].mean(axis=0) if len(scores) == 1 else rolled
        y_score = float(calibrated(logit, bundle.temperature))
        region = bundle.preprocessing.region(*shape)
        return Analysis(bundle.verdict(y_score), y_score, float(logit), bundle.threshold, heatmap, attention, region, bundle.name)


def image_files(paths: Iterable[str | os.PathLike]) -> list[Path]:
    """Files as given, and for each folder the images below it by suffix, sorted, without hidden ones and what zip files from a Mac carry.

    HEIC files, which cannot be read, are listed too: better an error for each than a folder that looks checked and is not.
    """
    suffixes = IMAGE_SUFFIXES | {".heic", ".heif"}
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = (file for file in path.rglob("*") if file.suffix.lower() in suffixes and file.is_file())
            found += sorted(file for file in inside if not any(part.startswith((".", "__MACOSX")) for part in file.relative_to(path).parts))
        else:
            found.append(path)
    return found
