"""What cannot be used is refused in a sentence that says what to do."""

import pandas as pd
import pytest

from detector.datasets import load_dataset
from tests.datasets.making import error, picture


def test_missing_folder(tmp_path):
    assert error(tmp_path / "nowhere").endswith(
        "does not exist. Give the folder of a dataset, or its CSV file."
    )


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
    assert (
        error(make.root) == "All images found are real. Add AI-generated ones: a detector learns from both."
    )


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
        error(make.root)
        == f"{name} needs the columns file (or file_name) and label; its columns are: picture, class."
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
