"""Images -> logits, probabilities and attention, in one compiled forward pass."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from itertools import islice, starmap
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detector.architectures.attention_head import TILE_LOGIT
from detector.bundle import Bundle, find_bundle, read_bundle
from detector.engine import BATCH_SIZE, Engine
from detector.explain import METHODS, Heatmap, Job
from detector.explain.attention_rollout import of_outputs
from detector.explain.faithfulness import RANDOM_PAIRS, Faithfulness, measure
from detector.explain.sanity import Sanity, ShuffledHead, check
from detector.images import (
    IMAGE_SUFFIXES,
    PLUGIN_SUFFIXES,
    ImageReadError,
    Photo,
    is_hidden,
    read_image,
)
from detector.preprocessing import Region
from detector.verdicts import Side, Verdict

if TYPE_CHECKING:
    import keras

LISTED_SUFFIXES = IMAGE_SUFFIXES | PLUGIN_SUFFIXES
"""Of the files in a folder that are analysed, or reported as unreadable."""

Progress = Callable[[int, int], None]
"""progress(done, total), in pictures through the network."""
Cancel = Callable[[], bool]
"""Whether to stop; asked before every batch."""
Source = bytes | str | os.PathLike | Callable[[], Photo]
"""A file: its bytes, its path, or a function that decodes it, called in a thread, as ``read_image`` does."""


@dataclass(frozen=True)
class JudgedTile:
    """What the model's second head says of a tile. region: where it lies in the photo."""

    region: Region
    logit: float


@dataclass(frozen=True)
class Analysis:
    """What the model says of one photo.

    y_score: calibrated P(AI-generated). logit: of the whole, plus the mean of its tiles' where the model
    looks at tiles. threshold: the one the verdict was judged by. heatmap: attention received by each patch of
    the whole. attention: float32 (n, n), row i is what patch i
    attends to; with one attention layer the head-averaged softmax itself, with several their rollout. Both
    are None for a network without attention. region: the part of the photo that the whole shows. bundle: the
    model's name. tiles: what is said of each tile. precision: see ``Engine.precision``.
    """

    verdict: Verdict
    y_score: float
    logit: float
    threshold: float
    heatmap: Heatmap | None
    attention: np.ndarray | None
    region: Region
    bundle: str
    tiles: tuple[JudgedTile, ...] = ()
    precision: str = "float32"

    @property
    def of_tiles(self) -> float:
        """What the tiles add to the logit of the whole."""
        return _mean([tile.logit for tile in self.tiles])


@dataclass(frozen=True)
class FileResult:
    """One file of many: either an analysis, or the sentence why there is none.

    path: as given, "" for bytes. width, height: of the upright picture in the file. notes: sentences the user
    should see. date: when it was looked at, in UTC.
    """

    path: str
    analysis: Analysis | None = None
    error: str | None = None
    width: int | None = None
    height: int | None = None
    notes: tuple[str, ...] = ()
    date: datetime = field(default_factory=lambda: datetime.now(UTC), compare=False)


@dataclass(frozen=True)
class _Prepared:
    """A file before its analysis. result: still without it. views: what the network gets, None if the file
    cannot be read. shape: height and width of the decoded photo."""

    result: FileResult
    views: np.ndarray | None = None
    shape: tuple[int, int] = (0, 0)


class Classifier:
    """A bundle ready to run. Safe to share between threads: a lock lets one batch through at a time.

    The first call compiles; ``warm_up`` does that ahead of time.
    """

    def __init__(self, bundle: Bundle):
        self.bundle = bundle
        self.engine = Engine(bundle)
        self._shuffle_lock = threading.Lock()
        # All maps of a picture, and what tests them, need the same tiles' logits.
        self._tile_logits = lru_cache(maxsize=8)(self._judge_tiles)

    @property
    def network(self) -> keras.Model:
        """The network in Keras, which starts TensorFlow where a compiled form runs. Raises BundleError."""
        return self.engine.network

    @classmethod
    def load(cls, name_or_path: str | os.PathLike | None = None) -> Classifier:
        """The bundle of that name in ``weights/`` or at that path, or the default one. Raises BundleError."""
        return cls(read_bundle(find_bundle(name_or_path)))

    def warm_up(self) -> None:
        """Compile the forward pass on an empty image."""
        size = self.bundle.preprocessing.size
        self.forward(np.zeros((1, size, size, 3), np.uint8))

    def forward(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """uint8 (N, size, size, 3) model inputs -> logits float32 (N,) and attention float32 (N, layers,
        heads, n, n) or None."""
        return self.engine.forward(images)

    def analyse(self, photo: Photo | np.ndarray) -> Analysis:
        """Analyse one photo, given as a :class:`Photo` or as uint8 (H, W, 3) RGB."""
        pixels = photo.pixels if isinstance(photo, Photo) else photo
        height, width = pixels.shape[:2]
        return self.analyse_views([self.bundle.preprocessing.views(pixels)], [(height, width)])[0]

    def analyse_views(
        self, views: Sequence[np.ndarray], shapes: Sequence[tuple[int, int]], at_once: int | None = None
    ) -> list[Analysis]:
        """Analyse photos by their views, uint8 (v, size, size, 3) each, see ``Preprocessing.views``;
        ``shapes`` are heights and widths of the photos they were cut from. at_once: as for
        ``Engine.outputs``."""
        outputs = self.engine.outputs(np.concatenate(views), at_once)
        analyses, first = [], 0
        for of_photo, shape in zip(views, shapes, strict=True):
            mine = {name: values[first : first + len(of_photo)] for name, values in outputs.items()}
            analyses.append(self._analysis(shape, mine))
            first += len(of_photo)
        return analyses

    def explain(
        self,
        photo: Photo | np.ndarray,
        method: str,
        *,
        towards: Side | None = None,
        progress: Progress | None = None,
        cancelled: Cancel | None = None,
    ) -> Heatmap:
        """The map of one photo by the method of that name in ``detector.explain.METHODS``.

        towards: ``Side`` or its value, "ai" or "real", for Grad-CAM, whose map is of evidence for one side;
        None for the side the photo is called. Other callers get at the network between batches. Raises
        KeyError for an unknown method, ValueError for another side, ``detector.explain.Unavailable`` with a
        sentence where the network cannot be explained so, and ``Cancelled`` once ``cancelled()`` says so.
        """
        chosen = METHODS[method]
        whole, beside = self.whole_and_tiles(photo)
        job = Job(self.engine, progress, cancelled, beside)
        job.expect(chosen.pictures(prod(self.bundle.architecture.grid)))
        return chosen.explain(job, whole, Side(towards) if towards else None)

    def faithfulness(
        self,
        photo: Photo | np.ndarray,
        heatmaps: Sequence[Heatmap],
        *,
        random_pairs: int = RANDOM_PAIRS,
        progress: Progress | None = None,
        cancelled: Cancel | None = None,
    ) -> list[Faithfulness]:
        """Deletion and insertion curves for maps of this photo, all against the same random orders; see
        ``detector.explain.faithfulness``.

        Raises Cancelled.
        """
        whole, beside = self.whole_and_tiles(photo)
        job = Job(self.engine, progress, cancelled, beside)
        return measure(job, whole, heatmaps, random_pairs=random_pairs)

    def sanity_check(
        self,
        photo: Photo | np.ndarray,
        heatmap: Heatmap,
        *,
        progress: Progress | None = None,
        cancelled: Cancel | None = None,
    ) -> Sanity:
        """Whether a map of this photo changes when the head's weights are shuffled, in a second network; see
        ``detector.explain.sanity``.

        The first call builds that network, which takes some seconds. Raises Cancelled.
        """
        whole, beside = self.whole_and_tiles(photo)
        with self._shuffle_lock:
            job = Job(self._shuffled.engine, progress, cancelled, beside)
            method = METHODS[heatmap.method]
            return check(self._shuffled, job, whole, method, heatmap)

    @cached_property
    def _shuffled(self) -> ShuffledHead:
        return ShuffledHead(self.engine)

    def whole_and_tiles(self, photo: Photo | np.ndarray) -> tuple[np.ndarray, float]:
        """The view that maps explain, uint8 (size, size, 3), and what the tiles beside it add to its
        logit."""
        views, logits = self.views_and_tile_logits(photo)
        return views[0], _mean(logits)

    def views_and_tile_logits(self, photo: Photo | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All that the network sees of a photo, uint8 (1 + tiles, size, size, 3), and what it says of each
        tile, float32 (tiles,)."""
        views = self.bundle.preprocessing.views(photo.pixels if isinstance(photo, Photo) else photo)
        if len(views) == 1:
            return views, np.zeros(0, np.float32)
        return views, self._tile_logits(views[1:].tobytes())

    def _judge_tiles(self, tiles: bytes) -> np.ndarray:
        size = self.bundle.preprocessing.size
        images = np.frombuffer(tiles, np.uint8).reshape(-1, size, size, 3)
        return self.engine.outputs(images)[TILE_LOGIT][:, 0]

    def analyse_files(self, sources: Iterable[Source], workers: int | None = None) -> Iterator[FileResult]:
        """Analyse files in order, decoding the next ones in threads while the network works on a batch.

        A file that cannot be read yields a result with an error; the others are not affected.
        """
        workers = workers or min(4, (os.cpu_count() or 1) + 1)
        sources = iter(sources)
        waiting: deque[Future[_Prepared]] = deque()
        with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
            try:
                while True:
                    for source in islice(sources, 2 * BATCH_SIZE - len(waiting)):
                        waiting.append(pool.submit(self._prepare, source))
                    if not waiting:
                        return
                    in_batch = min(BATCH_SIZE, len(waiting))
                    batch = [waiting.popleft().result() for _ in range(in_batch)]
                    yield from self._analyse_batch(batch)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _prepare(self, source: Source) -> _Prepared:
        path = str(source) if isinstance(source, (str, os.PathLike)) else ""
        try:
            photo = source() if callable(source) else self.read(source)
        except ImageReadError as error:
            return _Prepared(FileResult(path, error=str(error)))
        result = FileResult(path, width=photo.width, height=photo.height, notes=photo.notes)
        height, width = photo.pixels.shape[:2]
        return _Prepared(result, self.bundle.preprocessing.views(photo.pixels), (height, width))

    def read(self, source: bytes | str | os.PathLike) -> Photo:
        """A file, decoded with as many pixels as the model needs. Raises ImageReadError."""
        return read_image(source, self.bundle.preprocessing.decoded_short_side)

    def _analyse_batch(self, batch: Sequence[_Prepared]) -> Iterator[FileResult]:
        views, shapes = [], []
        for prepared in batch:
            if prepared.views is not None:
                views.append(prepared.views)
                shapes.append(prepared.shape)
        analyses = iter(self.analyse_views(views, shapes) if views else ())
        for prepared in batch:
            if prepared.views is None:
                yield prepared.result
            else:
                yield replace(prepared.result, analysis=next(analyses))

    def _analysis(self, shape: tuple[int, int], outputs: Mapping[str, np.ndarray]) -> Analysis:
        """outputs: what the network answers for each view of one photo."""
        bundle = self.bundle
        whole = {name: values[0] for name, values in outputs.items()}
        heatmap, attention = of_outputs(whole, bundle)
        regions = bundle.preprocessing.tile_regions(*shape)
        logits = outputs[TILE_LOGIT][1:, 0].tolist() if regions else []
        tiles = tuple(starmap(JudgedTile, zip(regions, logits, strict=True)))
        logit = float(whole["logit"][0]) + _mean(logits)
        y_score = bundle.y_score(logit)
        return Analysis(
            bundle.verdict(y_score),
            y_score,
            logit,
            bundle.threshold,
            heatmap,
            attention,
            bundle.preprocessing.region(*shape),
            bundle.name,
            tiles,
            self.engine.precision,
        )


def _mean(logits: Sequence[float] | np.ndarray) -> float:
    """0 for none."""
    return float(np.mean(logits)) if len(logits) else 0.0


def image_files(paths: Iterable[str | os.PathLike]) -> list[Path]:
    """Files as given, and for each folder the images below it by suffix, sorted, without hidden ones and what
    zip files from a Mac carry.

    HEIC, AVIF and JPEG XL files are listed on a machine that cannot read them, too: better an error for each
    than a folder that looks checked and is not.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += sorted(file for file in path.rglob("*") if _is_listed(file, path))
        else:
            found.append(path)
    return found


def _is_listed(file: Path, folder: Path) -> bool:
    """Whether a file below a folder is an image to analyse."""
    hidden = is_hidden(file.relative_to(folder).parts)
    return not hidden and file.suffix.lower() in LISTED_SUFFIXES and file.is_file()
