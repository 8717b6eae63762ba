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

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from PIL import Image

from detector.images import IMAGE_SUFFIXES, ImageReadError, read_image

COLUMNS = ("id", "y_true", "split", "source", "generator", "kind", "paired", "group")
SPLITS = ("train", "val", "test", "unseen")
# Manifest columns with this prefix say what a file was before it came into the dataset: its format, its size.
FACT_PREFIX = "original_"
CLASS_TITLES = {0: "real", 1: "AI-generated"}

# Names are compared without case, spaces and punctuation: "AI_Generated", "ai-generated" and "AI generated" are one name.
GENERATOR_NAMES = frozenset({
    "midjourney", "sd", "sd14", "sd15", "sd21", "sd3", "sdxl", "sdv4", "sdv5", "stablediffusion", "stablediffusionv14",
    "stablediffusionv15", "stablediffusionxl", "dalle", "dalle2", "dalle3", "flux", "imagen", "firefly", "gpt4o", "adm",
    "glide", "vqdm", "wukong", "biggan", "progan", "stylegan", "stylegan2", "stylegan3", "gan", "diffusion",
})  # fmt: skip
AI_NAMES = GENERATOR_NAMES | frozenset({
    "ai", "aigenerated", "aigen", "aiart", "aiartdata", "aiimage", "aiimages", "generated", "generatedimages",
    "generatedart", "fake", "fakes", "fakeimages", "fakeart", "1fake", "synthetic", "synthesized", "artificial",
    "deepfake", "deepfakes",
})  # fmt: skip
REAL_NAMES = frozenset({
    "real", "realart", "realartdata", "realimage", "realimages", "reals", "0real", "human", "humanmade", "humanart",
    "nature", "natural", "authentic", "genuine", "photo", "photos", "photograph", "photographs", "photography",
    "camera", "original",
})  # fmt: skip
SPLIT_NAMES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test", "unseen": "unseen",
}  # fmt: skip
FILE_COLUMNS = ("file", "file_name", "filename")
CANDIDATE_SUFFIXES = IMAGE_SUFFIXES | {
    ".heic",
    ".heif",
}  # not readable, but to be listed as such and not silently missed

UNKNOWN = "unknown"
MAX_DISTANCE = 4
# A hash with fewer than this many bits that differ from the rest belongs to a picture that is flat or one smooth gradient.
FLAT_BITS = 8
# dhash needs a 9 x 8 picture; this leaves JPEG its fast reduced-scale decoding and still averages out the choice of scale.
HASH_SHORT_SIDE = 64


class DatasetError(ValueError):
    """The dataset cannot be used; ``str(error)`` is one or two plain sentences for the user that say what to do."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images on disk, each with a split.

    ``rows`` has the columns `COLUMNS`, sorted by id: ``id`` (path relative to ``root``, with forward slashes), ``y_true``
    (int8, 1 = AI-generated, 0 = real), ``split`` (one of `SPLITS`), ``source``, ``generator``, ``kind`` ("unknown" where nobody
    said), ``paired`` (bool: real and AI images of this source share subject matter) and ``group`` (near-duplicates share one).
    After them come the manifest's own columns named ``original_...``, numbers where every cell is one: never model input, but
    evaluation asks whether the scores follow them.
    """

    root: Path
    layout: str  # "manifest" | "csv" | "split folders" | "class folders"
    rows: pd.DataFrame
    unreadable: tuple[tuple[str, str], ...]  # (relative path, sentence) of what was left out
    manifest_hash: str  # sha256, hex: fixes which images were trained on, with which labels, in which split
    notes: tuple[str, ...]  # sentences the user should see

    def split(self, name: str) -> pd.DataFrame:
        """The rows of one split, possibly none; raises ValueError for a name not in `SPLITS`."""
        if name not in SPLITS:
            raise ValueError(f"There is no split {name!r}; the splits are {', '.join(SPLITS)}.")
        return self.rows[self.rows["split"] == name].reset_index(drop=True)

    def path(self, id: str) -> Path:
        """Where the image with this id lies on disk."""
        return self.root / id


def load_dataset(
    root: str | os.PathLike,
    *,
    seed: int = 0,
    val_fraction: float = 0.1,
    test_fraction: float = 0.1,
    check_files: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Find, label, check and split the images under ``root`` (a folder, or a CSV file whose paths start at its own folder).

    Splits that the dataset brings are kept; a missing val or test is cut from train by whole near-duplicate groups, stratified by
    source and class, and depends on nothing but ``seed``, ids, labels and groups. ``test_fraction=0`` cuts no test. Training images
    that have a near-duplicate in another split are dropped, and ``notes`` says how many.

    ``check_files`` decodes every image (in threads, about 1-5 ms each): what cannot be read is listed in ``unreadable`` and left out, and
    near-duplicates are computed where the manifest does not name them. Without it, only existence is checked.
    ``progress(done, total)`` is called from the calling thread while images are decoded.

    Raises DatasetError if there is nothing to train on or the labels cannot be told.
    """
    if not (val_fraction > 0 and test_fraction >= 0 and val_fraction + test_fraction < 1):
        raise DatasetError(
            "The validation share must be above 0, the test share at least 0, and together they must stay below 1."
        )
    root, layout, rows, notes = _find(Path(root).expanduser())
    rows, unreadable = _on_disk(root, _without_repeats(rows))
    _require_some(rows, unreadable, root)

    if check_files:
        hash_them = not (rows["group"] != "").all()
        rows, fingerprints, failures = _decode(root, rows, hash_them, progress)
        unreadable += failures
        _require_some(rows, unreadable, root)
        if hash_them:
            rows = rows.assign(group=_groups(rows, *fingerprints))
    elif (rows["group"] == "").any():
        rows = rows.assign(group=rows["group"].where(rows["group"] != "", rows["id"]))
        notes.append("Near-duplicates were not looked for, so copies of one picture may lie in different splits.")

    rows, dropped = _without_leaks(rows)
    if dropped:
        notes.append(f"{_count(dropped, 'training image')} left out: near-duplicates of images in val, test or unseen.")
    rows = _split(rows, seed, val_fraction, test_fraction)
    notes += _check_classes(rows)
    if unreadable:
        notes.append(f"{_count(len(unreadable), 'image')} left out: missing or unreadable.")
    facts = [name for name in rows if name.startswith(FACT_PREFIX)]
    rows = rows[[*COLUMNS, *facts]].astype({"y_true": np.int8}).reset_index(drop=True)
    return Dataset(root, layout, rows, tuple(sorted(unreadable)), _manifest_hash(rows), tuple(notes))


def labelled_images(root: str | os.PathLike) -> list[tuple[Path, int]]:
    """(path, y_true) of every image that ``load_dataset`` would look at, by id, none of them opened: nothing is split, so a few are enough, and one
    class too. Raises DatasetError if the labels cannot be told.
    """
    root, _, rows, _ = _find(Path(root).expanduser())
    rows, missing = _on_disk(root, _without_repeats(rows))
    _require_some(rows, missing, root)
    return [(root / id, int(y_true)) for id, y_true in zip(rows["id"], rows["y_true"], strict=True)]


# ---- finding: which layout is it? ----------------------------------------------------------------------------------------


def _find(root: Path) -> tuple[Path, str, pd.DataFrame, list[str]]:
    """(folder the ids are relative to, layout, rows in which "" means not said, notes)."""
    if not root.exists():
        raise DatasetError(f"{root} does not exist. Give the folder of a dataset, or its CSV file.")
    if root.is_file():
        if root.suffix.lower() != ".csv":
            raise DatasetError(
                f"{root} is a file, not a folder of images. Give the folder of a dataset, or its CSV file."
            )
        return _from_csv(root, _read_csv(root))
    root = _enter_wrappers(root)
    if (manifest := root / "manifest.csv").is_file():
        return _from_csv(manifest, _read_csv(manifest))
    tree = _scan(root)
    tables = [root / "train.csv"] if (root / "train.csv").is_file() else sorted(root.glob("*.csv"))
    # Class folders go before a CSV that is no manifest: a folder named "fake" says what it means, a 1 does not.
    if len(tables) == 1 and not tree.holds_both_classes():
        return _from_csv(tables[0], _read_csv(tables[0]))
    return _from_folders(root, tree)


def _enter_wrappers(root: Path) -> Path:
    """Step into folders that hold nothing but one folder: datasets are often zipped inside one."""
    while True:
        entries = [
            entry
            for entry in _entries(root)
            if entry.is_dir() or _is_image(entry.name) or entry.name.lower().endswith(".csv")
        ]
        if len(entries) != 1 or not entries[0].is_dir() or entries[0].is_symlink():
            return root
        inner = Path(entries[0].path)
        if _normal(inner.name) in SPLIT_NAMES:
            return root
        if _class_of(inner.name) is not None and not {0, 1} <= {_class_of(entry.name) for entry in _entries(inner)}:
            return root
        root = inner


def _entries(folder: Path | str) -> list[os.DirEntry]:
    """What a folder holds, by name, without hidden files and the "__MACOSX" that zip files from a Mac carry."""
    try:
        with os.scandir(folder) as listing:
            return sorted((e for e in listing if not e.name.startswith((".", "__MACOSX"))), key=lambda e: e.name)
    except OSError as error:
        raise DatasetError(f"The folder {folder} cannot be opened: {error.strerror or error}.") from error


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in CANDIDATE_SUFFIXES


def _normal(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _class_of(name: str) -> int | None:
    """1 for a name that says AI-generated, 0 for one that says real, None for any other."""
    name = _normal(name)
    return 1 if name in AI_NAMES else 0 if name in REAL_NAMES else None


# ---- layouts with a CSV file ---------------------------------------------------------------------------------------------


def _read_csv(path: Path) -> pd.DataFrame:
    """All cells as text: "007" stays "007", and an empty cell is ""."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError, pd.errors.ParserError) as error:  # includes UnicodeDecodeError and EmptyDataError
        raise DatasetError(f"{path.name} cannot be read as a CSV file with a header line, in UTF-8.") from error
    return table.rename(columns=lambda name: str(name).strip().lower())


def _file_column(table: pd.DataFrame) -> str | None:
    return next((name for name in FILE_COLUMNS if name in table), None)


def _from_csv(path: Path, table: pd.DataFrame) -> tuple[Path, str, pd.DataFrame, list[str]]:
    files = _file_column(table)
    if files is None or "label" not in table:
        found = ", ".join(name for name in table.columns if not name.startswith("unnamed")) or "none"
        raise DatasetError(f"{path.name} needs the columns file (or file_name) and label; its columns are: {found}.")
    if table.empty:
        raise DatasetError(f"{path.name} lists no images: add one row per image.")

    def column(name: str, default: str) -> pd.Series:
        return table[name].str.strip().replace("", default) if name in table else pd.Series(default, table.index)

    return (
        path.parent,
        "manifest" if files == "file" or path.name == "manifest.csv" else "csv",
        pd.DataFrame(
            {
                "id": table[files].map(_normal_path),
                "y_true": _translate(
                    table["label"], _label, path.name, "label", 'use "ai" or "real" (or 1 = AI-generated, 0 = real)'
                ),
                "split": _translate(
                    column("split", ""), _split_name, path.name, "split", "use train, val, test or unseen"
                ),
                "source": column("source", path.resolve().parent.name),
                "generator": column("generator", UNKNOWN),
                "kind": column("kind", UNKNOWN),
                "paired": column("paired", "").str.lower().isin(("true", "1", "yes")),
                "group": column("group", ""),
                **{name: _fact(table[name]) for name in table if name.startswith(FACT_PREFIX)},
            }
        ),
        [],
    )


def _fact(cells: pd.Series) -> pd.Series:
    """Numbers if every cell that is not empty holds one, else text; empty cells are missing."""
    cells = cells.str.strip()
    cells = cells.where(cells != "", None)
    numbers = pd.to_numeric(cells, errors="coerce")
    return numbers if numbers.notna().equals(cells.notna()) else cells


def _normal_path(cell: str) -> str:
    return str(PurePosixPath(cell.strip().replace("\\", "/"))) if cell.strip() else ""


def _label(cell: str) -> int | None:
    return {"0": 0, "1": 1, "0.0": 0, "1.0": 1}.get(cell.strip(), _class_of(cell))


def _split_name(cell: str) -> str | None:
    return SPLIT_NAMES.get(_normal(cell)) if cell else ""


def _translate(cells: pd.Series, translate: Callable, file: str, column: str, advice: str) -> pd.Series:
    """Every cell translated; DatasetError names the line (as an editor counts them) of the first that cannot be."""
    known = {cell: translate(cell) for cell in cells.unique()}
    for row, cell in enumerate(cells):
        if known[cell] is None:
            raise DatasetError(f"{file}, line {row + 2}: the {column} {cell!r} is not known; {advice}.")
    return cells.map(known)


# ---- layouts made of folders ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Folder:
    """A folder with images somewhere below it."""

    name: str
    id: str  # path relative to the dataset's root, "" for the root itself
    images: list[str]  # ids
    folders: list["_Folder"]

    def all_images(self) -> Iterator[str]:
        yield from self.images
        for folder in self.folders:
            yield from folder.all_images()

    def holds_both_classes(self) -> bool:
        """Is there a folder for each class, side by side, at any depth?"""
        names = {_class_of(folder.name) for folder in self.folders}
        return {0, 1} <= names or any(folder.holds_both_classes() for folder in self.folders)


def _scan(path: Path | str, id: str = "") -> _Folder:
    images, folders = [], []
    for entry in _entries(path):
        entry_id = f"{id}/{entry.name}" if id else entry.name
        if entry.is_dir(follow_symlinks=False):
            folder = _scan(entry.path, entry_id)
            if folder.images or folder.folders:
                folders.append(folder)
        elif _is_image(entry.name):
            images.append(entry_id)
    return _Folder(os.path.basename(path), id, images, folders)


def _from_folders(root: Path, tree: _Folder) -> tuple[Path, str, pd.DataFrame, list[str]]:
    if not (tree.images or tree.folders):
        raise DatasetError(
            f"There are no images in {root}. Put them into two folders, ai and real, or add a manifest.csv."
        )
    records = list(_walk(tree, split="", source=""))
    if not records:
        raise _unknown_classes(tree)
    rows = pd.DataFrame.from_records(records, columns=["id", "y_true", "split", "source", "generator"])
    rows["source"] = rows["source"].replace("", root.resolve().name)
    rows = rows.assign(kind=UNKNOWN, paired=False, group="")
    stray = sum(1 for _ in tree.all_images()) - len(rows)
    notes = [f"{_count(stray, 'image')} left out: outside the class folders."] if stray else []
    return root, "split folders" if (rows["split"] != "").any() else "class folders", rows, notes


def _walk(folder: _Folder, split: str, source: str) -> Iterator[tuple[str, int, str, str, str]]:
    """(id, y_true, split, source, generator) of every image below a folder.

    What a level of folders means is read off all its names together: an "ai" beside a "real" is a class, but a "nature"
    that itself holds "ai" and "real" is a subject, and taking it for a class would quietly mislabel half of it.
    """
    children = folder.folders
    classes = [_class_of(child.name) for child in children]
    splits = [SPLIT_NAMES.get(_normal(child.name)) for child in children]
    holds_both = [child.holds_both_classes() for child in children]
    if any(y_true is not None for y_true in classes) and not all(holds_both):
        if None in classes or any(holds_both):
            raise _unknown_classes(folder)
        for child, y_true in zip(children, classes, strict=True):
            yield from _walk_class(child, y_true, split, source)
    elif any(splits) and not split:
        for child, name in zip(children, splits, strict=True):
            if name:
                yield from _walk(child, name, source)
    else:
        for child in children:
            if not child.folders:
                raise _unknown_classes(folder)
            yield from _walk(child, split, source or child.name)


def _walk_class(folder: _Folder, y_true: int, split: str, source: str) -> Iterator[tuple[str, int, str, str, str]]:
    """Everything below a class folder, in which folders may still name a split (real/train) or a generator (fake/sdxl)."""
    own = folder.name if _normal(folder.name) in GENERATOR_NAMES else UNKNOWN
    for id in folder.images:
        yield id, y_true, split, source, own
    only_splits = all(_normal(child.name) in SPLIT_NAMES for child in folder.folders)
    for child in folder.folders:
        inner_split = split or (SPLIT_NAMES[_normal(child.name)] if only_splits else "")
        # AiArtData/AiArtData is a zip's doing and no generator.
        generator = (
            child.name
            if y_true and own == UNKNOWN and not only_splits and _normal(child.name) not in AI_NAMES - GENERATOR_NAMES
            else own
        )
        for id in child.all_images():
            yield id, y_true, inner_split, source, generator


def _unknown_classes(folder: _Folder) -> DatasetError:
    where = folder.id or folder.name or "the dataset's folder"
    names = [child.name for child in folder.folders]
    found = (
        f"the folders found are {', '.join(names[:8])}{' ...' if len(names) > 8 else ''}"
        if names
        else "it has no folders with images"
    )
    return DatasetError(
        f"Which images in {where} are AI-generated cannot be told: {found}. Name them for their class: ai, ai_generated, fake, generated, synthetic "
        "or a generator such as midjourney; and real, human, nature, natural, photo, camera or authentic. Or add a manifest.csv."
    )


# ---- checking: is every file there, inside, and readable? ----------------------------------------------------------------


def _without_repeats(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows sorted by id, each id once; DatasetError if one image is labelled or split two ways."""
    rows = rows.sort_values("id", kind="stable", ignore_index=True)
    for column, what in (("y_true", "labelled both AI-generated and real"), ("split", "put into two splits")):
        twice = rows.groupby("id")[column].nunique().loc[lambda n: n > 1]
        if len(twice):
            others = f" (and {len(twice) - 1} more)" if len(twice) > 1 else ""
            raise DatasetError(f"{twice.index[0]}{others} is {what}. Correct the manifest and try again.")
    return rows.drop_duplicates("id", ignore_index=True)


def _on_disk(root: Path, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """The rows whose file exists inside root, and (id, sentence) for the others."""
    real_root = os.path.realpath(root)

    def inside(path: str) -> bool:
        return path == real_root or path.startswith(os.path.join(real_root, ""))

    @cache
    def folder_inside(folder: str) -> bool:
        return inside(os.path.realpath(os.path.join(real_root, folder)))

    def problem(id: str) -> str | None:
        parts = PurePosixPath(id).parts
        if not id or "\0" in id:
            return "This row names no file."
        # A manifest can come from anybody: it must not make us open files that are none of the dataset's.
        if id.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", id) or not folder_inside(os.path.dirname(id)):
            return "The path leads out of the dataset's folder, so the file was not opened."
        path = os.path.join(real_root, id)
        try:
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                if not inside(os.path.realpath(path)):
                    return "The file is a link that leads out of the dataset's folder, so it was not opened."
                mode = os.stat(path).st_mode
        except (OSError, ValueError):
            return "The file was not found."
        return None if stat.S_ISREG(mode) else "This is not a file."

    problems = rows["id"].map(problem)
    bad = problems.notna()
    return rows[~bad].reset_index(drop=True), list(zip(rows.loc[bad, "id"], problems[bad], strict=True))


def _decode(root: Path, rows: pd.DataFrame, hash_them: bool, progress: Callable[[int, int], None] | None):
    """Read every image: (readable rows, (hashes uint64, thumbnails uint8 (n, 8, 9)) of those, [(id, sentence)] of the others)."""

    def read(id: str) -> np.ndarray | str | None:
        try:
            photo = read_image(root / id, short_side=HASH_SHORT_SIDE)
        except ImageReadError as error:
            return str(error)
        except OSError:
            return "The file could not be opened."
        return thumbnail(photo.pixels) if hash_them else None

    results = []
    # Pillow decodes without the interpreter lock; more threads would only hold more large pictures in memory at once.
    pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
    try:
        for result in pool.map(read, rows["id"]):
            results.append(result)
            if progress and (len(results) % 100 == 0 or len(results) == len(rows)):
                progress(len(results), len(rows))
    finally:
        pool.shutdown(cancel_futures=True)  # if progress raised, to stop us

    bad = np.array([isinstance(result, str) for result in results])
    failures = [(id, result) for id, result in zip(rows["id"], results, strict=True) if isinstance(result, str)]
    thumbnails = [result for result in results if not isinstance(result, str)] if hash_them else []
    thumbnails = np.array(thumbnails, dtype=np.uint8).reshape(-1, 8, 9)
    return rows[~bad].reset_index(drop=True), (dhash(thumbnails), thumbnails), failures


# ---- near-duplicates -----------------------------------------------------------------------------------------------------


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) RGB -> uint8 (8, 9) greyscale: what `dhash` looks at."""
    return np.asarray(Image.fromarray(pixels).convert("L").resize((9, 8), Image.Resampling.LANCZOS))


def dhash(thumbnails: np.ndarray) -> np.ndarray:
    """uint8 (..., 8, 9) -> uint64 (...): one bit per pixel and right neighbour, row by row, 1 where the neighbour is brighter."""
    bits = thumbnails[..., 1:] > thumbnails[..., :-1]
    return np.packbits(bits.reshape(*bits.shape[:-2], 64), axis=-1).view(">u8")[..., 0].astype(np.uint64)


def near_duplicate_groups(hashes: np.ndarray, distance: int = MAX_DISTANCE) -> np.ndarray:
    """uint64 (n,) -> int (n,): equal numbers for hashes that a chain of steps of at most ``distance`` bits connects.

    The 64 bits are cut into distance + 1 bands: two hashes that differ in at most ``distance`` bits must agree on one band
    (pigeonhole), so only hashes that share a band are ever compared. 100,000 photos take seconds.
    """
    unique, where = np.unique(np.asarray(hashes, dtype=np.uint64), return_inverse=True)
    sets = _DisjointSets(len(unique))
    edges = np.linspace(0, 64, distance + 2).round().astype(int)
    for low, high in pairwise(edges.tolist()):
        band = (unique >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        order = np.argsort(band, kind="stable")
        band, sorted_hashes = band[order], unique[order]
        # Compare each hash with its 1st, 2nd, 3rd ... successor, as long as that shares its band: all buckets at once.
        active, step = np.arange(len(order)), 0
        while len(active):
            step += 1
            active = active[active < len(order) - step]
            active = active[band[active] == band[active + step]]
            close = active[np.bitwise_count(sorted_hashes[active] ^ sorted_hashes[active + step]) <= distance]
            for a, b in zip(order[close].tolist(), order[close + step].tolist(), strict=True):
                sets.join(a, b)
    return np.array([sets.find(i) for i in range(len(unique))], dtype=int)[where]


class _DisjointSets:
    """Union-find; a set is named by its smallest member."""

    def __init__(self, n: int):
        self._parent = list(range(n))

    def find(self, i: int) -> int:
        parent = self._parent
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(self, a: int, b: int) -> None:
        a, b = self.find(a), self.find(b)
        self._parent[max(a, b)] = min(a, b)


def _groups(rows: pd.DataFrame, hashes: np.ndarray, thumbnails: np.ndarray) -> pd.Series:
    """The group of every row: the manifest's where it names one, else the smallest id among the near-duplicates.

    A near-duplicate of an image that has a named group joins that group.
    """
    # The dhash of a flat picture is all zeros, whatever its colour: near that, small distances mean nothing, and they would chain
    # thousands of unrelated pictures together. Such pictures are duplicates only if their thumbnails agree to 3 bits.
    set_bits = np.bitwise_count(hashes)
    flat = (set_bits < FLAT_BITS) | (set_bits > 64 - FLAT_BITS)
    keys = np.empty(len(rows), dtype=object)
    keys[~flat] = near_duplicate_groups(hashes[~flat])
    keys[flat] = [(picture >> 5).tobytes() for picture in thumbnails[flat]]
    # Named groups and computed ones overlap: join whatever shares either.
    sets, first = _DisjointSets(len(rows)), {}
    for i, (key, name) in enumerate(zip(keys, rows["group"], strict=True)):
        sets.join(i, first.setdefault(key, i))
        if name:
            sets.join(i, first.setdefault(("named", name), i))
    joined = pd.Series([sets.find(i) for i in range(len(rows))], rows.index)
    named = rows["group"].where(rows["group"] != "").groupby(joined).transform("first")
    return named.where(named.notna(), rows["id"].take(joined).set_axis(rows.index))


# ---- splits --------------------------------------------------------------------------------------------------------------


def _without_leaks(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Rows without the training images whose group reaches into another split, and how many those were."""
    training = rows["split"].isin(("", "train"))
    leaks = training & rows["group"].isin(rows.loc[~training, "group"])
    return rows[~leaks].reset_index(drop=True), int(leaks.sum())


def _split(rows: pd.DataFrame, seed: int, val_fraction: float, test_fraction: float) -> pd.DataFrame:
    """Every row with a split: what has none is train, and a val or test that is missing is cut from train."""
    rows = rows.assign(split=rows["split"].replace("", "train"))
    given = set(rows["split"])
    cut_test = "test" not in given and test_fraction > 0
    if cut_test:
        rows = _cut(rows, "test", test_fraction, seed)
    if "val" not in given:
        rows = _cut(rows, "val", val_fraction / (1 - test_fraction if cut_test else 1), seed)
    return rows


def _cut(rows: pd.DataFrame, into: str, fraction: float, seed: int) -> pd.DataFrame:
    """Move about ``fraction`` of train into another split, by whole groups, from each source and class alike.

    What one source could not give exactly (its groups too large, or too few) the next one of the class makes up for, so that a
    hundred sources of three images each still give a tenth. Every class gives at least one image if its groups allow.
    """
    train = rows[rows["split"] == "train"]
    groups = train.groupby("group").agg(size=("id", "size"), y_true=("y_true", "first"), source=("source", "first"))
    # Ordered by hash and not by a random permutation: adding an image elsewhere leaves most of the split as it was.
    groups["order"] = [hashlib.sha256(f"{seed}/{into}/{group}".encode()).hexdigest() for group in groups.index]
    chosen = []
    for _, of_class in groups.sort_values("order").groupby("y_true"):
        share, owed = max(fraction, 1 / of_class["size"].sum()), 0.0
        for _, stratum in of_class.groupby("source"):
            owed += share * stratum["size"].sum()
            for group, size in stratum["size"].items():
                if size <= 2 * owed + 1e-9:  # taking it comes nearer to what is owed than leaving it
                    chosen.append(group)
                    owed -= size
    moved = (rows["split"] == "train") & rows["group"].isin(chosen)
    return rows.assign(split=rows["split"].mask(moved, into))


def _check_classes(rows: pd.DataFrame) -> list[str]:
    """DatasetError unless train and val hold both classes; notes about other splits that hold only one."""
    count = rows.groupby(["split", "y_true"]).size()
    for y_true, title in CLASS_TITLES.items():
        if not (rows["y_true"] == y_true).any():
            raise DatasetError(
                f"All images found are {CLASS_TITLES[1 - y_true]}. Add {title} ones: a detector learns from both."
            )
        for split in ("train", "val"):
            if not count.get((split, y_true), 0):
                raise DatasetError(
                    f"The {split} split has no {title} images. Add more of them that differ from each other, or name other splits in a manifest.csv."
                )
    return [
        f"The {split} split has only {CLASS_TITLES[1 - y_true]} images: no ROC curve can be drawn from it."
        for split in ("test", "unseen")
        for y_true in CLASS_TITLES
        if split in count.index and not count.get((split, y_true), 0)
    ]


def _require_some(rows: pd.DataFrame, unreadable: Sequence[tuple[str, str]], root: Path) -> None:
    if rows.empty:
        id, sentence = unreadable[0]
        raise DatasetError(f"None of the {len(unreadable)} images in {root} can be used. The first is {id}: {sentence}")


def _manifest_hash(rows: pd.DataFrame) -> str:
    lines = sorted(
        f"{id},{y_true},{split}\n" for id, y_true, split in zip(rows["id"], rows["y_true"], rows["split"], strict=True)
    )
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun} was" if n == 1 else f"{n:,} {noun}s were"
