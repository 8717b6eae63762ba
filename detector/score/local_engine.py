"""Scoring on this machine: threads decode what comes next while the network works on a batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice

import pyarrow as pa

from detector.classifier import Classifier, Source
from detector.images import ImageReadError, Photo
from detector.score.archive_files import ArchiveFiles
from detector.score.listing import ListedPicture, pictures_of
from detector.score.scored_table import scored, scored_table

Part = tuple[int, pa.Table]


def score_here(
    parts: Iterable[Part], classifier: Classifier, files: ArchiveFiles, workers: int | None = None
) -> Iterator[Part]:
    """(number, part of the list) -> (number, part of the predictions table), in order. No more is held in
    memory than two parts and what is decoded ahead. workers: threads that decode."""
    begun: deque[Part] = deque()

    def sources() -> Iterator[Source]:
        for number, listed in parts:
            begun.append((number, listed))
            for picture in pictures_of(listed):
                yield partial(photo_of, classifier, files, picture)

    results = classifier.analyse_files(sources(), workers)
    for first in results:
        number, listed = begun.popleft()
        rows = [scored(first), *map(scored, islice(results, len(listed) - 1))]
        yield number, scored_table(listed, rows)


def photo_of(classifier: Classifier, files: ArchiveFiles, picture: ListedPicture) -> Photo:
    """Decode one picture of the list for that classifier. Raises ImageReadError."""
    if picture.error:
        raise ImageReadError(picture.error)
    return classifier.read(files.source(picture.name, picture.offset, picture.size))
