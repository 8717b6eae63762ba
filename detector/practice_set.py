"""The practice set: a small dataset made on the spot, so that anybody can watch a whole training run without
having pictures to train on.

The real pictures are patches of the two photos that scikit-learn ships. The "AI-generated" ones are the same
patches after the last step of a simulated generator: reduced to half their size, as a generator's inner
picture is, and brought back by a stride-2 transposed convolution with a 3 x 3 kernel. Such a kernel overlaps
itself unevenly and leaves a checkerboard (Odena, Dumoulin & Olah, "Deconvolution and Checkerboard Artifacts",
Distill 2016); and up-sampling cannot give a picture the spectrum that it had (Durall, Keuper & Keuper, "Watch
your Up-Convolution", CVPR 2020). That is all a model can learn here: it will know nothing about real
AI-generated pictures, and what is trained on such a set says so wherever it is used.

Each photo is cut into cells, and a cell with all its patches, real and AI-generated, goes into one split: no
pixel of a test picture is seen in training. The split ``unseen`` has a generator of its own, which repeats
pixels and smooths them (the remedy of Odena et al.), so that a run also shows what becomes of a detector when
the generator changes.

``python -m detector.practice_set DIR`` makes one.
"""

from __future__ import annotations

import argparse
import csv
import errno
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from detector.atomic_files import new_folder
from detector.bundle import PRACTICE_IS_NOT as IS_NOT
from detector.datasets import PRACTICE_MARK, DatasetError

VERSION = 1
PHOTOS = {"temple": "china.jpg", "flower": "flower.jpg"}
PATCH = 36  # pixels: the short side of the tiny architecture's canonical form, so that no patch is resampled
CELLS = (4, 6)  # rows and columns of cells in each photo
CELL = 106  # pixels, even: what a quarter of the photos' height and a sixth of their width have room for
CELLS_PER_SPLIT = {"train": 12, "val": 4, "test": 4, "unseen": 4}
STEPS = {"train": 14, "val": 35, "test": 35, "unseen": 35}
"""Pixels from patch to patch in a cell: only those of train overlap by more than a line."""
UNEVENNESS = 0.12  # of the transposed convolution's kernel: by about this share its middle weighs too much
LEFTOVER_SECONDS = 600
COLUMNS = ("file", "label", "split", "source", "generator", "kind", "paired", "group")

Progress = Callable[[int, int], None]


def make_practice_set(folder: str | os.PathLike, *, seed: int = 0, progress: Progress | None = None) -> Path:
    """Make the practice set of ``seed`` in ``folder`` and return its path; takes a few seconds and about 10
    MB.

    A practice set that is there already is kept if it is this one and whole, else replaced. The folder has
    its name only once it is complete. ``progress(done, total)`` counts pictures; what it raises ends the work
    and leaves nothing behind. Raises DatasetError if something else is there, or the folder cannot be
    written.
    """
    folder = Path(os.path.abspath(os.path.expanduser(folder)))
    if seed < 0:
        raise DatasetError("The seed of a practice set is a whole number from 0 on.")
    if _is_whole(folder, seed):
        return folder
    try:
        if os.path.lexists(folder) and not _is_replaceable(folder):
            raise DatasetError(
                f"{folder} exists and is no practice set, or holds more than that. Nothing was written there."
                " Give another folder."
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(folder)
        making = _temporary(folder)
        try:
            _write(making, seed, progress)
            _put_in_place(making, folder, seed)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    except OSError as error:
        raise DatasetError(
            f"The practice set cannot be written to {folder}: {error.strerror or error}."
        ) from error
    return folder


def is_practice_set(folder: str | os.PathLike) -> bool:
    """Whether the folder says of itself that it is a practice set."""
    return (Path(folder) / PRACTICE_MARK).is_file()


def transposed_convolution(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 (H, W, 3) with even sides -> the same shape, halved and up-sampled by a stride-2 transposed
    convolution.

    ``rng`` draws the kernel, one for each channel: bilinear up-sampling whose middle has about ``UNEVENNESS``
    too much weight, as training leaves it. Where the kernel's copies overlap in pairs and where they do not,
    brightness therefore differs: a checkerboard.
    """
    small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(np.float32)
    spread = np.zeros(picture.shape, np.float32)
    spread[::2, ::2] = small
    channels = []
    for channel in cv2.split(spread):
        across = _uneven_kernel(rng)
        down = _uneven_kernel(rng)
        total = across.sum() * down.sum() / 4  # on average the picture keeps its brightness
        channels.append(cv2.sepFilter2D(channel, -1, across / total, down, borderType=cv2.BORDER_REFLECT_101))
    return np.clip(cv2.merge(channels).round(), 0, 255).astype(np.uint8)


def _uneven_kernel(rng: np.random.Generator) -> np.ndarray:
    """float32 (3,): bilinear up-sampling along one axis with too much weight in the middle."""
    middle = 1 + UNEVENNESS * rng.uniform(0.5, 1.5)
    return np.array([0.5, middle, 0.5], np.float32)


def resize_convolution(picture: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) with even sides -> the same shape, halved, every pixel repeated, and smoothed:
    up-sampling without a checkerboard."""
    small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    repeated = small.repeat(2, axis=0).repeat(2, axis=1)
    return cv2.GaussianBlur(repeated, (3, 3), 0.6, borderType=cv2.BORDER_REFLECT_101)


def _write(folder: Path, seed: int, progress: Progress | None) -> None:
    for name in ("real", "ai"):
        (folder / name).mkdir()
    digest = hashlib.sha256()
    total = _number_of_pictures()
    with open(folder / "manifest.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for number, (row, patch) in enumerate(_pictures(seed), start=1):
            Image.fromarray(patch).save(folder / row[0], compress_level=1)
            rows.writerow(row)
            digest.update(",".join(row).encode())
            digest.update(patch.tobytes())
            if progress and (number % 100 == 0 or number == total):
                progress(number, total)
    mark = {
        "practice": True,
        "about": IS_NOT,
        "version": VERSION,
        "seed": seed,
        "pictures": number,
        "pixels_sha256": digest.hexdigest(),
    }
    (folder / PRACTICE_MARK).write_text(json.dumps(mark, indent=1) + "\n", "utf-8")


def _number_of_pictures() -> int:
    patches = 0
    for split, cells in CELLS_PER_SPLIT.items():
        patches += cells * len(_corners(STEPS[split]))
    return 2 * len(PHOTOS) * patches  # each real and AI


def _pictures(seed: int) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
    """(row of the manifest, uint8 (PATCH, PATCH, 3)) of every picture, each real one followed by what the
    generator made of it."""
    for number, (photo_name, photo) in enumerate(_photos()):
        splits = np.repeat(list(CELLS_PER_SPLIT), list(CELLS_PER_SPLIT.values()))
        rng = np.random.default_rng([seed, number])
        for place, split in enumerate(rng.permutation(splits)):
            row, column = divmod(place, CELLS[1])
            top, left = row * CELL, column * CELL
            cell = photo[top : top + CELL, left : left + CELL]
            group = f"{photo_name}-{row}-{column}"
            yield from _pictures_of_cell(cell, photo_name, group, str(split), seed)


def _pictures_of_cell(
    cell: np.ndarray, photo_name: str, group: str, split: str, seed: int
) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
    # The generator gets one cell at a time: nothing of the neighbours, which may be in another split, seeps
    # in.
    if split == "unseen":
        source = f"{photo_name}, other generator"
        generator = "simulated: resize-convolution"
        made = resize_convolution(cell)
    else:
        source = photo_name
        generator = "simulated: transposed convolution"
        made = transposed_convolution(cell, np.random.default_rng(seed))
    for serial, (top, left) in enumerate(_corners(STEPS[split])):
        for label, whole in (("real", cell), ("ai", made)):
            values = (
                f"{label}/{group}-{serial:02d}.png",
                label,
                split,
                source,
                generator if label == "ai" else "",
                "photo patch",
                "true",
                group,
            )
            patch = whole[top : top + PATCH, left : left + PATCH]
            yield values, np.ascontiguousarray(patch)


def _corners(step: int) -> list[tuple[int, int]]:
    """(top, left) of the patches of a cell."""
    starts = range(0, CELL - PATCH + 1, step)
    return [(top, left) for top in starts for left in starts]


def _photos() -> Iterator[tuple[str, np.ndarray]]:
    """The photos that scikit-learn ships, uint8 (424, 636, 3): what the cells cover. Found without
    importing scikit-learn, which takes a second."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise DatasetError(
            "A practice set is made of photos that scikit-learn ships, which is not installed."
        )
    folder = Path(package.origin).parent / "datasets" / "images"
    rows, columns = CELLS
    for name, file in PHOTOS.items():
        with Image.open(folder / file) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        yield name, pixels[: rows * CELL, : columns * CELL]


def _is_replaceable(folder: Path) -> bool:
    """Whether nothing is lost with the folder: it is empty, or holds a practice set and nothing else."""
    if not folder.is_dir() or folder.is_symlink():
        return False
    inside = set(os.listdir(folder))
    if not inside:
        return True
    return is_practice_set(folder) and inside <= {PRACTICE_MARK, "manifest.csv", "real", "ai"}


def _is_whole(folder: Path, seed: int) -> bool:
    """Whether the practice set of this seed lies there, none of its pictures missing or changed."""
    try:
        mark = json.loads((folder / PRACTICE_MARK).read_text("utf-8"))
        if (mark["version"], mark["seed"]) != (VERSION, seed):
            return False
        digest = hashlib.sha256()
        with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
            for row in list(csv.reader(file))[1:]:
                with Image.open(folder / row[0]) as picture:
                    digest.update(",".join(row).encode())
                    digest.update(np.asarray(picture).tobytes())
        return digest.hexdigest() == mark["pixels_sha256"]
    except (OSError, ValueError, KeyError, TypeError, IndexError, Image.DecompressionBombError):
        return False


def _put_in_place(making: Path, folder: Path, seed: int) -> None:
    """Give a finished folder its name; an older practice set of that name goes."""
    try:
        os.rename(making, folder)  # over nothing, or over an empty folder
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if _is_whole(folder, seed):  # somebody else was quicker
            return
        old = _temporary(folder)
        os.rename(folder, old / "old")
        os.rename(making, folder)
        shutil.rmtree(old, ignore_errors=True)


def _temporary(folder: Path) -> Path:
    """A new folder beside the one that is to be made."""
    return new_folder(folder.parent, f".making-{folder.name}-")


def _clear_leftovers(folder: Path) -> None:
    """Remove what was left beside the folder by a process that was killed; what is young may belong to one
    that is at work."""
    for left in folder.parent.iterdir():
        with suppress(FileNotFoundError):  # it has just been finished
            if not left.name.startswith(f".making-{folder.name}-"):
                continue
            if time.time() - left.stat().st_mtime > LEFTOVER_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m detector.practice_set", description="Make a small practice set to try training with."
    )
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="folder to make; a practice set that is there is replaced, anything else is refused",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="another seed gives another cut into splits and another generator (default: 0)",
    )
    options = parser.parse_args(arguments)
    try:
        print(make_practice_set(options.folder, seed=options.seed))
    except DatasetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
