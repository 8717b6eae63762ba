"""train.pipeline: which images are drawn, in which order, and what threads and memory they take."""

from __future__ import annotations

import math
import shutil
import threading
import time
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from detector.architectures import get
from detector.datasets import load_dataset
from detector.images import ImageReadError, read_image
from train import pipeline
from train.pipeline import (
    READ_AHEAD,
    CanonicalImages,
    TrainingBatches,
    draw,
    evaluation_batches,
    read_ahead,
    sampling_shares,
    targets,
)
from train.recipes import RecipeError, Sampling, load_recipe

PREPROCESSING = get("tiny-attention").preprocessing
SIZE = PREPROCESSING.size


@pytest.fixture(scope="module")
def dataset(pictures):
    return load_dataset(pictures)


def batches(dataset, *overrides: str) -> TrainingBatches:
    recipe = load_recipe("tiny-attention", ["augmentation.zoom=0.2", *overrides])
    rows = dataset.split("train")
    return TrainingBatches(CanonicalImages(dataset, rows, PREPROCESSING, 1.0), rows, recipe, SIZE)


def same(first, second) -> bool:
    return all(
        np.array_equal(a, c) and np.array_equal(b, d) for (a, b), (c, d) in zip(first, second, strict=True)
    )


# ---- which batches


def test_batches_are_bytes_and_labels_of_the_recipes_size(dataset):
    images, labels = next(batches(dataset).epoch(1, 0))
    assert images.shape == (16, SIZE, SIZE, 3) and images.dtype == np.uint8
    assert labels.shape == (16, 1) and labels.dtype == np.float32 and set(np.unique(labels)) == {0.0, 1.0}


def test_every_label_goes_with_its_picture(dataset):
    plain = batches(dataset, "augmentation.zoom=0", "augmentation.flip=false")
    rows = dataset.split("train")
    known = {
        PREPROCESSING(read_image(dataset.path(id)).pixels).tobytes(): y
        for id, y in zip(rows["id"], rows["y_true"], strict=True)
    }
    for images, labels in plain.epoch(1, 0):
        assert [known[image.tobytes()] for image in images] == labels[:, 0].tolist()


def test_cutmix_makes_the_same_batches_again(dataset):
    mixed = "augmentation.cutmix_probability=0.9"
    assert same(batches(dataset, mixed).epoch(1, 2), batches(dataset, mixed).epoch(1, 2))
    assert not same(batches(dataset, mixed).epoch(1, 2), batches(dataset).epoch(1, 2))


def test_deliveries_make_other_pictures_and_the_same_ones_again(dataset):
    sent = "augmentation.delivery_probability=0.5"
    plain = ["augmentation.zoom=0", "augmentation.flip=false"]
    assert same(batches(dataset, *plain, sent).epoch(1, 2), batches(dataset, *plain, sent).epoch(1, 2))
    pairs = zip(batches(dataset, *plain, sent).epoch(1, 2), batches(dataset, *plain).epoch(1, 2), strict=True)
    changed = np.concatenate([(delivered != own).any((1, 2, 3)) for (delivered, _), (own, _) in pairs])
    assert 0.2 < changed.mean() < 0.8


def test_targets_are_labels_mixed_with_what_a_teacher_says_and_stay_on_their_side():
    says = [0.6, math.nan, 0.2, 1.0, 0.0]
    rows = pd.DataFrame({"y_true": [1, 1, 0, 0, 1], "teacher_score": says})
    assert targets(rows, 0.5) == pytest.approx([0.8, 1.0, 0.1, 0.495, 0.505])
    assert targets(rows, 0.25) == pytest.approx([0.9, 1.0, 0.05, 0.2475, 0.7525])
    assert targets(rows, 0.0).tolist() == [1, 1, 0, 0, 1]


def test_a_teacher_who_says_nothing_is_a_mistake():
    with pytest.raises(RecipeError, match="no training image has a teacher_score"):
        targets(pd.DataFrame({"y_true": [0, 1]}), 0.5)


def test_batches_hold_the_soft_targets_of_their_pictures(dataset):
    rows = dataset.split("train")
    rows = rows.assign(teacher_score=np.linspace(0.1, 0.9, len(rows)))
    recipe = load_recipe(
        "tiny-attention",
        ["teacher_weight=0.5", "augmentation.flip=false"],
    )
    soft = TrainingBatches(CanonicalImages(dataset, rows, PREPROCESSING, 1.0), rows, recipe, SIZE)
    known = {
        PREPROCESSING(read_image(dataset.path(id)).pixels).tobytes(): target
        for id, target in zip(rows["id"], targets(rows, 0.5), strict=True)
    }
    for images, seen in soft.epoch(1, 0):
        assert [known[image.tobytes()] for image in images] == seen[:, 0].tolist()


def test_the_same_seed_stage_and_epoch_give_the_same_batches(dataset):
    assert same(batches(dataset).epoch(1, 2), batches(dataset).epoch(1, 2))


def test_the_number_of_threads_changes_nothing(dataset):
    assert same(batches(dataset, "workers=1").epoch(1, 0), batches(dataset, "workers=5").epoch(1, 0))


def test_another_seed_stage_or_epoch_gives_other_batches(dataset):
    first = next(batches(dataset).epoch(1, 0))[0]
    others = [
        next(batches(dataset, "seed=1").epoch(1, 0)),
        next(batches(dataset).epoch(0, 0)),
        next(batches(dataset).epoch(1, 1)),
    ]
    assert not any(np.array_equal(first, images) for images, _ in others)


def test_an_epoch_resumed_at_a_step_goes_on_with_the_same_batches(dataset):
    assert same(list(batches(dataset).epoch(1, 0))[2:], batches(dataset).epoch(1, 0, first_step=2))


def test_an_epoch_resumed_after_its_last_step_is_over(dataset):
    made = batches(dataset)
    assert list(made.epoch(1, 0, first_step=made.steps)) == []


def test_a_picture_drawn_twice_is_changed_twice(dataset):
    made = batches(dataset, "sampling.images_per_epoch=720", "augmentation.rotation_degrees=20")
    pixels = [image.tobytes() for images, _ in made.epoch(1, 0) for image in images]
    assert len(set(pixels)) == len(pixels) > len(dataset.split("train"))


@pytest.mark.parametrize(("images", "steps"), [(0, 72 // 16), (100, 6), (5, 1)])
def test_an_epoch_has_whole_batches_only_and_at_least_one(dataset, images, steps):
    assert len(dataset.split("train")) == 72
    assert batches(dataset, f"sampling.images_per_epoch={images}").steps == steps


def test_evaluation_sees_every_row_once_in_order_as_the_classifier_does(dataset):
    rows = dataset.split("val")
    made = list(evaluation_batches(CanonicalImages(dataset, rows, PREPROCESSING, 0.0), SIZE, 10, 2))
    assert [len(batch) for batch in made] == [10, 10, 4]
    assert np.array_equal(
        np.concatenate(made), [PREPROCESSING(read_image(dataset.path(id)).pixels) for id in rows["id"]]
    )


# ---- how often each row is drawn


def table(*rows: tuple[str, int, bool]) -> pd.DataFrame:
    """(source, y_true, paired) of each row."""
    return pd.DataFrame(rows, columns=["source", "y_true", "paired"]).assign(
        id=[str(number) for number in range(len(rows))]
    )


# 4 real images of a, 1 AI image of a, 1 real image of b (paired), 2 AI images of b (paired)
ROWS = table(*[("a", 0, False)] * 4, ("a", 1, False), ("b", 0, True), *[("b", 1, True)] * 2)


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(), [1, 1, 1, 1, 1, 1, 1, 1]),
        (Sampling(balance_classes=True), [1 / 5] * 4 + [1 / 3, 1 / 5, 1 / 3, 1 / 3]),
        (Sampling(balance_sources=1.0), [1 / 4] * 4 + [1, 1, 1 / 2, 1 / 2]),
        (Sampling(balance_sources=0.5), [1 / 2] * 4 + [1, 1, 2**-0.5, 2**-0.5]),
        (Sampling(paired_weight=3.0, unpaired_weight=0.5), [0.5] * 5 + [3] * 3),
        (Sampling(unpaired_weight=0.0), [0] * 5 + [1] * 3),
        (Sampling(balance_classes=True, balance_sources=1.0), [1 / 8] * 4 + [1 / 2, 1 / 2, 1 / 4, 1 / 4]),
    ],
    ids=["even", "classes", "sources", "sources by half", "pairs", "pairs only", "classes and sources"],
)
def test_sampling_shares_by_hand(sampling, expected):
    assert sampling_shares(ROWS, sampling) == pytest.approx(np.array(expected) / sum(expected))


@pytest.mark.parametrize(
    "sampling", [Sampling(unpaired_weight=0.0), Sampling(unpaired_weight=0.0, balance_classes=True)]
)
def test_weights_that_leave_a_class_without_images_are_refused(sampling):
    with pytest.raises(RecipeError, match="no AI-generated training image would ever be drawn"):
        sampling_shares(table(("a", 0, True), ("a", 1, False)), sampling)


@pytest.mark.parametrize("count", [1, 7, 8, 50, 1000])
def test_every_row_is_drawn_its_share_rounded_down_or_up(count):
    shares = np.array([0.5, 0.25, 0.125, 0.06, 0.03, 0.02, 0.015, 0.0])
    shares /= shares.sum()
    for seed in range(20):
        counts = np.bincount(draw(shares, count, np.random.default_rng(seed)), minlength=len(shares))
        assert counts.sum() == count
        assert (counts >= np.floor(shares * count - 1e-9)).all() and (
            counts <= np.ceil(shares * count + 1e-9)
        ).all()


def test_even_shares_draw_every_row_exactly_once():
    assert sorted(draw(np.full(30, 1 / 30), 30, np.random.default_rng(0))) == list(range(30))


def test_draws_come_in_random_order():
    drawn = draw(np.full(1000, 1 / 1000), 1000, np.random.default_rng(0))
    assert abs(np.corrcoef(drawn, np.arange(1000))[0, 1]) < 0.1


def test_on_average_a_row_is_drawn_its_share():
    shares = np.array([0.7, 0.25, 0.05])
    counts = sum(
        np.bincount(draw(shares, 5, np.random.default_rng(seed)), minlength=3) for seed in range(2000)
    )
    assert counts / 10000 == pytest.approx(shares, abs=0.01)


# ---- threads


def readers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("read-ahead")]


def test_read_ahead_keeps_the_order_whatever_the_threads_do():
    def make(key: int) -> int:
        time.sleep(0.002 * (key % 3))
        return key * key

    assert list(read_ahead(make, range(3, 20), 4)) == [key * key for key in range(3, 20)]


def test_read_ahead_raises_an_error_where_its_item_would_come():
    def make(key: int) -> int:
        if key == 6:
            raise ImageReadError("gone")
        return key

    items, got = read_ahead(make, range(20), 3), []
    with pytest.raises(ImageReadError, match="gone"):
        for item in items:
            got.append(item)
    assert got == list(range(6)) and not readers()


def test_read_ahead_stays_within_its_limit():
    made = []
    items = read_ahead(lambda key: made.append(key) or key, range(100), 2)
    for _ in range(3):
        next(items)
    time.sleep(0.05)
    assert len(made) <= 3 + READ_AHEAD
    items.close()


def test_read_ahead_leaves_no_threads_when_it_is_over():
    assert list(read_ahead(lambda key: key, range(10), 3)) == list(range(10))
    assert not readers()


def test_read_ahead_leaves_no_threads_when_it_is_closed_early():
    items = read_ahead(lambda key: key, range(1000), 3)
    next(items)
    assert readers()
    items.close()
    assert not readers()


# ---- memory


@pytest.fixture
def reads(monkeypatch) -> Counter:
    """How often each file was read from disk."""
    counted = Counter()

    def counting(path, short_side):
        counted[path.name] += 1
        return read_image(path, short_side)

    monkeypatch.setattr(pipeline, "read_image", counting)
    return counted


def test_a_cached_picture_is_read_once(dataset, reads):
    rows = dataset.split("val")
    images = CanonicalImages(dataset, rows, PREPROCESSING, 1.0)
    for _ in range(3):
        for position in range(len(images)):
            images[position]
    assert len(reads) == len(rows) and set(reads.values()) == {1}


def test_the_cache_keeps_within_its_budget_and_the_rest_is_read_again(dataset, reads):
    rows = dataset.split("val")
    one = PREPROCESSING.canonical(read_image(dataset.path(rows["id"][0])).pixels).nbytes
    images = CanonicalImages(dataset, rows, PREPROCESSING, 5.5 * one / 2**30)
    for _ in range(2):
        for position in range(len(images)):
            images[position]
    assert sorted(reads.values()) == [1] * 5 + [2] * (len(rows) - 5)


def test_without_a_cache_pictures_are_the_same(dataset):
    rows = dataset.split("val")
    with_cache, without = (CanonicalImages(dataset, rows, PREPROCESSING, budget) for budget in (1.0, 0.0))
    assert all(np.array_equal(with_cache[position], without[position]) for position in (0, 1, 0, 1))


def test_a_picture_that_has_gone_is_named(pictures, tmp_path):
    shutil.copytree(pictures, tmp_path / "copy")
    dataset = load_dataset(tmp_path / "copy")
    rows = dataset.split("val")
    dataset.path(rows["id"][3]).unlink()
    with pytest.raises(ImageReadError) as caught:
        CanonicalImages(dataset, rows, PREPROCESSING, 1.0)[3]
    assert (
        str(caught.value)
        == f"{rows['id'][3]} has become unreadable since this run began. There is no file at this path."
    )
