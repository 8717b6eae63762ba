"""Unreadable, missing and hostile files."""

from io import BytesIO

import pandas as pd
import pytest
from PIL import Image

from detector.datasets import file_measurement, load_dataset, loading
from tests.datasets.making import labels, picture


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
    monkeypatch.setattr(file_measurement, "read_image", lambda *_, **__: pytest.fail("decoded"))
    dataset = load_dataset(make.root, check_files=False)
    assert dataset.unreadable == ((table["file"][1], "The file was not found."),)
    assert table["file"][0] in labels(dataset)
    assert dataset.rows["group"].tolist() == dataset.rows["id"].tolist()
    assert any("Near-duplicates were not looked for" in note for note in dataset.notes)


def test_nothing_is_hashed_when_groups_are_given(make, monkeypatch):
    make.manifest(10, group=range(20))
    monkeypatch.setattr(loading, "looks_alike", lambda _: pytest.fail("hashed"))
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
    [
        "{outside}",
        "../secret.png",
        "images/../../secret.png",
        "..\\secret.png",
        "C:/secret.png",
        "linked/secret.png",
    ],
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
    pd.concat([table, table.assign(file="./" + table["file"])]).to_csv(
        make.root / "manifest.csv", index=False
    )
    assert len(load_dataset(make.root).rows) == 20
