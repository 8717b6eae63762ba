"""The layouts made of folders: their names say which class, split, source or generator the images below
them belong to."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from detector.datasets.dataset import UNKNOWN, DatasetError, Labelled, counted
from detector.datasets.names import AI_NAMES, GENERATOR_NAMES, SPLIT_NAMES, class_of, normal
from detector.images import IMAGE_SUFFIXES, PLUGIN_SUFFIXES, is_hidden
from detector.printable import encodable, printable

CANDIDATE_SUFFIXES = IMAGE_SUFFIXES | PLUGIN_SUFFIXES
"""Also what this machine cannot read: it is listed as such and not silently missed."""
MAX_DEPTH = 60
"""Folders inside folders beyond this are nobody's dataset."""
NO_UTF8 = "The path is no UTF-8; rename the file or its folder."


class Tally:
    """Counts the image files found so far and tells ``report`` now and then."""

    def __init__(self, report: Callable[[int], None] | None):
        self._report, self._files, self._next = report, 0, 0.0

    def add(self, files: int) -> None:
        self._files += files
        if self._report and time.monotonic() >= self._next:
            self._report(self._files)
            self._next = time.monotonic() + 0.2


def enter_wrappers(root: Path) -> Path:
    """Step into folders that hold nothing but one folder: datasets are often zipped inside one."""
    while True:
        found = [
            entry
            for entry in entries(root)
            if is_folder(entry) or is_image(entry.name) or entry.name.lower().endswith(".csv")
        ]
        if len(found) != 1 or not is_folder(found[0]) or found[0].is_symlink():
            return root
        inner = Path(found[0].path)
        if normal(inner.name) in SPLIT_NAMES:
            return root
        if class_of(inner.name) is not None and not {0, 1} <= {
            class_of(entry.name) for entry in entries(inner)
        }:
            return root
        root = inner


def entries(folder: Path | str) -> list[os.DirEntry]:
    """What a folder holds, by name, without hidden files and what systems leave behind."""
    try:
        with os.scandir(folder) as listing:
            return sorted(
                (entry for entry in listing if not is_hidden([entry.name])), key=lambda entry: entry.name
            )
    except OSError as error:
        problem = error.strerror or error
        raise DatasetError(f"The folder {printable(folder)} cannot be opened: {problem}.") from error


def is_folder(entry: os.DirEntry) -> bool:
    """Whether it is a folder, or a link to one; a link that leads round in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_image(name: str) -> bool:
    """Whether a file of this name claims to be an image."""
    return os.path.splitext(name)[1].lower() in CANDIDATE_SUFFIXES


@dataclass(frozen=True)
class Folder:
    """A folder with images somewhere below it."""

    name: str
    id: str  # path relative to the dataset's root, "" for the root itself
    images: list[str]  # ids
    folders: list[Folder]

    def all_images(self) -> Iterator[str]:
        yield from self.images
        for folder in self.folders:
            yield from folder.all_images()

    def holds_both_classes(self) -> bool:
        """Is there a folder for each class, side by side, at any depth?"""
        names = {class_of(folder.name) for folder in self.folders}
        return {0, 1} <= names or any(folder.holds_both_classes() for folder in self.folders)


def scan(path: Path | str, tally: Tally, id: str = "") -> Folder:
    """Everything below a folder, links to folders aside. Raises DatasetError for one that cannot be
    opened."""
    images, folders = [], []
    if id.count("/") >= MAX_DEPTH:
        raise DatasetError(
            f"The folders in {printable(path)} lie more than {MAX_DEPTH} deep in each other. Give the folder"
            " of a dataset."
        )
    for entry in entries(path):
        entry_id = f"{id}/{entry.name}" if id else entry.name
        if entry.is_dir(follow_symlinks=False):
            folder = scan(entry.path, tally, entry_id)
            if folder.images or folder.folders:
                folders.append(folder)
        elif is_image(entry.name):
            images.append(entry_id)
    tally.add(len(images))
    return Folder(os.path.basename(path), id, images, folders)


def from_folders(root: Path, tree: Folder) -> Labelled:
    """A dataset made of folders; raises DatasetError if no class can be told."""
    if not (tree.images or tree.folders):
        raise DatasetError(
            f"There are no images in {printable(root)}. Put them into two folders, ai and real, or add a"
            " manifest.csv."
        )
    records = list(_walk(tree, split="", source=""))
    if not records:
        raise _unknown_classes(tree)
    stray = sum(1 for _ in tree.all_images()) - len(records)
    notes = (f"{counted(stray, 'image')} left out: outside the class folders.",) if stray else ()
    # A table keeps text as UTF-8, so that other ids cannot be in one.
    ids = [record[0] for record in records]
    unreadable = tuple((printable(id), NO_UTF8) for id in ids if not encodable(id))
    records = [record for record in records if encodable(record[0])]
    rows = pd.DataFrame.from_records(records, columns=["id", "y_true", "split", "source", "generator"])
    rows["source"] = rows["source"].replace("", printable(root.resolve().name))
    rows = rows.assign(kind=UNKNOWN, paired=False, group="")
    layout = "split folders" if (rows["split"] != "").any() else "class folders"
    return Labelled(root, layout, rows, notes, unreadable)


def _walk(folder: Folder, split: str, source: str) -> Iterator[tuple[str, int, str, str, str]]:
    """(id, y_true, split, source, generator) of every image below a folder.

    What a level of folders means is read off all its names together: an "ai" beside a "real" is a class, but
    a "nature" that itself holds "ai" and "real" is a subject, and taking it for a class would quietly
    mislabel half of it.
    """
    children = folder.folders
    classes = [class_of(child.name) for child in children]
    splits = [SPLIT_NAMES.get(normal(child.name)) for child in children]
    holds_both = [child.holds_both_classes() for child in children]
    if any(y_true is not None for y_true in classes) and not all(holds_both):
        if None in classes or any(holds_both):
            raise _unknown_classes(folder)
        for child, y_true in zip(children, classes, strict=True):
            if y_true is not None:
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


def _walk_class(
    folder: Folder, y_true: int, split: str, source: str
) -> Iterator[tuple[str, int, str, str, str]]:
    """Everything below a class folder, in which folders may still name a split (real/train) or a generator
    (fake/sdxl)."""
    own = folder.name if normal(folder.name) in GENERATOR_NAMES else UNKNOWN
    for id in folder.images:
        yield id, y_true, split, source, own
    only_splits = all(normal(child.name) in SPLIT_NAMES for child in folder.folders)
    for child in folder.folders:
        inner_split = split or (SPLIT_NAMES[normal(child.name)] if only_splits else "")
        # AiArtData/AiArtData is a zip's doing and no generator.
        generator = (
            child.name
            if y_true
            and own == UNKNOWN
            and not only_splits
            and normal(child.name) not in AI_NAMES - GENERATOR_NAMES
            else own
        )
        for id in child.all_images():
            yield id, y_true, inner_split, source, generator


def _unknown_classes(folder: Folder) -> DatasetError:
    where = printable(folder.id or folder.name or "the dataset's folder")
    names = [printable(child.name) for child in folder.folders]
    found = "it has no folders with images"
    if names:
        more = f" and {len(names) - 8:,} more" if len(names) > 8 else ""
        found = f"the folders found are {', '.join(names[:8])}{more}"
    return DatasetError(
        f"Which images in {where} are AI-generated cannot be told: {found}. Name them for their class: ai,"
        " ai_generated, fake, generated, synthetic or a generator such as midjourney; and real, human,"
        " nature, natural, photo, camera or authentic. Or add a manifest.csv."
    )
