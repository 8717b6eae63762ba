"""Files and folders with names that are no UTF-8, that are hidden, or that lead round in a circle."""

import os
from pathlib import Path

import pytest

from detector.datasets import DatasetError, labelled_images, load_dataset
from tests.datasets.making import error, labels, picture


def latin(name: str) -> str:
    """The name as Linux hands it over where it was written in Latin-1."""
    return os.fsdecode(name.encode("latin-1"))


def put(path: Path, seed: int) -> None:
    """A picture there; the test is left out where the file system takes UTF-8 only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            picture(seed).save(file, "PNG")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")


def test_a_file_name_that_is_no_utf8_is_listed_and_left_out(two_classes):
    put(two_classes.root / "ai" / latin("caf\u00e9.png"), 99)
    dataset = load_dataset(two_classes.root)
    assert len(dataset.rows) == 20
    assert dataset.unreadable == (
        ("ai/caf\\xe9.png", "The path is no UTF-8; rename the file or its folder."),
    )
    assert dataset.notes == ("1 image was left out: missing or unreadable.",)
    assert len(labelled_images(two_classes.root)) == 20


def test_a_source_folder_that_is_no_utf8_is_left_out(make):
    for name in ("shop", latin("mus\u00e9e")):
        for number, label in enumerate(["ai", "real"] * 10):
            put(make.root / name / label / f"{number}.png", number)
    dataset = load_dataset(make.root)
    assert set(dataset.rows["source"]) == {"shop"} and len(dataset.unreadable) == 20


def test_a_class_folder_that_is_no_utf8_is_named_in_the_sentence(two_classes):
    put(two_classes.root / latin("r\u00e9el") / "1.png", 1)
    assert "r\\xe9el" in error(two_classes.root).encode("utf-8").decode()


def test_a_dataset_in_a_folder_that_is_no_utf8_loads(make, tmp_path):
    root = tmp_path / latin("donn\u00e9es")
    for number, label in enumerate(["ai", "real"] * 10):
        put(root / label / f"{number}.png", number)
    dataset = load_dataset(root)
    assert len(dataset.rows) == 20 and set(dataset.rows["source"]) == {"donn\\xe9es"}
    assert all(dataset.path(id).is_file() for id in dataset.rows["id"])


def test_a_table_whose_name_is_no_utf8_is_read(make):
    make.manifest()
    renamed = make.root / latin("\u00e9tiquettes.csv")
    (make.root / "manifest.csv").rename(renamed)
    assert len(load_dataset(renamed).rows) == len(load_dataset(make.root).rows) == 20


@pytest.mark.parametrize(
    "content", ["", "a,b\n1,2\n", "file,label\n", "file,label\nx.png,cat\n", "file,label\nx.png,ai\n"]
)
def test_every_refusal_below_a_folder_that_is_no_utf8_can_be_printed(tmp_path, content):
    root = tmp_path / latin("donn\u00e9es")
    put(root / latin("\u00e9t\u00e9") / "1.png", 1)
    (root / latin("\u00e9tiquettes.csv")).write_text(content)
    for path in (
        root / "nothing",
        root / latin("\u00e9tiquettes.csv"),
        root / latin("\u00e9t\u00e9") / "1.png",
        root,
    ):
        with pytest.raises(DatasetError) as caught:
            load_dataset(path)
        str(caught.value).encode("utf-8")


def test_a_dataset_of_nothing_but_such_names_is_refused_in_a_sentence(tmp_path):
    put(tmp_path / "ai" / latin("\u00e9.png"), 1)
    put(tmp_path / "real" / latin("\u00e9.png"), 2)
    assert "None of the 2 images" in error(tmp_path)


# ---- hidden files, and suffixes in upper case


@pytest.mark.parametrize(
    "name",
    [".hidden.png", "._0001.png", ".thumbs/1.png", "__MACOSX/1.png", "@eaDir/1.png", "$RECYCLE.BIN/1.png"],
)
def test_hidden_pictures_never_count(two_classes, name):
    two_classes.save(f"ai/{name}", picture(99))
    two_classes.save(name, picture(99))
    dataset = load_dataset(two_classes.root)
    assert len(dataset.rows) == 20 and dataset.notes == () and dataset.unreadable == ()


@pytest.mark.parametrize("name", ["Thumbs.db", "desktop.ini", ".DS_Store"])
def test_what_systems_leave_in_a_folder_does_not_count(two_classes, name):
    for folder in ("", "ai/", "real/"):
        (two_classes.root / f"{folder}{name}").write_bytes(b"x")
    dataset = load_dataset(two_classes.root)
    assert len(dataset.rows) == 20 and dataset.notes == ()


def test_a_hidden_table_does_not_count(make):
    make.manifest()
    (make.root / "manifest.csv").rename(make.root / "labels.csv")
    (make.root / "._labels.csv").write_bytes(b"\x00\x05\x16\x07")
    assert len(load_dataset(make.root).rows) == 20


@pytest.mark.parametrize("name", ["manifest.csv", "MANIFEST.CSV", "Labels.CSV", "Train.Csv"])
def test_a_table_in_upper_case_counts(make, name):
    make.manifest()
    (make.root / "manifest.csv").rename(make.root / name)
    assert len(load_dataset(make.root).rows) == 20


def test_pictures_with_suffixes_in_upper_case_count(make):
    make("ai", 10, ".PNG")
    make("real", 10, ".JPG")
    assert len(load_dataset(make.root).rows) == 20


# ---- links that lead round in a circle


@pytest.mark.parametrize("name", ["loop", "loop.png", "loop.csv"])
def test_a_link_to_itself_ends(two_classes, name):
    for folder in (two_classes.root, two_classes.root / "ai"):
        (folder / name).symlink_to(folder / name)
    assert len(load_dataset(two_classes.root).rows) == 20


def test_links_to_a_folder_above_end(two_classes):
    (two_classes.root / "ai" / "up").symlink_to(two_classes.root)
    (two_classes.root / "round").symlink_to(two_classes.root)
    assert len(load_dataset(two_classes.root).rows) == 20


def test_a_root_that_is_a_link_to_itself_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "loop" in error(tmp_path / "loop")


def test_a_folder_that_holds_only_a_link_to_itself_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "There are no images" in error(tmp_path)


def test_a_pipe_with_a_pictures_name_is_not_waited_for(two_classes):
    os.mkfifo(two_classes.root / "ai" / "pipe.png")
    assert load_dataset(two_classes.root).unreadable == (("ai/pipe.png", "This is not a file."),)
    assert "ai/pipe.png" not in labels(load_dataset(two_classes.root))
