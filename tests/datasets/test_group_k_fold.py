"""Sources left out of training, to judge by."""

from dataclasses import replace

import pandas as pd
import pytest

from detector.datasets import DatasetError, leave_out, load_dataset, source_folds


def of_sources(**sizes: int) -> pd.DataFrame:
    """Rows of sources of so many images; those whose name begins with p are paired."""
    return pd.DataFrame(
        [
            {"source": name, "paired": name.startswith("p")}
            for name, size in sizes.items()
            for _ in range(size)
        ]
    )


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
    assert (
        pd.Series(source_folds(shuffled, 2), shuffled.index).sort_index().tolist()
        == source_folds(table, 2).tolist()
    )


@pytest.fixture
def four_sources(make):
    """Two images of each class in train and one of each in val, test and unseen, from each of the sources
    a, b, c and d."""
    lines = ["file,label,split,source"]
    for source in "abcd":
        for label in ("ai", "real"):
            for split in ("train", "train", "val", "test", "unseen"):
                lines.append(f"{make(source)[0]},{label},{split},{source}")
    make.csv("\n".join(lines))
    return load_dataset(make.root)


def test_left_out_sources_are_unseen_and_nothing_of_test_and_unseen_stays(four_sources):
    left = leave_out(four_sources, 1, 2)
    by_split = (
        left.rows.groupby("split")["source"].agg(lambda sources: "".join(sorted(set(sources)))).to_dict()
    )
    assert set(by_split) == {"train", "val", "unseen"} and by_split["train"] == by_split["val"]
    assert sorted(by_split["train"] + by_split["unseen"]) == list("abcd") and len(by_split["unseen"]) == 2
    own = four_sources.rows.set_index("id")["split"]
    assert (
        set(own[left.rows["id"]]) == {"train", "val"}
        and len(left.split("unseen")) == 8
        and "left out of training" in left.notes[-1]
    )


def test_the_folds_together_leave_out_every_training_image_once(four_sources):
    left = pd.concat([leave_out(four_sources, fold, 3).split("unseen") for fold in range(3)])
    assert sorted(left["id"]) == sorted(four_sources.split("train")["id"])


def test_training_images_like_a_left_out_one_are_dropped(four_sources):
    rows = four_sources.rows
    first = {
        source: rows.index[(rows["source"] == source) & (rows["split"] == "train")][0] for source in "abcd"
    }
    groups = rows["group"].astype(str).copy()
    groups[list(first.values())] = "the same picture everywhere"
    left = leave_out(replace(four_sources, rows=rows.assign(group=groups)), 0, 2)
    assert len(left.split("unseen")) == 8 and len(left.split("train")) == 6


def test_a_fold_that_leaves_nothing_to_train_with_is_refused(four_sources):
    alone = four_sources.rows[four_sources.rows["source"] == "a"]
    with pytest.raises(DatasetError, match="fold 0 of 2 left out, there are no .* images to train with"):
        leave_out(replace(four_sources, rows=alone), 0, 2)


def test_another_fold_has_another_hash(four_sources):
    assert (
        len(
            {
                four_sources.manifest_hash,
                leave_out(four_sources, 0, 2).manifest_hash,
                leave_out(four_sources, 1, 2).manifest_hash,
            }
        )
        == 3
    )
