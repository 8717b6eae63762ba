"""A look at a whole dataset before anything is trained on it: what a run would find there, which files are
broken, what is there twice, and what gives the classes away.

The folder's name comes from whoever types it, and the folder from anywhere: whatever is wrong with either
becomes a DatasetError, whose text is for the user.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from detector.datasets.dataset import PRACTICE_MARK, Dataset, DatasetError
from detector.datasets.duplicates import (
    Duplicates,
    both_labels_reasons,
    find_duplicates,
    leak_reasons,
    leaks,
    split_counts,
)
from detector.datasets.image_facts import facts
from detector.datasets.layouts import typed
from detector.datasets.loading import Examined, contents, examine, split_dataset
from detector.datasets.mean_spectrum import MeanSpectrum, mean_spectrum, patch_side
from detector.datasets.sample_images import sample_places
from detector.datasets.shortcut_audit import ShortcutAudit, audit_shortcuts
from detector.near_duplicates import joined_groups, looks_alike

COUNTING, CHECKING = "counting", "checking"
MOST_IMAGES = 1_000_000
"""What fits into memory with room to spare: about 500 bytes an image."""
SPECTRUM_PICTURES = 200
"""Of each class: the mean of more looks the same."""

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, eq=False)
class DatasetScan:
    """What lies in a dataset.

    examined: the images that can be used, measured. dataset: as a run would get it; None where
    ``cannot_train`` is the sentence why there can be none. alike: int (n,), equal for rows of ``examined``
    that are near-duplicates. seed: of the splits that are cut.
    """

    examined: Examined
    dataset: Dataset | None
    cannot_train: str
    alike: np.ndarray
    seed: int = 0

    @property
    def root(self) -> Path:
        """The dataset's own folder, which may lie inside the one that was named."""
        return self.examined.root

    @property
    def layout(self) -> str:
        """As in `Dataset`."""
        return self.examined.layout

    @property
    def rows(self) -> pd.DataFrame:
        """As in `Examined`."""
        return self.examined.rows

    @property
    def measurements(self) -> np.ndarray:
        """`MEASUREMENT` (n,), one for each row."""
        assert self.examined.measurements is not None
        return self.examined.measurements

    @property
    def unreadable(self) -> tuple[tuple[str, str], ...]:
        """(relative path, sentence) of every image that cannot be used."""
        return self.examined.unreadable

    @property
    def y_true(self) -> np.ndarray:
        """(n,), 1 = AI-generated."""
        return self.rows["y_true"].to_numpy()

    @property
    def practice(self) -> bool:
        """Whether it is a practice set."""
        return (self.root / PRACTICE_MARK).is_file()

    @property
    def both_classes(self) -> bool:
        """Without both, there is nothing to compare."""
        return len(np.unique(self.y_true)) == 2

    @property
    def brings_splits(self) -> bool:
        """Whether the dataset itself says where any image belongs."""
        return bool((self.rows["split"] != "").any())

    @property
    def counts(self) -> dict[str, dict[int, int]]:
        """Split -> images of each class, {0: real, 1: AI-generated}, as a run would have them."""
        return split_counts(self.dataset.rows if self.dataset else self.rows)

    @property
    def images(self) -> int:
        """How many can be used, in all splits together."""
        return sum(sum(of_class.values()) for of_class in self.counts.values())

    def of_class(self, y_true: int) -> int:
        """How many images of a class can be used, in all splits together."""
        return sum(of_class[y_true] for of_class in self.counts.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences the user should see, those on splits too small to judge by among them."""
        if self.dataset is None:
            return self.examined.notes
        return (*self.dataset.notes, *self.dataset.small_splits)

    @cached_property
    def sources(self) -> pd.DataFrame:
        """A row for each source, the largest first: ``source`` and its images, ``real`` and ``ai``."""
        counts = pd.crosstab(self.rows["source"], self.y_true).reindex(columns=[0, 1], fill_value=0)
        counts = counts.set_axis(["real", "ai"], axis=1)
        order = counts.sum(axis=1).sort_values(ascending=False, kind="stable").index
        return counts.loc[order].rename_axis("source").reset_index()

    @cached_property
    def facts(self) -> pd.DataFrame:
        """As `image_facts.facts` makes it."""
        return facts(self.measurements)

    @cached_property
    def duplicates(self) -> Duplicates:
        return find_duplicates(self.rows, contents(self.measurements), self.alike)

    @cached_property
    def leaks(self) -> pd.DataFrame:
        """As `duplicates.leaks` makes it, by near-duplicates and the manifest's own groups together."""
        return leaks(self.rows, self.groups)

    @cached_property
    def groups(self) -> np.ndarray:
        """int (n,): near-duplicates, and what the manifest puts into one group, share one."""
        return joined_groups(self.alike, self.rows["group"].tolist())

    @cached_property
    def without_leaks(self) -> Dataset:
        """The dataset without the images in ``leaks``. Raises DatasetError if too little is left to train
        on."""
        return split_dataset(replace(self.examined, rows=self.rows_without_leaks), self.seed)

    @property
    def rows_without_leaks(self) -> pd.DataFrame:
        """``rows`` without the images in ``leaks``."""
        kept = np.ones(len(self.rows), dtype=bool)
        kept[self.leaks["place"]] = False
        return self.rows[kept].reset_index(drop=True)

    def samples(self, y_true: int, count: int, source: str | None = None) -> list[Path]:
        """Paths of a few images of a class, as `sample_images.sample_places` chooses them."""
        places = sample_places(self.rows, count, y_true, source)
        return [self.root / id for id in self.rows["id"].iloc[places]]

    def audit(self) -> ShortcutAudit | None:
        """What gives the classes away; takes seconds. None where there is too little to tell."""
        return audit_shortcuts(self.rows, self.measurements, self.groups)

    def spectra(self, cancelled: Callable[[], bool] = lambda: False) -> dict[int, MeanSpectrum]:
        """y_true -> the mean spectrum of a sample of the class, for classes that have enough; takes
        seconds."""
        side = patch_side(self.facts[["width", "height"]].min(axis=1).to_numpy())
        if side is None:
            return {}
        made = {}
        for y_true in np.unique(self.y_true).tolist():
            paths = self.samples(y_true, SPECTRUM_PICTURES)
            if spectrum := mean_spectrum(paths, side, cancelled):
                made[y_true] = spectrum
        return made

    def exclusions(self) -> dict[str, list[tuple[str, str]]]:
        """What should be left out, by kind: (id, why) of the files that cannot be used, of the images that
        leak from one split into another, and of those that are there under both labels."""
        return {
            "unreadable": list(self.unreadable),
            "leaks": leak_reasons(self.rows, self.leaks),
            "both labels": both_labels_reasons(self.rows, self.duplicates),
        }


def scan_dataset(
    folder: str | os.PathLike,
    *,
    seed: int = 0,
    exclude: str | os.PathLike | None = None,
    progress: Progress | None = None,
) -> DatasetScan:
    """Look at a dataset as a run with this seed would, and further: every image is decoded, once (see
    `measurement_cache`).

    exclude: as of ``load_dataset``. ``progress(stage, done, total)`` is called from the calling thread: stage
    ``COUNTING``, with the image files found so far and None, then ``CHECKING``. What it raises ends the work;
    what was measured until then is kept. Raises DatasetError if there is no image, or no label can be told.
    """

    def found(files: int) -> None:
        _refuse_too_many(files)
        if progress:
            progress(COUNTING, files, None)

    def measured(done: int, total: int) -> None:
        _refuse_too_many(total)
        if progress:
            progress(CHECKING, done, total)

    examined = examine(typed(folder), exclude=exclude, found=found, progress=measured)
    dataset, cannot_train = None, ""
    try:
        dataset = split_dataset(examined, seed)
    except DatasetError as error:
        cannot_train = str(error)
    assert examined.measurements is not None
    alike = looks_alike(examined.measurements["grey"])
    return DatasetScan(examined, dataset, cannot_train, alike, seed)


def _refuse_too_many(images: int) -> None:
    if images > MOST_IMAGES:
        raise DatasetError(
            f"There are more than {MOST_IMAGES:,} images here. Give a folder inside this one, or a"
            " manifest.csv with fewer of them."
        )
