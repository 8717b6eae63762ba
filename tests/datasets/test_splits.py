"""Splits: kept where they are brought, cut by whole groups where not."""

import pandas as pd

from detector.datasets import load_dataset
from tests.datasets.making import picture, sizes


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
    assert dataset.notes == (
        "1 training image was left out: near-duplicates of images in val, test or unseen.",
    )


def test_a_named_group_on_both_sides_of_train_is_dropped_from_train(make):
    table = make.manifest(6, split=["train"] * 8 + ["val"] * 4, group=[*"abcdefghaijk"])
    dataset = load_dataset(make.root, test_fraction=0)
    assert set(table["file"]) - set(dataset.rows["id"]) == {table["file"][0]}
