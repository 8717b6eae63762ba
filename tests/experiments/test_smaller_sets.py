"""experiments.smaller_sets: smaller sets of the same pictures, always the same ones."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest
from PIL import Image

from detector.datasets import load_dataset
from experiments.smaller_sets import main
from tests.train.conftest import write_pictures

COUNTS = ["--train", "8", "--val", "4", "--test", "6"]


@pytest.fixture
def collection(tmp_path):
    """72 training pictures, 24 each for validation and test, every second pair of them paired."""
    return write_pictures(tmp_path / "collection", count=120)


def test_a_manifest_has_so_many_of_each_split_and_both_classes_alike(collection):
    assert main(["--data", str(collection), "--out", str(collection / "small.csv"), *COUNTS]) == 0
    rows = load_dataset(collection / "small.csv").rows
    counts = rows.groupby(["split", "y_true"]).size().to_dict()
    assert counts == {
        ("train", 0): 4,
        ("train", 1): 4,
        ("val", 0): 2,
        ("val", 1): 2,
        ("test", 0): 3,
        ("test", 1): 3,
    }
    assert rows[rows["split"] == "test"]["paired"].all()


def test_paired_pictures_only_and_few_of_each_source(collection):
    command = ["--data", str(collection), "--out", str(collection / "small.csv"), "--train", "1000"]
    assert main([*command, "--val", "0", "--test", "0", "--paired", "--per-source", "2"]) == 0
    rows = pd.read_csv(collection / "small.csv")
    assert rows["paired"].all() and set(rows["split"]) == {"train"}
    assert rows.groupby(["source", "label"]).size().max() == 2


def test_the_same_pictures_are_taken_again(collection):
    for name in ("one.csv", "two.csv"):
        main(["--data", str(collection), "--out", str(collection / name), *COUNTS])
    one, two = (pd.read_csv(collection / name)["file"].tolist() for name in ("one.csv", "two.csv"))
    assert one == two


def test_pictures_as_cifake_has_them(collection, tmp_path):
    folder = tmp_path / "cifake"
    assert main(["--data", str(collection), "--out", str(folder), "--cifake", *COUNTS]) == 0
    shutil.rmtree(collection)
    dataset = load_dataset(folder)
    assert dataset.layout == "split folders" and dataset.split("train")["y_true"].sum() == 4
    with Image.open(dataset.path(dataset.rows["id"][0])) as picture:
        assert picture.size == (32, 32)


def test_a_folder_that_is_no_data_set_gets_a_sentence(tmp_path, capsys):
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "small.csv")]) == 2
    assert capsys.readouterr().err.startswith("experiments.smaller_sets: ")
