"""Near-duplicates by a 64-bit dhash."""

import random
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from detector.datasets import dhash, load_dataset, near_duplicate_groups, thumbnail
from detector.near_duplicates import looks_alike
from tests.datasets.making import picture


def test_dhash_of_a_hand_computed_array():
    rows = np.zeros((8, 9), dtype=np.uint8)
    rows[0] = [0, 1, 2, 3, 4, 5, 6, 7, 8]  # brighter at every step: 1111 1111
    rows[1] = [8, 7, 6, 5, 4, 3, 2, 1, 0]  # darker at every step:   0000 0000
    rows[2] = [0, 9, 0, 9, 0, 9, 0, 9, 0]  #                         1010 1010
    rows[7] = [0, 0, 0, 0, 0, 0, 0, 0, 1]  # equal is not brighter:  0000 0001
    assert int(dhash(rows)) == 0xFF00AA0000000001
    assert dhash(np.stack([rows, rows])).shape == (2,)


def test_thumbnail_is_8_rows_of_9():
    assert thumbnail(np.zeros((40, 30, 3), dtype=np.uint8)).shape == (8, 9)


def brute_force_groups(hashes, distance=4):
    groups = list(range(len(hashes)))
    for i in range(len(hashes)):
        for j in range(i):
            if int(hashes[i] ^ hashes[j]).bit_count() <= distance and groups[i] != groups[j]:
                old, new = groups[i], groups[j]
                groups = [new if group == old else group for group in groups]
    return groups


def as_sets(groups):
    return {
        frozenset(np.flatnonzero(np.asarray(groups) == group).tolist())
        for group in set(np.asarray(groups).tolist())
    }


def flip(hash: int, bits) -> int:
    for bit in bits:
        hash ^= 1 << bit
    return hash


@pytest.mark.parametrize("seed", range(5))
def test_near_duplicate_groups_agree_with_brute_force(seed):
    draw = random.Random(seed)
    hashes = [draw.getrandbits(64) for _ in range(60)]
    hashes += [flip(draw.choice(hashes), draw.sample(range(64), draw.randint(0, 8))) for _ in range(200)]
    hashes = np.array(hashes, dtype=np.uint64)
    assert as_sets(near_duplicate_groups(hashes)) == as_sets(brute_force_groups(hashes))


def test_four_bits_are_near_and_five_are_not():
    start = 0x0123456789ABCDEF
    for bits, together in ((range(0, 60, 15), True), ((0, 14, 28, 40, 60), False), ((60, 61, 62, 63), True)):
        groups = near_duplicate_groups(np.array([start, flip(start, bits)], dtype=np.uint64))
        assert (groups[0] == groups[1]) == together


def test_20000_hashes_are_grouped_quickly():
    draw = np.random.default_rng(0)
    hashes = draw.integers(0, 2**64, 10_000, dtype=np.uint64)
    copies = hashes ^ (np.uint64(1) << draw.integers(0, 64, 10_000, dtype=np.uint64))
    start = time.perf_counter()
    groups = near_duplicate_groups(np.concatenate([hashes, copies]))
    assert time.perf_counter() - start < 5
    assert (groups[:10_000] == groups[10_000:]).all()
    assert len(set(groups.tolist())) == 10_000


def test_20000_hashes_in_one_bucket_are_grouped_quickly():
    """All agree on the lowest 13 bits, so banding saves nothing there."""
    hashes = np.random.default_rng(0).integers(0, 2**51, 20_000, dtype=np.uint64) << np.uint64(13)
    start = time.perf_counter()
    assert len(set(near_duplicate_groups(hashes).tolist())) == 20_000
    assert time.perf_counter() - start < 30


def test_no_hashes_no_groups():
    assert near_duplicate_groups(np.array([], dtype=np.uint64)).tolist() == []


def test_reencoded_and_resized_copies_share_a_group(two_classes):
    original = picture(1)  # = ai/0001.png
    two_classes.save("ai/jpeg.jpg", original, quality=60)
    two_classes.save("ai/large.png", original.resize((500, 444)))
    two_classes.save("real/small.webp", original.resize((50, 44)), quality=80)
    groups = load_dataset(two_classes.root).rows.set_index("id")["group"]
    same = ["ai/0001.png", "ai/jpeg.jpg", "ai/large.png", "real/small.webp"]
    assert set(groups[same]) == {"ai/0001.png"}
    assert groups.nunique() == 20


def test_flat_pictures_are_near_duplicates_only_of_their_own_shade(two_classes):
    for name, shade in (("white", 255), ("white2", 255), ("grey", 128), ("black", 0)):
        two_classes.save(f"ai/{name}.png", Image.new("RGB", (64, 64), (shade,) * 3))
    groups = load_dataset(two_classes.root).rows.set_index("id")["group"]
    assert groups["ai/white.png"] == groups["ai/white2.png"]
    assert groups[["ai/white.png", "ai/grey.png", "ai/black.png"]].nunique() == 3


def test_named_groups_are_kept_and_near_duplicates_join_them(make):
    table = make.manifest(10)
    make.save("images/copy.jpg", picture(3), quality=70)
    table = pd.concat(
        [table, pd.DataFrame({"file": ["images/copy.jpg"], "label": ["ai"]})], ignore_index=True
    )
    table["group"] = ["g"] * 2 + ["h"] * 2 + [""] * 17
    table.to_csv(make.root / "manifest.csv", index=False)
    groups = load_dataset(make.root).rows.set_index("id")["group"]
    assert groups[table["file"]].tolist()[:4] == ["g", "g", "h", "h"]
    assert groups["images/copy.jpg"] == "h"
    assert groups[table["file"][4:20]].nunique() == 16


def test_pictures_look_alike_by_their_steps_and_flat_ones_by_their_shade():
    rng = np.random.default_rng(0)
    one, another = rng.integers(0, 256, (2, 8, 9), dtype=np.uint8)
    flat = np.full((8, 9), 64, np.uint8)
    numbers = looks_alike(np.stack([another, one, flat, one, flat + 96, flat + 1])).tolist()
    assert numbers[1] == numbers[3] and numbers[2] == numbers[5]
    assert len(set(numbers)) == 4
    assert looks_alike(np.zeros((0, 8, 9), np.uint8)).tolist() == []
