"""Near-duplicates, found by a 64-bit dhash: what makes a split lie is a picture in train and its
re-encoded copy in test."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from PIL import Image

MAX_DISTANCE = 4
# A hash with fewer than this many bits that differ from the rest belongs to a picture that is flat or one
# smooth gradient.
FLAT_BITS = 8


def thumbnail(picture: np.ndarray | Image.Image) -> np.ndarray:
    """uint8 (H, W, 3) RGB, or such a picture of Pillow's -> uint8 (8, 9) greyscale: what `dhash` looks at."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    return np.asarray(image.convert("L").resize((9, 8), Image.Resampling.LANCZOS))


def dhash(thumbnails: np.ndarray) -> np.ndarray:
    """uint8 (..., 8, 9) -> uint64 (...): one bit per pixel and right neighbour, row by row, 1 where the
    neighbour is brighter."""
    bits = thumbnails[..., 1:] > thumbnails[..., :-1]
    return np.packbits(bits.reshape(*bits.shape[:-2], 64), axis=-1).view(">u8")[..., 0].astype(np.uint64)


def near_duplicate_groups(hashes: np.ndarray, distance: int = MAX_DISTANCE) -> np.ndarray:
    """uint64 (n,) -> int (n,): equal numbers for hashes that a chain of steps of at most ``distance`` bits
    connects.

    The 64 bits are cut into distance + 1 bands: two hashes that differ in at most ``distance`` bits must
    agree on one band (pigeonhole), so only hashes that share a band are ever compared. 100,000 photos take
    seconds.
    """
    unique, where = np.unique(np.asarray(hashes, dtype=np.uint64), return_inverse=True)
    sets = _DisjointSets(len(unique))
    edges = np.linspace(0, 64, distance + 2).round().astype(int)
    for low, high in pairwise(edges.tolist()):
        band = (unique >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        order = np.argsort(band, kind="stable")
        band, sorted_hashes = band[order], unique[order]
        # Compare each hash with its 1st, 2nd, 3rd ... successor, as long as that shares its band: all buckets
        # at once.
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


def looks_alike(thumbnails: np.ndarray) -> np.ndarray:
    """uint8 (n, 8, 9) -> int (n,): equal numbers for pictures that are near-duplicates of each other."""
    hashes = dhash(thumbnails)
    # The dhash of a flat picture is all zeros, whatever its colour: near that, small distances mean nothing,
    # and they would chain thousands of unrelated pictures together. Such pictures are duplicates only if
    # their thumbnails agree to 3 bits.
    set_bits = np.bitwise_count(hashes)
    flat = (set_bits < FLAT_BITS) | (set_bits > 64 - FLAT_BITS)
    numbers = np.empty(len(hashes), dtype=int)
    numbers[~flat] = near_duplicate_groups(hashes[~flat])
    coarse: dict[bytes, int] = {}
    numbers[flat] = [
        -1 - coarse.setdefault((picture >> 5).tobytes(), len(coarse)) for picture in thumbnails[flat]
    ]
    return numbers


def joined_groups(alike: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """int (n,): equal for rows that a chain of equal numbers in ``alike`` and equal ``names`` ("" is none)
    connects: the place of the first of them."""
    sets = _DisjointSets(len(names))
    first: dict[object, int] = {}
    for place, (number, name) in enumerate(zip(alike.tolist(), names, strict=True)):
        sets.join(place, first.setdefault(number, place))
        if name:
            sets.join(place, first.setdefault(("named", name), place))
    return np.array([sets.find(place) for place in range(len(names))], dtype=np.intp)
