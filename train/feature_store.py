"""Class tokens of a frozen encoder, stored once, so that heads train on them in minutes.

A store is a folder of parts, ``*.npz``, each written whole: ``ids`` (str), ``perturbations`` (str: "" for a
picture as it is, the name of one of ``detector.perturbations``, or "delivered-1" and so on for copies that
``train.deliveries`` made of it), ``tokens`` float16 (n, v, k, C) of its v views, the whole first, then its
tiles (`detector.tiles`), ``sizes`` int32 (n, 2), width and height of what was looked at. What a part holds is
never made again, so an interrupted run goes on where it was.

    python -m train.feature_store ARCHITECTURE --encoder FILE --data DIR --out STORE [--perturbed]
        [--delivered COUNT] [--tiles COUNT] [--after BLOCK] [--adapter FILE]
        [--where "paired and split == 'train'"]

Several runs may fill a store: with tiles for some rows, which takes so many times longer, with the whole
alone for the rest. With --after a store of its own gets all tokens after a block, from which the blocks above
it can be adapted (`train.adapt`): 300 kB a picture; with --adapter the encoder is one that was.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from detector import architectures
from detector.atomic_files import replacing
from detector.compilation import exact, save, shrink
from detector.compiled_network import compiled
from detector.datasets import Dataset, DatasetError, load_dataset, only
from detector.encoder_precision import fastest_precision
from detector.images import ImageReadError
from detector.perturbations import DELIVERY_CHAINS, PERTURBATIONS
from detector.preprocessing import Preprocessing
from train.adapter_file import Adapter, put, rank_of, read_adapter
from train.deliveries import deliver
from train.exit_status import DONE, ends_with_a_sentence
from train.pipeline import read_ahead, read_as_sent, read_photo
from train.predict import JUDGED
from train.timed_lines import say

PART = 1024
"""Pictures in a part: what is lost, at most, when a run is killed."""
BATCH_SIZE = 32
DELIVERED = "delivered-{}"
Key = tuple[str, str]
"""A picture's id, and the name of what was done to it."""


@dataclass(frozen=True, eq=False)
class Features:
    """What a store holds. places: key -> row of ``tokens``, float16 (n, k, C), of the whole, and ``sizes``,
    int32 (n, 2). tile_places: key -> row of ``tiles``, float16 (m, t, k, C)."""

    places: dict[Key, int]
    tokens: np.ndarray
    sizes: np.ndarray
    tile_places: dict[Key, int]
    tiles: np.ndarray

    @classmethod
    def read(cls, folder: Path) -> Features:
        """All parts. Raises OSError, and ValueError for a folder without any, a part that is none, and parts
        with unlike tokens or numbers of tiles."""
        parts = _parts(folder)
        keys = [key for part in parts for key in part.keys]
        tiled = [key for part in parts if part.tiles for key in part.keys]
        if not keys:
            raise ValueError(f"There are no stored features in {folder}.")
        (token, *others), tiles = {part.shape[2:] for part in parts}, {part.tiles for part in parts} - {0}
        if others or len(tiles) > 1:
            raise ValueError(f"The parts in {folder} hold unlike tokens or numbers of tiles.")
        found = cls(
            {key: place for place, key in enumerate(keys)},
            np.empty((len(keys), *token), np.float16),
            np.empty((len(keys), 2), np.int32),
            {key: place for place, key in enumerate(tiled)},
            np.empty((len(tiled), *(tiles or {0}), *token), np.float16),
        )
        row = tile_row = 0
        for part in parts:
            with np.load(part.path, allow_pickle=False) as stored:
                tokens = stored["tokens"]
                found.sizes[row : row + len(tokens)] = stored["sizes"]
            found.tokens[row : row + len(tokens)] = tokens[:, 0]
            row += len(tokens)
            if part.tiles:
                found.tiles[tile_row : tile_row + len(tokens)] = tokens[:, 1:]
                tile_row += len(tokens)
        return found

    def has(self, ids: pd.Series, perturbation: str = "", tiles: bool = False) -> np.ndarray:
        """bool (n,): which of the pictures are here or, with ``tiles``, their tiles, too."""
        places = self.tile_places if tiles else self.places
        return np.array([(id, perturbation) in places for id in ids], dtype=bool)

    def of(
        self, ids: pd.Series, perturbation: str = "", as_stored: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """(n, k, C), float32 or, if they are to take no more room than in the store, as they are there, and
        int32 (n, 2). Raises KeyError for a picture that is not here."""
        places = [self.places[id, perturbation] for id in ids]
        tokens = self.tokens[places]
        return tokens if as_stored else tokens.astype(np.float32), self.sizes[places]

    def tiles_of(self, ids: pd.Series, perturbation: str = "") -> np.ndarray:
        """float32 (n, t, k, C). Raises KeyError for a picture whose tiles are not here."""
        places = [self.tile_places[id, perturbation] for id in ids]
        return self.tiles[places].astype(np.float32)


class _Part(NamedTuple):
    """keys: of its pictures. shape: of its tokens, (n, v, k, C)."""

    path: Path
    keys: list[Key]
    shape: tuple[int, ...]

    @property
    def tiles(self) -> int:
        """Of each picture."""
        return self.shape[1] - 1


def _parts(folder: Path) -> list[_Part]:
    """The parts of a store, the oldest first, of which no token is read. Raises OSError, ValueError."""
    found = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as part:
            keys = list(zip(part["ids"].tolist(), part["perturbations"].tolist(), strict=True))
            with part.zip.open("tokens.npy") as tokens:
                np.lib.format.read_magic(tokens)
                shape, _, _ = np.lib.format.read_array_header_1_0(tokens)
        found.append(_Part(path, keys, shape))
    return found


def stored_keys(folder: Path, tiles: bool = False) -> set[Key]:
    """What a store holds, which may not be there yet. tiles: with its tiles. Raises OSError, ValueError."""
    return {key for part in _parts(folder) if part.tiles or not tiles for key in part.keys}


def write_part(folder: Path, keys: list[Key], tokens: np.ndarray, sizes: np.ndarray) -> None:
    """Add a part to a store."""
    folder.mkdir(parents=True, exist_ok=True)
    ids, perturbations = zip(*keys, strict=True)
    path = folder / f"{time.time_ns()}.npz"
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            ids=np.array(ids),
            perturbations=np.array(perturbations),
            tokens=tokens.astype(np.float16),
            sizes=np.asarray(sizes, np.int32),
        )


def looks(
    dataset: Dataset, id: str, wanted: list[str], preprocessing: Preprocessing
) -> Iterator[tuple[np.ndarray, tuple[int, int]]]:
    """The views of a picture for each name that is wanted, as it is ("") or as it arrives, and the size to
    note."""
    reduced = not preprocessing.tiles and wanted == [""]
    photo = read_photo(dataset, id) if reduced else read_as_sent(dataset, id)
    for name in wanted:
        if not name:
            yield preprocessing.views(photo.pixels), (photo.width, photo.height)
            continue
        arrived = _arrived(photo.pixels, id, name)
        yield preprocessing.views(arrived), (arrived.shape[1], arrived.shape[0])


def _arrived(pixels: np.ndarray, id: str, name: str) -> np.ndarray:
    """A picture's copy of that name; those delivered at random are the same each time."""
    if name in PERTURBATIONS:
        return PERTURBATIONS[name](pixels)
    return deliver(pixels, np.random.default_rng(zlib.crc32(f"{id} {name}".encode())))


def fill(
    folder: Path,
    dataset: Dataset,
    keys: dict[str, list[str]],
    encode: Callable[[np.ndarray], np.ndarray],
    preprocessing: Preprocessing,
    say: Callable[[str], None],
) -> None:
    """Encode what is not in the store yet. keys: id -> names of perturbations. encode: uint8 (n, size,
    size, 3) -> (n, k, C)."""
    ids, start = list(keys), time.monotonic()
    groups = [ids[first : first + PART] for first in range(0, len(ids), PART)]

    def prepare(place: int):
        id = group[place]
        return id, list(looks(dataset, id, keys[id], preprocessing))

    for number, group in enumerate(groups):
        named, images, sizes = [], [], []
        for id, seen in read_ahead(prepare, range(len(group)), min(4, (os.cpu_count() or 1) + 1)):
            named += [(id, name) for name in keys[id]]
            images += [image for image, _ in seen]
            sizes += [size for _, size in seen]
        write_part(folder, named, _tokens(images, encode), np.array(sizes))
        done = min((number + 1) * PART, len(ids))
        say(f"{done:,} of {len(ids):,} pictures, {done / (time.monotonic() - start):.1f} a second")


def _tokens(images: list[np.ndarray], encode: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Pictures, uint8 (v, size, size, 3) each -> (n, v, k, C)."""
    flat = np.concatenate(images)
    batches = [encode(flat[at : at + BATCH_SIZE]) for at in range(0, len(flat), BATCH_SIZE)]
    tokens = np.concatenate(batches)
    return tokens.reshape(len(images), -1, *tokens.shape[1:])


def encoder_of(
    architecture: architectures.Architecture,
    weights: str,
    after: int | None = None,
    adapter: Adapter | None = None,
) -> Callable[[np.ndarray], np.ndarray]:
    """uint8 (n, size, size, 3) -> float32 (n, k, C), compiled as a bundle's network is. after: the number of
    a block, all of whose tokens are meant instead of what the head reads. adapter: what is added to the
    weights. Raises OSError and ValueError."""
    import keras
    import tensorflow as tf

    assert architecture.encoder is not None
    with exact():
        network = architecture.build(None, **({"rank": rank_of(adapter)} if adapter else {}))
    if adapter:
        put(network, adapter)
    architecture.encoder.load(network, weights)
    read = network.get_layer(architecture.encoder.layer).input
    if after is not None:
        name = architecture.encoder.block.format(after)
        if all(layer.name != name for layer in network.layers):
            raise ValueError(f"{architecture.name} computes no block {after}.")
        read = network.get_layer(name).output
    below = keras.Model(network.input, read)
    precision = fastest_precision()
    with tempfile.TemporaryDirectory(prefix="telltale-encoder-") as folder:
        file = Path(folder) / "encoder.xml"
        save(
            lambda images: below(tf.cast(images, tf.float32), training=False),
            architecture.preprocessing.size,
            file,
        )
        shrink(file, precision)
        request = compiled(file, precision).create_infer_request()
    return lambda images: np.array(request.infer([images])[0])


def wanted(rows: pd.DataFrame, perturbed: bool, delivered: int = 0) -> dict[str, list[str]]:
    """Which copies of which pictures: each as it is and, if asked for, the test and unseen ones perturbed;
    the others, training and validation, delivered at random so many times."""
    of_judged = [each.name for each in DELIVERY_CHAINS] if perturbed else []
    of_others = [DELIVERED.format(number) for number in range(1, delivered + 1)]
    splits = zip(rows["id"], rows["split"], strict=True)
    return {id: ["", *(of_judged if split in JUDGED else of_others)] for id, split in splits}


def missing(keys: dict[str, list[str]], folder: Path, tiles: bool = False) -> dict[str, list[str]]:
    """What of it is not in the store yet. tiles: or is without tiles."""
    known = stored_keys(folder, tiles)
    left = {id: [name for name in names if (id, name) not in known] for id, names in keys.items()}
    return {id: names for id, names in left.items() if names}


@ends_with_a_sentence(
    "train.feature_store",
    DatasetError,
    ImageReadError,
    OSError,
    ValueError,
    interrupted="what is stored stays",
)
def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m train.feature_store", description="Store what a frozen encoder makes of pictures."
    )
    known = [name for name, each in architectures.ARCHITECTURES.items() if each.encoder]
    parser.add_argument("architecture", choices=known)
    parser.add_argument("--encoder", required=True, help="the file with the encoder's weights")
    parser.add_argument("--data", required=True, help="the data set: a folder, or a manifest's folder")
    parser.add_argument("--out", required=True, type=Path, help="the store, a folder; what it holds is kept")
    parser.add_argument("--perturbed", action="store_true", help="test and unseen pictures perturbed, too")
    parser.add_argument(
        "--delivered", type=int, default=0, metavar="COUNT", help="so many random deliveries of all others"
    )
    parser.add_argument("--adapter", type=Path, help="of train.adapt: what it adds to the encoder's weights")
    parser.add_argument(
        "--after", type=int, metavar="BLOCK", help="all tokens after this block, for train.adapt"
    )
    parser.add_argument("--tiles", type=int, default=0, metavar="COUNT", help="so many tiles, too")
    parser.add_argument(
        "--where", metavar="QUERY", help="of which rows, for instance \"paired and split == 'train'\""
    )
    arguments = parser.parse_args(argv)
    architecture = architectures.get(arguments.architecture)

    dataset = load_dataset(arguments.data)
    if arguments.where:
        dataset = only(dataset, arguments.where)
    keys = missing(
        wanted(dataset.rows, arguments.perturbed, arguments.delivered),
        arguments.out,
        bool(arguments.tiles),
    )
    say(f"{len(keys):,} pictures to encode.")
    if keys:
        adapter = read_adapter(arguments.adapter) if arguments.adapter else None
        encode = encoder_of(architecture, arguments.encoder, arguments.after, adapter)
        preprocessing = replace(architecture.preprocessing, tiles=arguments.tiles)
        fill(arguments.out, dataset, keys, encode, preprocessing, say)
    return DONE


if __name__ == "__main__":
    sys.exit(main())
