"""What is known of a dataset that makes its figures doubtful: one picture under both labels, near-duplicates
across splits, splits that are too small."""

from detector.datasets import Pairs, load_dataset
from detector.datasets.dataset_scan import scan_dataset
from detector.datasets.splits import MOST_EXAMPLES
from tests.datasets.making import picture


def test_one_picture_under_both_labels_is_reported(two_classes):
    two_classes.save("real/copy.png", picture(1))  # = ai/0001.png
    two_classes.save("real/other.webp", picture(2), lossless=True)  # = ai/0002.png
    dataset = load_dataset(two_classes.root)
    examples = (("real/copy.png", "ai/0001.png"), ("real/other.webp", "ai/0002.png"))
    assert dataset.both_labels == Pairs(4, examples)
    assert scan_dataset(two_classes.root).examined.both_labels == dataset.both_labels


def test_copies_under_one_label_and_similar_pictures_are_not_reported(two_classes):
    two_classes.save("ai/copy.png", picture(1))
    two_classes.save("real/similar.jpg", picture(2), quality=60)
    two_classes.save("real/larger.png", picture(3).resize((500, 444)))
    assert load_dataset(two_classes.root).both_labels == Pairs()


def test_pictures_of_one_colour_and_other_sizes_are_not_the_same(two_classes):
    two_classes.save("ai/white.png", picture(1).point(lambda _: 255))
    two_classes.save("real/white.png", picture(1, (80, 80)).point(lambda _: 255))
    assert load_dataset(two_classes.root).both_labels == Pairs()


def test_many_such_pictures_are_counted_and_some_are_named(make):
    make("ai", 30)
    for seed in range(1, 31):
        make.save(f"real/{seed}.png", picture(seed))
    make("real", 30)
    found = load_dataset(make.root).both_labels
    assert found.count == 60 and len(found.examples) == MOST_EXAMPLES


def test_near_duplicates_across_splits_are_reported(make):
    for folder in ("train/ai", "train/real", "val/ai", "val/real", "test/ai", "test/real"):
        make(folder, 5)
    make.save("train/ai/leak.jpg", picture(21), quality=60)  # of test/ai/0021.png
    make.save("test/real/again.jpg", picture(16), quality=60)  # of val/real/0016.png
    found = load_dataset(make.root)
    examples = (("test/ai/0021.png", "train/ai/leak.jpg"), ("test/real/again.jpg", "val/real/0016.png"))
    assert found.across_splits == Pairs(4, examples)
    assert scan_dataset(make.root).dataset.across_splits == found.across_splits


def test_near_duplicates_that_go_into_one_split_are_not_reported(two_classes):
    two_classes.save("ai/copy.jpg", picture(1), quality=60)
    assert load_dataset(two_classes.root).across_splits == Pairs()


def test_splits_too_small_to_judge_by_are_said(two_classes):
    assert load_dataset(two_classes.root).small_splits == (
        "The val split has only 1 real and 1 AI-generated images: figures from fewer than 20 of a class say"
        " little.",
        "The test split has only 1 real and 1 AI-generated images: figures from fewer than 20 of a class say"
        " little.",
    )
    assert any("say little" in note for note in scan_dataset(two_classes.root).notes)


def test_twenty_of_each_class_are_not_called_small(make):
    make.manifest(60, split=["train"] * 40 + ["val"] * 40 + ["test"] * 40)
    assert load_dataset(make.root, check_files=False).small_splits == ()
