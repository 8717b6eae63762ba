"""The exclusion list: what is on it is in nothing that is made of the dataset."""

import pytest

from detector.datasets import labelled_images, load_dataset
from detector.datasets.exclusions import (
    EXCLUSION_LIST,
    exclusion_csv,
    exclusions,
    restore_exclusions,
    save_exclusions,
)
from tests.datasets.making import error, labels


def test_a_list_beside_the_data_is_honoured_by_everything(two_classes):
    two_classes.csv("file,reason\nai/0001.png,blurred\nreal/0011.png,\n", EXCLUSION_LIST)
    dataset = load_dataset(two_classes.root)
    assert len(dataset.rows) == 18 and not {"ai/0001.png", "real/0011.png"} & set(labels(dataset))
    assert dataset.notes[0] == "2 images were left out: listed in exclude.csv."
    assert len(load_dataset(two_classes.root, check_files=False).rows) == 18
    assert len(labelled_images(two_classes.root)) == 18


def test_the_list_changes_what_a_run_depends_on(two_classes):
    before = load_dataset(two_classes.root).manifest_hash
    two_classes.csv("file\nai/0001.png\n", EXCLUSION_LIST)
    assert load_dataset(two_classes.root).manifest_hash != before


def test_a_list_that_is_named_counts_instead_of_the_one_beside_the_data(two_classes, tmp_path):
    two_classes.csv("file\nai/0001.png\nai/0002.png\n", EXCLUSION_LIST)
    (tmp_path / "mine.csv").write_text("file\nai/0003.png\n")
    dataset = load_dataset(two_classes.root, exclude=tmp_path / "mine.csv")
    assert len(dataset.rows) == 19 and "ai/0003.png" not in labels(dataset)


def test_it_is_not_taken_for_the_dataset_s_own_table(two_classes):
    two_classes.csv("file,label\nai/0001.png,real\n", EXCLUSION_LIST)
    assert load_dataset(two_classes.root).layout == "class folders"


def test_it_lies_beside_a_csv_file_too(make):
    table = make.manifest(10)
    make.csv(f"file\n{table['file'][0]}\n", EXCLUSION_LIST)
    assert len(load_dataset(make.root / "manifest.csv").rows) == 19


def test_lines_that_name_nothing_are_said(two_classes):
    two_classes.csv("file\nai/0001.png\nai/gone.png\n", EXCLUSION_LIST)
    assert "1 line of exclude.csv names no image of this dataset." in load_dataset(two_classes.root).notes


def test_an_excluded_file_that_is_gone_is_not_called_missing(make):
    table = make.manifest(10)
    (make.root / table["file"][0]).unlink()
    make.csv(f"file\n{table['file'][0]}\n", EXCLUSION_LIST)
    assert load_dataset(make.root).unreadable == ()


@pytest.mark.parametrize("text", ["path\nai/0001.png\n", "", "\xff"])
def test_a_file_that_is_no_list_gets_a_sentence_and_is_not_passed_over(two_classes, text):
    (two_classes.root / EXCLUSION_LIST).write_bytes(text.encode("latin-1"))
    assert EXCLUSION_LIST in error(two_classes.root)


def test_a_named_list_that_is_not_there_gets_a_sentence(two_classes):
    assert "There is no exclusion list" in error(two_classes.root, exclude="/no/such/list.csv")


def test_a_list_of_everything_gets_a_sentence(two_classes):
    every = "\n".join(labels(load_dataset(two_classes.root)))
    two_classes.csv(f"file\n{every}\n", EXCLUSION_LIST)
    assert "Every image" in error(two_classes.root)


def test_saving_adds_to_what_is_there_and_can_be_undone(two_classes):
    path = two_classes.csv("file,reason\nai/0001.png,mine\n", EXCLUSION_LIST)
    before = save_exclusions(
        two_classes.root, [("ai/0002.png", 'said "no", twice'), ("ai/0002.png", "again")]
    )
    assert exclusions(two_classes.root).reasons == {"ai/0001.png": "mine", "ai/0002.png": "again"}
    restore_exclusions(two_classes.root, before)
    assert path.read_text() == "file,reason\nai/0001.png,mine\n"
    path.unlink()
    restore_exclusions(two_classes.root, save_exclusions(two_classes.root, [("ai/0002.png", "")]))
    assert not path.exists()


def test_names_with_commas_quotes_and_line_breaks_survive(make):
    names = ['ai/a,b "c"\n.png', "ai/ü 写真.png"]
    text = exclusion_csv([(name, "odd") for name in [*names, "ai/\udce9.png"]])
    make.csv(text, EXCLUSION_LIST)
    assert list(exclusions(make.root).reasons) == names
