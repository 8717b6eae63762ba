"""Images -> logits, probabilities and attention, in one compiled forward pass."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from detector.bundle import Bundle, BundleError, find, load_network, read_bundle
from detector.evaluation.calibration import calibrated
from detector.explain import Heatmap, received, rollout
from detector.images import IMAGE_SUFFIXES, ImageReadError, Photo, read_image
from detector.preprocessing import Region

BATCH_SIZE = 32


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
        import keras
        import tensorflow as tf

        if keras.config.backend() != "tensorflow":
            raise BundleError(f"Keras is set to run on {keras.config.backend()}; the classifier needs KERAS_BACKEND=tensorflow.")
        self.bundle = bundle
        self.network = load_network(bundle)
        size = bundle.preprocessing.size
        self._forward = tf.function(
            lambda images: self.network(tf.cast(images, tf.float32), training=False),
            input_signature=[tf.TensorSpec((None, size, size, 3), tf.uint8)],
        )
        self._lock = threading.Lock()

    @classmethod
    def load(cls, name_or_path: str | os.PathLike | None = None) -> Classifier:
        """The bundle of that name in ``weights/`` or at that path, or the default one. Raises BundleError."""
        return cls(read_bundle(find(name_or_path)))

    def warm_up(self) -> None:
        """Compile the forward pass on an empty image."""
        self.forward(np.zeros((1, self.bundle.preprocessing.size, self.bundle.preprocessing.size, 3), np.uint8))

    def forward(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """uint8 (N, size, size, 3) model inputs -> logits float32 (N,) and attention float32 (N, layers, heads, n, n) or None."""
        with self._lock:
            outputs = self._forward(images)
            attention = outputs["attention"].numpy() if "attention" in outputs else None
            return outputs["logit"].numpy()[:, 0], attention

    def analyse(self, photo: Photo | np.ndarray) -> Analysis:
        """Analyse one photo, given as a :class:`Photo` or as uint8 (H, W, 3) RGB."""
        pixels = photo.pixels if isinstance(photo, Photo) else photo
        logits, attention = self.forward(self.bundle.preprocessing(pixels)[None])
        return self._analysis(pixels.shape[:2], logits[0], None if attention is None else attention[0])

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
