"""Find and label the images of a dataset on disk, and give every one of them a split.

`load_dataset` recognises four layouts by itself:

* ``manifest``: a ``manifest.csv`` with the columns ``file,label`` and, if known, ``split, source,
  generator, kind, paired, group``
* ``csv``: ``file_name,label`` with 1 = AI-generated, as in Kaggle's "AI vs. Human-Generated Images"
* ``split folders``: ``train|val|test`` folders that each hold class folders, as in CIFAKE
* ``class folders``: one folder per class, ``ai/`` and ``real/`` or any other name in `AI_NAMES` and
  `REAL_NAMES`

Class and split folders may also lie inside one folder per source, as in GenImage. Symbolic links to folders
are not followed.

An exclusion list, `exclude.csv` beside the dataset, names images that are left out of all this.

Near-duplicates are what makes a split lie: a picture in train and its re-encoded copy in test. Unless the
manifest names the groups, they are computed from a 64-bit dhash, and no group is ever allowed on both sides
of train.
"""

from __future__ import annotations

from detector.datasets.concerns import concerns
from detector.datasets.dataset import (
    CLASS_TITLES,
    COLUMNS,
    FACT_PREFIX,
    PRACTICE_MARK,
    SPLITS,
    TEACHER_SCORE,
    Dataset,
    DatasetError,
    Pairs,
)
from detector.datasets.group_k_fold import leave_out, source_folds
from detector.datasets.layouts import typed
from detector.datasets.loading import NOT_LOOKED_FOR, labelled_images, load_dataset
from detector.datasets.names import AI_NAMES, REAL_NAMES, SPLIT_NAMES
from detector.datasets.splits import only
from detector.near_duplicates import dhash, near_duplicate_groups, thumbnail

__all__ = [
    "AI_NAMES",
    "CLASS_TITLES",
    "COLUMNS",
    "FACT_PREFIX",
    "NOT_LOOKED_FOR",
    "PRACTICE_MARK",
    "REAL_NAMES",
    "SPLITS",
    "SPLIT_NAMES",
    "TEACHER_SCORE",
    "Dataset",
    "DatasetError",
    "Pairs",
    "concerns",
    "dhash",
    "labelled_images",
    "leave_out",
    "load_dataset",
    "near_duplicate_groups",
    "only",
    "source_folds",
    "thumbnail",
    "typed",
]
