"""From a folder, or a CSV file, to a dataset: find, examine, split."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from detector.datasets.dataset import (
    COLUMNS,
    FACT_PREFIX,
    PRACTICE_MARK,
    TEACHER_SCORE,
    Dataset,
    DatasetError,
    Pairs,
    counted,
)
from detector.datasets.exclusions import exclusions
from detector.datasets.files import on_disk, require_some, without_repeats
from detector.datasets.folders import Tally
from detector.datasets.layouts import existing, find
from detector.datasets.measuring import measure_files
from detector.datasets.splits import (
    check_classes,
    manifest_hash,
    pairs,
    small_splits,
    with_splits,
    without_leaks,
)
from detector.near_duplicates import joined_groups, looks_alike
from detector.printable import printable

NOT_LOOKED_FOR = "Near-duplicates were not looked for, so copies of one picture may lie in different splits."
VAL_FRACTION = TEST_FRACTION = 0.1


@dataclass(frozen=True, eq=False)
class Examined:
    """The images of a dataset before they are split.

    root, layout: as in `Dataset`. rows: as in `Dataset`, "" where the dataset says nothing of a split; only
    images that can be used. measurements: `MEASUREMENT` (n,), one for each row, or None if no file was
    opened. unreadable: as in `Dataset`. notes: sentences the user should see. excluded: images that an
    exclusion list left out.
    """

    root: Path
    layout: str
    rows: pd.DataFrame
    measurements: np.ndarray | None
    unreadable: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    both_labels: Pairs
    excluded: int = 0


def load_dataset(
    root: str | os.PathLike,
    *,
    seed: int = 0,
    val_fraction: float = VAL_FRACTION,
    test_fraction: float = TEST_FRACTION,
    check_files: bool = True,
    exclude: str | os.PathLike | None = None,
    progress: Callable[[int, int], None] | None = None,
    found: Callable[[int], None] | None = None,
) -> Dataset:
    """Find, label, check and split the images under ``root`` (a folder, or a CSV file whose paths start at
    its own folder).

    Splits that the dataset brings are kept; a missing val or test is cut from train by whole near-duplicate
    groups, stratified by source and class, and depends on nothing but ``seed``, ids, labels and groups.
    ``test_fraction=0`` cuts no test. Training images that have a near-duplicate in another split are dropped,
    and ``notes`` says how many.

    ``check_files`` decodes every image (on all cores, about 1-5 ms each, once: see `measurement_cache`): what
    cannot be read is listed in ``unreadable`` and left out, and near-duplicates are computed where the
    manifest does not name them. Without it, only existence is checked. ``exclude`` names an exclusion list
    that counts instead of the one beside the dataset. ``progress(done, total)`` is called from the calling
    thread while images are decoded, ``found(files)`` while folders are searched. What they raise ends the
    work.

    ``both_labels`` is known only with ``check_files``.

    Raises DatasetError if there is nothing to train on or the labels cannot be told.
    """
    if not (val_fraction > 0 and test_fraction >= 0 and val_fraction + test_fraction < 1):
        raise DatasetError(
            "The validation share must be above 0, the test share at least 0, and together they must stay"
            " below 1."
        )
    examined = examine(root, check_files=check_files, exclude=exclude, progress=progress, found=found)
    return split_dataset(examined, seed, val_fraction, test_fraction)


def examine(
    root: str | os.PathLike,
    *,
    check_files: bool = True,
    exclude: str | os.PathLike | None = None,
    progress: Callable[[int, int], None] | None = None,
    found: Callable[[int], None] | None = None,
) -> Examined:
    """Find, label and check the images under ``root``; the arguments are those of ``load_dataset``. One class
    is enough. Raises DatasetError if there is no image or the labels cannot be told."""
    labelled = find(existing(root), Tally(found))
    every = without_repeats(labelled.rows)
    listed, notes_on_excluded = exclusions(labelled.root, exclude).applied_to(every)
    if listed.empty and len(every):
        raise DatasetError(
            f"Every image in {printable(labelled.root)} is on the exclusion list. Take some off it."
        )
    rows, missing = on_disk(labelled.root, listed)
    unreadable = [*labelled.unreadable, *missing]
    notes = [*labelled.notes, *notes_on_excluded]
    require_some(rows, unreadable, labelled.root)
    measurements, both_labels = None, Pairs()
    if check_files:
        measured = measure_files(labelled.root, rows, progress)
        rows, measurements = measured.rows, measured.measurements
        unreadable += measured.failures
        require_some(rows, unreadable, labelled.root)
        both_labels = pairs(rows["id"], contents(measurements), rows["y_true"])
    unnamed = rows["group"] == ""
    if measurements is not None and unnamed.any():
        rows = rows.assign(group=groups_of(rows, looks_alike(measurements["grey"])))
    elif unnamed.any():
        rows = rows.assign(group=rows["group"].where(~unnamed, rows["id"]))
        notes.append(NOT_LOOKED_FOR)
    return Examined(
        root=labelled.root,
        layout=labelled.layout,
        rows=rows,
        measurements=measurements,
        unreadable=tuple(sorted(unreadable)),
        notes=tuple(notes),
        both_labels=both_labels,
        excluded=len(every) - len(listed),
    )


def contents(measurements: np.ndarray) -> np.ndarray:
    """Strings (n,), equal for files that show the same pixels."""
    return np.array([content.tobytes() for content in measurements["content"]], dtype=object)


def split_dataset(
    examined: Examined,
    seed: int = 0,
    val_fraction: float = VAL_FRACTION,
    test_fraction: float = TEST_FRACTION,
) -> Dataset:
    """Every image into one split, as ``load_dataset`` describes. Raises DatasetError where no training and
    validation split with both classes can be had."""
    rows, notes = examined.rows, list(examined.notes)
    across_splits = pairs(rows["id"], rows["group"], rows["split"].replace("", "train"))
    rows, dropped = without_leaks(rows)
    if dropped:
        notes.append(
            f"{counted(dropped, 'training image')} left out: near-duplicates of images in val, test or"
            " unseen."
        )
    brought = frozenset(rows["split"])
    rows = with_splits(rows, seed, val_fraction, test_fraction)
    notes += check_classes(rows, brought)
    if examined.unreadable:
        notes.append(f"{counted(len(examined.unreadable), 'image')} left out: missing or unreadable.")
    practice = (examined.root / PRACTICE_MARK).is_file()
    if practice:
        notes.append(
            "This is a practice set: what is trained on it knows nothing about real AI-generated pictures."
        )
    facts = [name for name in rows.columns if name == TEACHER_SCORE or str(name).startswith(FACT_PREFIX)]
    rows = rows[[*COLUMNS, *facts]].astype({"y_true": np.int8}).reset_index(drop=True)
    return Dataset(
        root=examined.root,
        layout=examined.layout,
        rows=rows,
        unreadable=examined.unreadable,
        manifest_hash=manifest_hash(rows),
        notes=tuple(notes),
        practice=practice,
        both_labels=examined.both_labels,
        across_splits=across_splits,
        small_splits=tuple(small_splits(rows)),
    )


def labelled_images(root: str | os.PathLike) -> list[tuple[Path, int]]:
    """(path, y_true) of every image that ``load_dataset`` would look at, by id, none of them opened: nothing
    is split, so a few are enough, and one class too. Raises DatasetError if the labels cannot be told.
    """
    labelled = find(existing(root), Tally(None))
    listed, _ = exclusions(labelled.root).applied_to(without_repeats(labelled.rows))
    rows, missing = on_disk(labelled.root, listed)
    require_some(rows, [*labelled.unreadable, *missing], labelled.root)
    paths = [labelled.root / id for id in rows["id"]]
    return list(zip(paths, map(int, rows["y_true"]), strict=True))


def groups_of(rows: pd.DataFrame, alike: np.ndarray) -> pd.Series:
    """The group of every row: the manifest's where it names one, else the smallest id among the
    near-duplicates.

    alike: as of ``looks_alike``. A near-duplicate of an image that has a named group joins that group.
    """
    roots = joined_groups(alike, rows["group"].tolist())
    joined = pd.Series(roots, rows.index)
    named = rows["group"].where(rows["group"] != "").groupby(joined).transform("first")
    return named.where(named.notna(), rows["id"].take(roots).set_axis(rows.index))
