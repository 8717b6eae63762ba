"""detector.datasets: layouts, labels, near-duplicates and splits, on tiny pictures made here."""

import random
import shutil
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from detector import datasets
from detector.datasets import COLUMNS, DatasetError, dhash, leave_out, load_dataset, near_duplicate_groups, source_folds, thumbnail

# ---- making datasets -----------------------------------------------------------------------------------------------------


def picture(seed: int, size=(72, 64)) -> Image.Image:
    """A smooth random picture: survives resizing and JPEG, and shares no dhash with another seed's."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


class Maker:
    """Writes pictures below a root, each different from all before."""

    def __init__(self, root: Path):
        self.root, self.seed = root, 0

    def __call__(self, folder: str, n: int = 1, suffix: str = ".png") -> list[str]:
        ids = []
        for _ in range(n):
            self.seed += 1
            ids.append(f"{folder}/{self.seed:04d}{suffix}" if folder else f"{self.seed:04d}{suffix}")
            self.save(ids[-1], picture(self.seed))
        return ids

    def save(self, id: str, image: Image.Image, **options) -> None:
        path = self.root / id
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, **options)

    def csv(self, text: str, name: str = "manifest.csv") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def manifest(self, n: int = 10, **columns) -> pd.DataFrame:
        """A manifest of n pictures per class with the columns given (a value, or one per row); written, and returned."""
        table = pd.DataFrame({"file": self("images", 2 * n), "label": ["ai", "real"] * n, **columns})
        table.to_csv(self.root / "manifest.csv", index=False)
        return table


@pytest.fixture
def make(tmp_path):
    root = tmp_path / "pictures"
    root.mkdir()
    return Maker(root)


@pytest.fixture
def two_classes(make):
    make("ai", 10)
    make("real", 10)
    return make


def labels(dataset) -> dict[str, int]:
    return dict(zip(dataset.rows["id"], dataset.rows["y_true"], strict=True))


def sizes(dataset) -> dict[tuple[str, int], int]:
    return dataset.rows.groupby(["split", "y_true"]).size().to_dict()


def error(root, **options) -> str:
    with pytest.raises(DatasetError) as caught:
        load_dataset(root, **options)
    return str(caught.value)


# ---- layouts -------------------------------------------------------------------------------------------------------------


def test_manifest_columns_are_taken_as_given(make):
    files = make("images", 4)
    make.csv(
        "file,label,split,source,generator,kind,paired,group,licence\n"
        f"{files[0]},ai,train,s1,SDXL,photo,True,007,none\n"
        f"{files[1]},real,train,s1,camera,photo,True,8,none\n"
        f"{files[2]},Fake,validation,s2,,art,False,9,none\n"
        f"{files[3]},REAL,val,s2,camera,face,False,10,none\n"
    )
    dataset = load_dataset(make.root, test_fraction=0)
    assert dataset.layout == "manifest"
    assert tuple(dataset.rows.columns) == COLUMNS
    assert dataset.rows["y_true"].dtype == np.int8
    assert dataset.rows["paired"].dtype == bool
    assert dataset.rows.iloc[0].to_dict() == {
        "id": files[0], "y_true": 1, "split": "train", "source": "s1", "generator": "SDXL", "kind": "photo", "paired": True, "group": "007",
    }  # fmt: skip
    assert dataset.rows["split"].tolist() == ["train", "train", "val", "val"]
    assert dataset.rows["generator"].tolist()[2] == "unknown"
    assert dataset.notes == () and dataset.unreadable == ()


def test_manifest_columns_named_original_are_carried_along_as_numbers_where_they_are(make):
    make.manifest(
        10, original_width=[640] * 19 + [""], original_format=["JPEG", "PNG"] * 9 + ["", "7"], original_note="", Original_Bytes="1e3", licence="none"
    )
    rows = load_dataset(make.root).rows
    assert tuple(rows.columns) == (*COLUMNS, "original_width", "original_format", "original_note", "original_bytes")
    assert rows["original_width"].tolist()[:19] == [640.0] * 19 and np.isnan(rows["original_width"][19])
    assert rows["original_format"].isna().tolist() == [False] * 18 + [True, False] and rows["original_format"][19] == "7"
    assert rows["original_note"].isna().all()
    assert rows["original_bytes"].tolist() == [1000] * 20


def test_manifest_may_be_given_itself_under_any_name(make):
    make.manifest()
    renamed = (make.root / "manifest.csv").rename(make.root / "my pictures.csv")
    dataset = load_dataset(renamed)
    assert dataset.layout == "manifest" and len(dataset.rows) == 20 and dataset.root == make.root


def test_kaggle_csv_with_an_unnamed_index_counts_1_as_ai(make):
    files = make("train_data", 20)
    make("test_data", 3)
    make.csv(",file_name,label\n" + "".join(f"{i},{file},{i % 2}\n" for i, file in enumerate(files)), "train.csv")
    make.csv("id\ntest_data/1.png\n", "test.csv")
    dataset = load_dataset(make.root)
    assert dataset.layout == "csv"
    assert labels(dataset) == {file: i % 2 for i, file in enumerate(files)}
    assert set(dataset.rows["source"]) == {"pictures"}


def test_a_single_csv_of_any_name_is_found(make):
    files = make("x", 20)
    make.csv("file_name,label\n" + "".join(f"{file},{i % 2}\n" for i, file in enumerate(files)), "labels.csv")
    assert load_dataset(make.root).layout == "csv"


def test_cifake_keeps_its_test_split_and_cuts_val_from_train(make):
    for folder, n in (("train/REAL", 20), ("train/FAKE", 20), ("test/REAL", 5), ("test/FAKE", 6)):
        make(folder, n)
    dataset = load_dataset(make.root)
    assert dataset.layout == "split folders"
    assert sizes(dataset) == {
        ("train", 0): 18,
        ("train", 1): 18,
        ("val", 0): 2,
        ("val", 1): 2,
        ("test", 0): 5,
        ("test", 1): 6,
    }
    assert all(id.split("/")[1] == ("FAKE" if y else "REAL") for id, y in labels(dataset).items())
    assert all(dataset.split("test")["id"].str.startswith("test/"))


@pytest.mark.parametrize("name", ["val", "valid", "Validation"])
def test_every_name_of_a_validation_folder_is_known(make, name):
    for split in ("train", name, "test"):
        make(f"{split}/ai", 3)
        make(f"{split}/real", 3)
    dataset = load_dataset(make.root)
    assert sizes(dataset) == {(split, y): 3 for split in ("train", "val", "test") for y in (0, 1)}


def test_splits_inside_the_class_folders_are_kept(make):
    for split in ("train", "valid", "test"):
        make(f"ai/{split}", 3)
        make(f"real/{split}", 3)
    dataset = load_dataset(make.root)
    assert sizes(dataset) == {(split, y): 3 for split in ("train", "val", "test") for y in (0, 1)}


@pytest.mark.parametrize(
    "name",
    [
        "ai",
        "AI_Generated",
        "ai-generated",
        "aigenerated",
        "Generated",
        "FAKE",
        "1_fake",
        "synthetic",
        "artificial",
        "AiArtData",
        "Midjourney",
        "sd",
    ],
)
def test_class_folders_that_mean_ai(make, name):
    make(name, 10)
    make("real", 10)
    dataset = load_dataset(make.root)
    assert dataset.layout == "class folders"
    assert all(y == (not id.startswith("real/")) for id, y in labels(dataset).items())


@pytest.mark.parametrize(
    "name", ["real", "RealArt", "0_real", "human", "Nature", "natural", "authentic", "genuine", "photo", "camera"]
)
def test_class_folders_that_mean_real(make, name):
    make(name, 10)
    make("ai", 10)
    assert all(y == id.startswith("ai/") for id, y in labels(load_dataset(make.root)).items())


def test_no_name_means_both_classes():
    assert not datasets.AI_NAMES & datasets.REAL_NAMES
    assert not (datasets.AI_NAMES | datasets.REAL_NAMES) & set(datasets.SPLIT_NAMES)


def test_several_class_folders_may_mean_the_same_class_and_name_the_generator(make):
    for name in ("midjourney", "SDXL", "real"):
        make(name, 6)
    make("fake/flux", 6)
    rows = load_dataset(make.root).rows
    assert set(zip(rows["y_true"], rows["generator"], strict=True)) == {
        (1, "midjourney"),
        (1, "SDXL"),
        (1, "flux"),
        (0, "unknown"),
    }


def test_class_folders_repeated_inside_themselves_are_no_generators(make):
    make("AiArtData/AiArtData", 10, ".jpg")
    make("RealArt/RealArt", 10, ".jpg")
    rows = load_dataset(make.root).rows
    assert rows.groupby("y_true").size().to_dict() == {0: 10, 1: 10}
    assert set(rows["generator"]) == {"unknown"}


@pytest.mark.parametrize("wrapper", ["archive", "archive/real_vs_fake", "ai"])
def test_folders_that_only_hold_the_dataset_are_entered(make, wrapper):
    make(f"{wrapper}/ai", 10)
    make(f"{wrapper}/real", 10)
    dataset = load_dataset(make.root)
    assert dataset.root == make.root / wrapper
    assert set(dataset.rows["id"].str.split("/").str[0]) == {"ai", "real"}


def test_a_wrapped_csv_is_found(make):
    table = make.manifest()
    inner = make.root / "zip"
    inner.mkdir()
    (make.root / "images").rename(inner / "images")
    (make.root / "manifest.csv").rename(inner / "manifest.csv")
    assert labels(load_dataset(make.root)).keys() == set(table["file"])


@pytest.mark.parametrize(
    "sources", [("imagenet_ai_0419_sdv4", "imagenet_midjourney"), ("Midjourney", "BigGAN"), ("nature", "city")]
)
def test_genimage_source_folders_become_the_source(make, sources):
    for source in sources:
        for split in ("train", "val"):
            make(f"{source}/{split}/ai", 4)
            make(f"{source}/{split}/nature", 4)
    dataset = load_dataset(make.root, test_fraction=0)
    assert dataset.layout == "split folders"
    assert dataset.rows.groupby(["source", "split", "y_true"]).size().to_dict() == {
        (s, k, y): 4 for s in sources for k in ("train", "val") for y in (0, 1)
    }
    assert all(y == ("/ai/" in id) for id, y in labels(dataset).items())


def test_source_folders_with_class_folders_and_no_splits(make):
    make("shop/ai", 10)
    make("shop/real", 10)
    make("museum/real", 10)
    dataset = load_dataset(make.root)
    assert dataset.rows.groupby(["source", "y_true"]).size().to_dict() == {
        ("shop", 0): 10,
        ("shop", 1): 10,
        ("museum", 0): 10,
    }


def test_folder_names_go_before_a_csv_that_is_no_manifest(two_classes):
    """140k real and fake faces ships a train.csv in which 1 means real."""
    ids = [path.relative_to(two_classes.root).as_posix() for path in two_classes.root.rglob("*.png")]
    two_classes.csv("file_name,label\n" + "".join(f"{id},{int(id.startswith('real'))}\n" for id in ids), "train.csv")
    dataset = load_dataset(two_classes.root)
    assert dataset.layout == "class folders"
    assert all(y == id.startswith("ai/") for id, y in labels(dataset).items())


def test_hidden_files_and_other_files_are_passed_over(two_classes):
    (two_classes.root / "ai" / "readme.txt").write_text("hello")
    (two_classes.root / "ai" / "._0001.png").write_bytes(b"x")
    (two_classes.root / "__MACOSX").mkdir()
    (two_classes.root / "__MACOSX" / "x.png").write_bytes(b"x")
    dataset = load_dataset(two_classes.root)
    assert len(dataset.rows) == 20 and not dataset.unreadable


def test_images_outside_the_class_folders_are_left_out_and_said(make):
    for split in ("train", "val"):
        make(f"{split}/ai", 3)
        make(f"{split}/real", 3)
    make("test", 2)
    dataset = load_dataset(make.root, test_fraction=0)
    assert len(dataset.rows) == 12
    assert dataset.notes == ("2 images were left out: outside the class folders.",)


# ---- near-duplicates -----------------------------------------------------------------------------------------------------


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
        frozenset(np.flatnonzero(np.asarray(groups) == group).tolist()) for group in set(np.asarray(groups).tolist())
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
    table = pd.concat([table, pd.DataFrame({"file": ["images/copy.jpg"], "label": ["ai"]})], ignore_index=True)
    table["group"] = ["g"] * 2 + ["h"] * 2 + [""] * 17
    table.to_csv(make.root / "manifest.csv", index=False)
    groups = load_dataset(make.root).rows.set_index("id")["group"]
    assert groups[table["file"]].tolist()[:4] == ["g", "g", "h", "h"]
    assert groups["images/copy.jpg"] == "h"
    assert groups[table["file"][4:20]].nunique() == 16


# ---- splits --------------------------------------------------------------------------------------------------------------


def test_missing_splits_are_cut_by_the_fractions(make):
    make("ai", 40)
    make("real", 60)
    dataset = load_dataset(make.root, val_fraction=0.1, test_fraction=0.2)
    assert sizes(dataset) == {
        ("train", 1): 28,
        ("val", 1): 4,
        ("test", 1): 8,
        ("train", 0): 42,
        ("val", 0): 6,
        ("test", 0): 12,
    }


def test_no_test_is_cut_for_a_fraction_of_zero(two_classes):
    assert set(load_dataset(two_classes.root, test_fraction=0).rows["split"]) == {"train", "val"}


def test_rows_without_a_split_are_training_images(make):
    make.manifest(4, split=["train", "train", "val", "val", "test", "test", "", ""])
    assert sizes(load_dataset(make.root)) == {
        ("train", 0): 2,
        ("train", 1): 2,
        ("val", 0): 1,
        ("val", 1): 1,
        ("test", 0): 1,
        ("test", 1): 1,
    }


def test_unseen_images_are_never_moved(make):
    make.manifest(10, split=["unseen"] * 8 + [""] * 12)
    dataset = load_dataset(make.root)
    assert dataset.split("unseen")["id"].tolist() == [f"images/{i:04d}.png" for i in range(1, 9)]
    assert sizes(dataset)["test", 0] == 1


def test_splits_depend_on_the_seed_and_nothing_else(make):
    table = make.manifest(30, source=["a", "a", "b", "b"] * 15)
    first = load_dataset(make.root, seed=1)
    again = load_dataset(make.root, seed=1)
    table.sample(frac=1, random_state=0).to_csv(make.root / "manifest.csv", index=False)
    shuffled = load_dataset(make.root, seed=1)
    other = load_dataset(make.root, seed=2)
    pd.testing.assert_frame_equal(first.rows, again.rows)
    pd.testing.assert_frame_equal(first.rows, shuffled.rows)
    assert first.rows["split"].tolist() != other.rows["split"].tolist()


def test_adding_an_image_leaves_most_of_the_split_alone(make):
    make("ai", 50)
    make("real", 50)
    before = load_dataset(make.root).rows.set_index("id")["split"]
    make("ai", 1)
    after = load_dataset(make.root).rows.set_index("id")["split"]
    assert (before == after[before.index]).sum() >= 96


def test_named_groups_stay_whole(make):
    make.manifest(60, group=[f"g{i // 8}" for i in range(120)])
    dataset = load_dataset(make.root, val_fraction=0.2, test_fraction=0.2)
    assert (dataset.rows.groupby("group")["split"].nunique() == 1).all()
    assert set(dataset.rows["split"]) == {"train", "val", "test"}


def test_near_duplicates_stay_whole(make):
    for seed in range(1, 31):
        folder = "ai" if seed % 2 else "real"
        make.save(f"{folder}/{seed}.png", picture(seed))
        make.save(f"{folder}/{seed} again.jpg", picture(seed), quality=75)
    rows = load_dataset(make.root, val_fraction=0.2, test_fraction=0.2).rows
    assert rows["group"].nunique() == 30
    assert (rows.groupby("group")["split"].nunique() == 1).all()


def test_every_source_and_class_gives_its_share(make):
    make.manifest(60, source=(["a"] * 2 + ["b"] * 4) * 20)
    rows = load_dataset(make.root, val_fraction=0.2, test_fraction=0.1).rows
    counts = rows.groupby(["source", "y_true", "split"]).size().to_dict()
    expected = {("a", 20): (14, 4, 2), ("b", 40): (28, 8, 4)}
    assert counts == {
        (source, y, split): n
        for (source, _), shares in expected.items()
        for y in (0, 1)
        for split, n in zip(("train", "val", "test"), shares, strict=True)
    }


def test_many_tiny_sources_still_give_a_tenth(make):
    make.manifest(40, source=[f"s{i // 4}" for i in range(80)])
    assert sizes(load_dataset(make.root)) == {("train", 0): 32, ("train", 1): 32} | {
        (split, y): 4 for split in ("val", "test") for y in (0, 1)
    }


def test_a_tiny_class_still_gives_one_image(make):
    make("ai", 4)
    make("real", 30)
    found = sizes(load_dataset(make.root))
    assert (found["train", 1], found["val", 1], found["test", 1]) == (2, 1, 1)


def test_training_copies_of_test_images_are_dropped_and_said(make):
    for folder in ("train/ai", "train/real", "test/ai", "test/real"):
        make(folder, 10)
    make.save("train/ai/leak.jpg", picture(25), quality=60)  # of test/ai/0025.png
    dataset = load_dataset(make.root)
    assert "train/ai/leak.jpg" not in set(dataset.rows["id"])
    assert "test/ai/0025.png" in set(dataset.split("test")["id"])
    assert dataset.notes == ("1 training image was left out: near-duplicates of images in val, test or unseen.",)


def test_a_named_group_on_both_sides_of_train_is_dropped_from_train(make):
    table = make.manifest(6, split=["train"] * 8 + ["val"] * 4, group=[*"abcdefghaijk"])
    dataset = load_dataset(make.root, test_fraction=0)
    assert set(table["file"]) - set(dataset.rows["id"]) == {table["file"][0]}


# ---- unreadable, missing and hostile files -------------------------------------------------------------------------------


def test_unreadable_images_are_listed_and_left_out(two_classes):
    (two_classes.root / "ai" / "broken.jpg").write_bytes(b"not a picture")
    buffer = BytesIO()
    Image.effect_noise((200, 200), 80).save(buffer, "JPEG")
    (two_classes.root / "real" / "cut.jpg").write_bytes(buffer.getvalue()[: buffer.tell() // 2])
    dataset = load_dataset(two_classes.root)
    assert [id for id, _ in dataset.unreadable] == ["ai/broken.jpg", "real/cut.jpg"]
    assert all(sentence.endswith(".") for _, sentence in dataset.unreadable)
    assert len(dataset.rows) == 20
    assert dataset.notes == ("2 images were left out: missing or unreadable.",)


def test_broken_images_are_found_when_groups_and_splits_are_given_too(make):
    table = make.manifest(4, split=["train"] * 4 + ["val"] * 4, group=range(8))
    (make.root / table["file"][0]).write_bytes(b"no")
    assert [id for id, _ in load_dataset(make.root, test_fraction=0).unreadable] == [table["file"][0]]


def test_without_checks_nothing_is_decoded_but_missing_files_are_found(make, monkeypatch):
    table = make.manifest(10)
    (make.root / table["file"][0]).write_bytes(b"no")
    (make.root / table["file"][1]).unlink()
    monkeypatch.setattr(datasets.files, "read_image", lambda *_, **__: pytest.fail("decoded"))
    dataset = load_dataset(make.root, check_files=False)
    assert dataset.unreadable == ((table["file"][1], "The file was not found."),)
    assert table["file"][0] in labels(dataset)
    assert dataset.rows["group"].tolist() == dataset.rows["id"].tolist()
    assert any("Near-duplicates were not looked for" in note for note in dataset.notes)


def test_nothing_is_hashed_when_groups_are_given(make, monkeypatch):
    make.manifest(10, group=range(20))
    monkeypatch.setattr(datasets.files, "dhash", lambda thumbnails: pytest.fail("hashed") if len(thumbnails) else thumbnails)
    assert len(load_dataset(make.root).rows) == 20


def test_progress_counts_up_to_all_images(two_classes):
    calls = []
    load_dataset(two_classes.root, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(20, 20)]


def test_an_exception_from_progress_stops_the_reading(two_classes):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_dataset(two_classes.root, progress=stop)


@pytest.mark.parametrize(
    "file",
    ["{outside}", "../secret.png", "images/../../secret.png", "..\\secret.png", "C:/secret.png", "linked/secret.png"],
)
def test_paths_out_of_the_folder_are_refused(make, file):
    outside = make.root.parent / "elsewhere"
    outside.mkdir()
    for folder in (outside, make.root.parent):
        picture(99).save(folder / "secret.png")
    (make.root / "linked").symlink_to(outside)
    table = make.manifest(10)
    table.loc[0, "file"] = file.format(outside=outside / "secret.png")
    table.to_csv(make.root / "manifest.csv", index=False)
    dataset = load_dataset(make.root)
    assert len(dataset.rows) == 19
    assert [sentence for _, sentence in dataset.unreadable] == [
        "The path leads out of the dataset's folder, so the file was not opened."
    ]


def test_a_linked_file_out_of_the_folder_is_refused(two_classes):
    picture(99).save(two_classes.root.parent / "secret.png")
    (two_classes.root / "ai" / "link.png").symlink_to(two_classes.root.parent / "secret.png")
    dataset = load_dataset(two_classes.root)
    assert dataset.unreadable == (
        ("ai/link.png", "The file is a link that leads out of the dataset's folder, so it was not opened."),
    )


def test_a_linked_root_is_fine(two_classes):
    link = two_classes.root.parent / "link"
    link.symlink_to(two_classes.root)
    dataset = load_dataset(link)
    assert len(dataset.rows) == 20
    assert all(dataset.path(id).is_file() for id in dataset.rows["id"])


@pytest.mark.parametrize(
    ("file", "sentence"),
    [("", "This row names no file."), ("images", "This is not a file."), ("a\0b", "This row names no file.")],
)
def test_rows_that_are_no_files_are_listed(make, file, sentence):
    table = make.manifest(10)
    table.loc[0, "file"] = file
    table.to_csv(make.root / "manifest.csv", index=False)
    assert [found for _, found in load_dataset(make.root).unreadable] == [sentence]


def test_windows_paths_in_a_manifest_are_understood(make):
    table = make.manifest(10)
    table.assign(file=table["file"].str.replace("/", "\\")).to_csv(make.root / "manifest.csv", index=False)
    assert labels(load_dataset(make.root)).keys() == set(table["file"])


def test_repeated_rows_are_kept_once(make):
    table = make.manifest(10)
    pd.concat([table, table.assign(file="./" + table["file"])]).to_csv(make.root / "manifest.csv", index=False)
    assert len(load_dataset(make.root).rows) == 20


# ---- the hash that fixes what was trained on -----------------------------------------------------------------------------


def test_manifest_hash_ignores_the_order_of_rows_and_where_the_folder_lies(make, tmp_path):
    table = make.manifest(10)
    first = load_dataset(make.root).manifest_hash
    shutil.copytree(make.root, tmp_path / "copy" / "pictures")
    table.iloc[::-1].to_csv(make.root / "manifest.csv", index=False)
    assert len(first) == 64
    assert load_dataset(make.root).manifest_hash == first
    assert load_dataset(tmp_path / "copy" / "pictures").manifest_hash == first


def test_manifest_hash_changes_with_a_label_a_split_or_an_image(make):
    table = make.manifest(6, split=["train"] * 4 + ["val"] * 4 + ["test"] * 4)
    hashes = [load_dataset(make.root).manifest_hash]
    for row, column, value in ((4, "label", "real"), (11, "split", "train")):
        changed = table.copy()
        changed.loc[row, column] = value
        if column == "label":
            changed.loc[5, "label"] = "ai"
        changed.to_csv(make.root / "manifest.csv", index=False)
        hashes.append(load_dataset(make.root).manifest_hash)
    table[:-1].to_csv(make.root / "manifest.csv", index=False)
    hashes.append(load_dataset(make.root).manifest_hash)
    assert len(set(hashes)) == 4


# ---- errors say what to do -----------------------------------------------------------------------------------------------


def test_missing_folder(tmp_path):
    assert error(tmp_path / "nowhere").endswith("does not exist. Give the folder of a dataset, or its CSV file.")


def test_a_file_instead_of_a_folder(tmp_path):
    picture(1).save(tmp_path / "photo.png")
    assert "is a file, not a folder of images" in error(tmp_path / "photo.png")


def test_folder_without_images(tmp_path):
    assert error(tmp_path).endswith("Put them into two folders, ai and real, or add a manifest.csv.")


def test_images_without_class_folders(make):
    make("", 3)
    assert "it has no folders with images" in error(make.root)


@pytest.mark.parametrize("prefix", ["", "train/", "source/"])
def test_unknown_class_folders_are_listed_with_the_names_accepted(make, prefix):
    make(f"{prefix}cats", 3)
    make(f"{prefix}dogs", 3)
    message = error(make.root)
    assert "the folders found are cats, dogs" in message
    assert "ai_generated, fake" in message and "human, nature" in message and "manifest.csv" in message


def test_an_unknown_folder_beside_class_folders(two_classes):
    two_classes("misc", 2)
    assert "the folders found are ai, misc, real" in error(two_classes.root)


def test_class_folders_inside_one_of_the_class_folders(two_classes):
    two_classes("ai/real", 2)
    two_classes("ai/fake", 2)
    assert "cannot be told" in error(two_classes.root)


def test_one_class_only(make):
    make("real", 10)
    assert error(make.root) == "All images found are real. Add AI-generated ones: a detector learns from both."


def test_train_with_one_class_only(make):
    make.manifest(4, split=["val", "train"] * 2 + ["val"] * 4)
    assert error(make.root, test_fraction=0).startswith("The train split has no AI-generated images.")


def test_val_with_one_class_only(make):
    make.manifest(4, split=["train", "train"] * 3 + ["val", "train"])
    assert error(make.root, test_fraction=0).startswith("The val split has no real images.")


def test_too_few_distinct_images_to_cut_a_split(make):
    make.manifest(10, group=["one", "two"] * 10)
    assert "differ from each other" in error(make.root)


def test_a_folder_too_small_to_cut_splits_from_says_how_many_images_were_found(make):
    make("real", 2)
    make("ai", 2)
    assert error(make.root).startswith("2 AI-generated and 2 real images were found: too few real ones")


def test_a_test_split_with_one_class_is_only_a_note(make):
    make.manifest(4, split=["train"] * 4 + ["val"] * 2 + ["test", "val"])
    assert load_dataset(make.root).notes == (
        "The test split has only AI-generated images: no ROC curve can be drawn from it.",
    )


@pytest.mark.parametrize("name", ["manifest.csv", "train.csv", "other.csv"])
def test_csv_without_the_right_columns(make, name):
    make("images", 2)
    make.csv("picture,class\nimages/0001.png,ai\n", name)
    assert (
        error(make.root) == f"{name} needs the columns file (or file_name) and label; its columns are: picture, class."
    )


def test_csv_without_rows(make):
    make.csv("file,label\n")
    assert error(make.root) == "manifest.csv lists no images: add one row per image."


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00binary\xff", b'file,label\n"a,b\n'])
def test_files_that_are_no_csv(make, content):
    (make.root / "manifest.csv").write_bytes(content)
    assert error(make.root) == "manifest.csv cannot be read as a CSV file with a header line, in UTF-8."


@pytest.mark.parametrize("value", ["dog", "2", ""])
def test_unknown_labels_name_the_line_and_the_value(make, value):
    table = make.manifest(3)
    table.loc[2, "label"] = value
    table.to_csv(make.root / "manifest.csv", index=False)
    assert error(make.root).startswith(f"manifest.csv, line 4: the label {value!r} is not known; use")


def test_unknown_splits_name_the_line_and_the_value(make):
    make.manifest(3, split=["train", "elsewhere", "val", "val", "test", "test"])
    assert error(make.root).startswith(
        "manifest.csv, line 3: the split 'elsewhere' is not known; use train, val, test or unseen"
    )


def test_one_file_labelled_both_ways(make):
    table = make.manifest(3)
    pd.concat([table, table[:1].assign(label="real")]).to_csv(make.root / "manifest.csv", index=False)
    assert (
        error(make.root)
        == "images/0001.png is labelled both AI-generated and real. Correct the manifest and try again."
    )


def test_one_file_in_two_splits(make):
    table = make.manifest(3, split="train")
    pd.concat([table, table[:1].assign(split="test")]).to_csv(make.root / "manifest.csv", index=False)
    assert error(make.root).startswith("images/0001.png is put into two splits.")


def test_all_files_missing_says_which_was_looked_for(make):
    make.csv("file,label\na.png,ai\nb.png,real\n")
    message = error(make.root)
    assert message.startswith("None of the 2 images in ") and message.endswith(
        "The first is a.png: The file was not found."
    )


def test_all_files_broken(make):
    for name in ("ai/a.png", "real/b.png"):
        (make.root / name).parent.mkdir()
        (make.root / name).write_bytes(b"no")
    assert error(make.root).startswith("None of the 2 images in ")


@pytest.mark.parametrize("fractions", [(0, 0.1), (0.5, 0.5), (0.1, -0.1)])
def test_impossible_fractions(two_classes, fractions):
    assert "share" in error(two_classes.root, val_fraction=fractions[0], test_fraction=fractions[1])


def test_unknown_split_name_when_asking_for_one(two_classes):
    with pytest.raises(ValueError, match="There is no split 'validation'"):
        load_dataset(two_classes.root).split("validation")


# ---- sources left out --------------------------------------------------------------------------------------------------------


def of_sources(**sizes: int) -> pd.DataFrame:
    """Rows of sources of so many images; those whose name begins with p are paired."""
    return pd.DataFrame([{"source": name, "paired": name.startswith("p")} for name, size in sizes.items() for _ in range(size)])


def test_a_source_is_left_out_as_a_whole_and_in_one_fold():
    table = of_sources(a=5, b=4, c=3, pa=2, pb=6)
    assert table.assign(fold=source_folds(table, 3)).groupby("source")["fold"].nunique().eq(1).all()


def test_the_largest_sources_are_left_out_in_different_folds():
    table = of_sources(a=9, b=8, c=7, d=1)
    folds = dict(zip(table["source"], source_folds(table, 3), strict=True))
    assert len({folds[name] for name in "abc"}) == 3 and folds["d"] == folds["c"]


def test_every_fold_leaves_out_paired_sources():
    table = of_sources(a=90, b=80, pa=5, pb=6)
    folds = source_folds(table, 2)
    assert set(folds[table["paired"]]) == {0, 1}


def test_folds_do_not_depend_on_the_order_of_rows():
    table = of_sources(a=3, b=3, c=3, d=3)
    shuffled = table.sample(frac=1, random_state=1)
    assert pd.Series(source_folds(shuffled, 2), shuffled.index).sort_index().tolist() == source_folds(table, 2).tolist()


@pytest.fixture
def four_sources(make):
    """Two images of each class in train and one of each in val, test and unseen, from each of the sources a, b, c and d."""
    lines = ["file,label,split,source"]
    for source in "abcd":
        for label in ("ai", "real"):
            for split in ("train", "train", "val", "test", "unseen"):
                lines.append(f"{make(source)[0]},{label},{split},{source}")
    make.csv("\n".join(lines))
    return load_dataset(make.root)


def test_left_out_sources_are_unseen_and_nothing_of_test_and_unseen_stays(four_sources):
    left = leave_out(four_sources, 1, 2)
    by_split = left.rows.groupby("split")["source"].agg(lambda sources: "".join(sorted(set(sources)))).to_dict()
    assert set(by_split) == {"train", "val", "unseen"} and by_split["train"] == by_split["val"]
    assert sorted(by_split["train"] + by_split["unseen"]) == list("abcd") and len(by_split["unseen"]) == 2
    own = four_sources.rows.set_index("id")["split"]
    assert set(own[left.rows["id"]]) == {"train", "val"} and len(left.split("unseen")) == 8 and "left out of training" in left.notes[-1]


def test_the_folds_together_leave_out_every_training_image_once(four_sources):
    left = pd.concat([leave_out(four_sources, fold, 3).split("unseen") for fold in range(3)])
    assert sorted(left["id"]) == sorted(four_sources.split("train")["id"])


def test_training_images_like_a_left_out_one_are_dropped(four_sources):
    rows = four_sources.rows
    first = {source: rows.index[(rows["source"] == source) & (rows["split"] == "train")][0] for source in "abcd"}
    groups = rows["group"].astype(str).copy()
    groups[list(first.values())] = "the same picture everywhere"
    left = leave_out(replace(four_sources, rows=rows.assign(group=groups)), 0, 2)
    assert len(left.split("unseen")) == 8 and len(left.split("train")) == 6


def test_a_fold_that_leaves_nothing_to_train_with_is_refused(four_sources):
    alone = four_sources.rows[four_sources.rows["source"] == "a"]
    with pytest.raises(DatasetError, match="fold 0 of 2 left out, there are no .* images to train with"):
        leave_out(replace(four_sources, rows=alone), 0, 2)


def test_another_fold_has_another_hash(four_sources):
    assert len({four_sources.manifest_hash, leave_out(four_sources, 0, 2).manifest_hash, leave_out(four_sources, 1, 2).manifest_hash}) == 3
