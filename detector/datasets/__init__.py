"""Find and label the images of a dataset on disk, and give every one of them a split.

`load_dataset` recognises four layouts by itself:

* ``manifest``: a ``manifest.csv`` with the columns ``file,label`` and, if known, ``split, source, generator, kind, paired, group``
* ``csv``: ``file_name,label`` with 1 = AI-generated, as in Kaggle's "AI vs. Human-Generated Images"
* ``split folders``: ``train|val|test`` folders that each hold class folders, as in CIFAKE
* ``class folders``: one folder per class, ``ai/`` and ``real/`` or any other name in `AI_NAMES` and `REAL_NAMES`

Class and split folders may also lie inside one folder per source, as in GenImage. Symbolic links to folders are not followed.

Near-duplicates are what makes a split lie: a picture in train and its re-encoded copy in test. Unless the manifest names the
groups, they are computed from a 64-bit dhash, and no group is ever allowed on both sides of train.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from detector.datasets.dataset import CLASS_TITLES, COLUMNS, FACT_PREFIX, PRACTICE_MARK, SPLITS, Dataset, DatasetError, counted
from detector.datasets.files import decode, on_disk, require_some, without_repeats
from detector.datasets.folders import Tally
from detector.datasets.layouts import existing, find
from detector.datasets.left_out import leave_out, source_folds
from detector.datasets.names import AI_NAMES, REAL_NAMES, SPLIT_NAMES
from detector.datasets.near_duplicates import dhash, groups_of, near_duplicate_groups, thumbnail
from detector.datasets.splits import check_classes, manifest_hash, with_splits, without_leaks
from detector.images import Photo

__all__ = [
    "AI_NAMES", "CLASS_TITLES", "COLUMNS", "FACT_PREFIX", "NOT_LOOKED_FOR", "PRACTICE_MARK", "REAL_NAMES", "SPLITS", "SPLIT_NAMES",
    "Dataset", "DatasetError", "dhash", "labelled_images", "leave_out", "load_dataset", "near_duplicate_groups", "source_folds", "thumbnail",
]  # fmt: skip

NOT_LOOKED_FOR = "Near-duplicates were not looked for, so copies of one picture may lie in different splits."


def load_dataset(
    root: str | os.PathLike,
    *,
    seed: int = 0,
    val_fraction: float = 0.1,
    test_fraction: float = 0.1,
    check_files: bool = True,
    progress: Callable[[int, int], None] | None = None,
    found: Callable[[int], None] | None = None,
    inspect: Callable[[str, Photo], None] | None = None,
) -> Dataset:
    """Find, label, check and split the images under ``root`` (a folder, or a CSV file whose paths start at its own folder).

    Splits that the dataset brings are kept; a missing val or test is cut from train by whole near-duplicate groups, stratified by
    source and class, and depends on nothing but ``seed``, ids, labels and groups. ``test_fraction=0`` cuts no test. Training images
    that have a near-duplicate in another split are dropped, and ``notes`` says how many.

    ``check_files`` decodes every image (in threads, about 1-5 ms each): what cannot be read is listed in ``unreadable`` and left out, and
    near-duplicates are computed where the manifest does not name them. Without it, only existence is checked.
    ``progress(done, total)`` is called from the calling thread while images are decoded, ``found(files)`` while folders are searched, and
    ``inspect(id, photo)`` from any thread for each image that was decoded. What they raise ends the work.

    Raises DatasetError if there is nothing to train on or the labels cannot be told.
    """
    if not (val_fraction > 0 and test_fraction >= 0 and val_fraction + test_fraction < 1):
        raise DatasetError(
            "The validation share must be above 0, the test share at least 0, and together they must stay below 1."
        )
    root, layout, rows, notes = find(existing(root), Tally(found))
    rows, unreadable = on_disk(root, without_repeats(rows))
    require_some(rows, unreadable, root)

    if check_files:
        hash_them = not (rows["group"] != "").all()
        rows, fingerprints, failures = decode(root, rows, hash_them, progress, inspect)
        unreadable += failures
        require_some(rows, unreadable, root)
        if hash_them:
            rows = rows.assign(group=groups_of(rows, *fingerprints))
    elif (rows["group"] == "").any():
        rows = rows.assign(group=rows["group"].where(rows["group"] != "", rows["id"]))
        notes.append(NOT_LOOKED_FOR)

    rows, dropped = without_leaks(rows)
    if dropped:
        notes.append(f"{counted(dropped, 'training image')} left out: near-duplicates of images in val, test or unseen.")
    brought = frozenset(rows["split"])
    rows = with_splits(rows, seed, val_fraction, test_fraction)
    notes += check_classes(rows, brought)
    if unreadable:
        notes.append(f"{counted(len(unreadable), 'image')} left out: missing or unreadable.")
    practice = (root / PRACTICE_MARK).is_file()
    if practice:
        notes.append("This is a practice set: what is trained on it knows nothing about real AI-generated pictures.")
    facts = [name for name in rows if name.startswith(FACT_PREFIX)]
    rows = rows[[*COLUMNS, *facts]].astype({"y_true": np.int8}).reset_index(drop=True)
    return Dataset(root, layout, rows, tuple(sorted(unreadable)), manifest_hash(rows), tuple(notes), practice)


def labelled_images(root: str | os.PathLike) -> list[tuple[Path, int]]:
    """(path, y_true) of every image that ``load_dataset`` would look at, by id, none of them opened: nothing is split, so a few are enough, and one
    class too. Raises DatasetError if the labels cannot be told.
    """
    root, _, rows, _ = find(existing(root), Tally(None))
    rows, missing = on_disk(root, without_repeats(rows))
    require_some(rows, missing, root)
    return [(root / id, int(y_true)) for id, y_true in zip(rows["id"], rows["y_true"], strict=True)]
