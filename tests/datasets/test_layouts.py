"""Which layout a folder has, and what its names say."""

import numpy as np
import pytest

from detector import datasets
from detector.datasets import COLUMNS, load_dataset
from tests.datasets.making import labels, sizes


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
        "id": files[0],
        "y_true": 1,
        "split": "train",
        "source": "s1",
        "generator": "SDXL",
        "kind": "photo",
        "paired": True,
        "group": "007",
    }
    assert dataset.rows["split"].tolist() == ["train", "train", "val", "val"]
    assert dataset.rows["generator"].tolist()[2] == "unknown"
    assert dataset.notes == () and dataset.unreadable == ()


def test_manifest_columns_named_original_are_carried_along_as_numbers_where_they_are(make):
    make.manifest(
        10,
        original_width=[640] * 19 + [""],
        original_format=["JPEG", "PNG"] * 9 + ["", "7"],
        original_note="",
        Original_Bytes="1e3",
        licence="none",
    )
    rows = load_dataset(make.root).rows
    assert tuple(rows.columns) == (
        *COLUMNS,
        "original_width",
        "original_format",
        "original_note",
        "original_bytes",
    )
    assert rows["original_width"].tolist()[:19] == [640.0] * 19 and np.isnan(rows["original_width"][19])
    assert (
        rows["original_format"].isna().tolist() == [False] * 18 + [True, False]
        and rows["original_format"][19] == "7"
    )
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
    make.csv(
        ",file_name,label\n" + "".join(f"{i},{file},{i % 2}\n" for i, file in enumerate(files)), "train.csv"
    )
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
    "name",
    ["real", "RealArt", "0_real", "human", "Nature", "natural", "authentic", "genuine", "photo", "camera"],
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
    "sources",
    [("imagenet_ai_0419_sdv4", "imagenet_midjourney"), ("Midjourney", "BigGAN"), ("nature", "city")],
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
    two_classes.csv(
        "file_name,label\n" + "".join(f"{id},{int(id.startswith('real'))}\n" for id in ids), "train.csv"
    )
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
