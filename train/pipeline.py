"""From a dataset on disk to batches in memory: deterministic, in threads, resumable at any step."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import pandas as pd

from detector.datasets import CLASS_TITLES, TEACHER_SCORE, Dataset
from detector.images import ImageReadError, Photo, read_image
from detector.perturbations import AS_SENT
from detector.preprocessing import Preprocessing
from train.augmentation import augment, cutmix
from train.deliveries import deliver
from train.recipes import Recipe, RecipeError, Sampling

T = TypeVar("T")
Batch = tuple[np.ndarray, np.ndarray]
"""Pictures and the targets of training."""
READ_AHEAD = 4
"""Batches kept ready while the network works."""


def read_photo(dataset: Dataset, picture_id: str, short_side: int = 384) -> Photo:
    """An image that was readable when the dataset was scanned; raises an ImageReadError that names it if it
    no longer is.

    short_side: as ``read_image`` takes it.
    """
    try:
        return read_image(dataset.path(picture_id), short_side)
    except ImageReadError as error:
        raise ImageReadError(f"{picture_id} has become unreadable since this run began. {error}") from error


def read_as_sent(dataset: Dataset, picture_id: str) -> Photo:
    """A picture with its own pixels or, where they are too many to open safely, those of a reduced one.
    Raises ImageReadError as `read_photo` does."""
    try:
        return read_photo(dataset, picture_id, AS_SENT)
    except ImageReadError:
        return read_photo(dataset, picture_id)


class CanonicalImages:
    """Canonical pictures by row position; kept in memory up to a budget, read from disk again beyond it.
    Thread-safe."""

    def __init__(self, dataset: Dataset, rows: pd.DataFrame, preprocessing: Preprocessing, cache_gb: float):
        self._dataset, self._ids = dataset, rows["id"].tolist()
        self._preprocessing = preprocessing
        self._cache: dict[int, np.ndarray] = {}
        self._free = int(cache_gb * 2**30)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, position: int) -> np.ndarray:
        """uint8 (h, w, 3). Raises ImageReadError as `read_photo` does."""
        if (cached := self._cache.get(position)) is not None:
            return cached
        canonical = self._preprocessing.canonical(read_photo(self._dataset, self._ids[position]).pixels)
        with self._lock:
            if position not in self._cache and canonical.nbytes <= self._free:
                self._cache[position] = canonical
                self._free -= canonical.nbytes
        return canonical

    def delivered(self, position: int, rng: np.random.Generator) -> np.ndarray:
        """The canonical form of what a random delivery makes of a picture at its own size: read and made
        anew each time."""
        photo = read_as_sent(self._dataset, self._ids[position])
        return self._preprocessing.canonical(deliver(photo.pixels, rng))


class TrainingBatches:
    """Augmented batches. Which images come, and how they are changed, depends on (seed, stage, epoch,
    step) alone, so a resumed run sees exactly what an uninterrupted one would have."""

    def __init__(self, images: CanonicalImages, rows: pd.DataFrame, recipe: Recipe, size: int):
        self._images, self._recipe, self._size = images, recipe, size
        self._labels = rows["y_true"].to_numpy(np.float32)
        self._targets = targets(rows, recipe.teacher_weight)
        self._shares = sampling_shares(rows, recipe.sampling)
        per_epoch = recipe.sampling.images_per_epoch or len(rows)
        self.steps = max(1, per_epoch // recipe.batch_size)

    def epoch(self, stage: int, epoch: int, first_step: int = 0) -> Generator[Batch, None, None]:
        """Batches of one epoch from ``first_step`` on: uint8 (B, size, size, 3) and float32 (B, 1), see
        ``targets``."""
        seed, size, settings = self._recipe.seed, self._recipe.batch_size, self._recipe.augmentation
        rng = np.random.default_rng([seed, stage, epoch])
        order = draw(self._shares, self.steps * size, rng)

        def sample(place: int) -> np.ndarray:
            rng = np.random.default_rng([seed, stage, epoch, place])
            sent = settings.delivery_probability and rng.random() < settings.delivery_probability
            canonical = self._images.delivered(order[place], rng) if sent else self._images[order[place]]
            return augment(canonical, self._size, settings, rng)

        def batch(step: int) -> Batch:
            places = range(step * size, (step + 1) * size)
            images = np.stack([sample(place) for place in places])
            chosen = order[places.start : places.stop]
            if settings.cutmix_probability:
                rng = np.random.default_rng([seed, stage, epoch, step, 1])
                images = cutmix(images, self._labels[chosen, None], settings.cutmix_probability, rng)
            return images, self._targets[chosen, None]

        return read_ahead(batch, range(first_step, self.steps), self._recipe.workers)


def evaluation_batches(
    images: CanonicalImages, size: int, batch_size: int, workers: int
) -> Iterator[np.ndarray]:
    """Central squares, in row order: uint8 (<= B, size, size, 3)."""

    def batch(start: int) -> np.ndarray:
        places = range(start, min(start + batch_size, len(images)))
        return np.stack([central_square(images[place], size) for place in places])

    return read_ahead(batch, range(0, len(images), batch_size), workers)


def central_square(canonical: np.ndarray, size: int) -> np.ndarray:
    """The square that ``Preprocessing.__call__`` cuts from the canonical form."""
    top, left = ((side - size) // 2 for side in canonical.shape[:2])
    return canonical[top : top + size, left : left + size]


def read_ahead(make: Callable[[int], T], keys: range, workers: int) -> Generator[T, None, None]:
    """``map(make, keys)`` with ``workers`` threads working at most READ_AHEAD items ahead. An error is
    raised where its item would come."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="read-ahead")
    begun: deque[Future[T]] = deque()
    try:
        for key in keys:
            begun.append(pool.submit(make, key))
            if len(begun) > READ_AHEAD:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def targets(rows: pd.DataFrame, teacher_weight: float) -> np.ndarray:
    """float32 (N,): the labels, mixed with what a teacher says of the picture where it says something. They
    stay on the label's side of one half, whatever the teacher says. Raises RecipeError if a teacher is to be
    listened to and says nothing of any."""
    labels = rows["y_true"].to_numpy(np.float32)
    if not teacher_weight:
        return labels
    says = rows.get(TEACHER_SCORE, pd.Series(np.nan, rows.index)).to_numpy(np.float32)
    if np.isnan(says).all():
        raise RecipeError(
            f"teacher_weight is {teacher_weight:g}, but no training image has a {TEACHER_SCORE} in the"
            " manifest (python -m train.teacher puts one there). Set it to 0 to train on the labels alone."
        )
    mixed = (1 - teacher_weight) * labels + teacher_weight * np.clip(says, 0.01, 0.99)
    return np.where(np.isnan(says), labels, mixed).astype(np.float32)


def sampling_shares(rows: pd.DataFrame, sampling: Sampling) -> np.ndarray:
    """float64 (N,) summing to 1: how often each training row is drawn under ``sampling``. Raises
    RecipeError if a class is never drawn."""
    paired = rows["paired"].to_numpy(bool)
    weights = np.where(paired, sampling.paired_weight, sampling.unpaired_weight).astype(np.float64)
    if sampling.balance_sources:
        class_of_source = rows.groupby(["source", "y_true"], dropna=False)["id"]
        sizes = class_of_source.transform("size").to_numpy(np.float64)
        weights *= sizes**-sampling.balance_sources
    for label in (0, 1):
        chosen = rows["y_true"].to_numpy() == label
        if not weights[chosen].sum():
            raise RecipeError(
                f"sampling.paired_weight or unpaired_weight is 0, so no {CLASS_TITLES[label]} training image"
                " would ever be drawn."
            )
        if sampling.balance_classes:
            weights[chosen] /= weights[chosen].sum()
    return weights / weights.sum()


def draw(shares: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """int64 (count,) positions in random order, row i drawn floor or ceil of ``count * shares[i]`` times
    (systematic resampling)."""
    shuffled = rng.permutation(len(shares))
    ends = np.cumsum(shares[shuffled])
    start = rng.random()
    evenly_spaced = (start + np.arange(count)) / count
    chosen = np.searchsorted(ends, evenly_spaced * ends[-1], side="right")
    return rng.permutation(shuffled[np.minimum(chosen, len(shares) - 1)])
