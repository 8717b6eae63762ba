"""detector.evaluation.perturbed: copies of one picture are told apart and paired, never counted together."""

import numpy as np
import pandas as pd
import pytest

from detector import perturbations
from detector.evaluation import perturbed
from detector.evaluation.before_after import perturbed_sets
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.perturbed import (
    CLEAN,
    MAX_PERTURBATIONS,
    by_perturbation,
    names,
    only_compressed,
)
from detector.evaluation.subsets import default_set, quoted_subsets


@pytest.fixture
def rows() -> pd.DataFrame:
    """Four test pictures, two of them paired, and two unseen ones; the paired and the unseen ones also
    after web and after hard."""
    clean = pd.DataFrame(
        {
            "id": list("abcdef"),
            "y_true": np.int8([0, 1, 0, 1, 0, 1]),
            "split": ["test"] * 4 + ["unseen"] * 2,
            "paired": [True, True, False, False, True, True],
            "y_score": [0.1, 0.9, 0.2, 0.8, 0.3, 0.7],
            "delivery": "",
            "width": 300,
            "height": 200,
        }
    )
    web = clean[clean["paired"]].assign(delivery="web", y_score=[0.2, 0.6, 0.4, 0.2])
    hard = clean[clean["paired"]].assign(
        delivery="hard", y_score=[0.9, 0.1, 0.4, 0.2], width=[300, 300, 150, 150]
    )
    return pd.concat([clean, hard, web], ignore_index=True)


def test_each_perturbation_is_a_table_of_its_own_clean_first_and_known_ones_in_their_order(rows):
    tables = by_perturbation(rows)
    assert {name: len(table) for name, table in tables.items()} == {"": 6, "web": 4, "hard": 4}
    assert list(tables) == ["", "web", "hard"]


def test_a_table_without_the_column_holds_pictures_as_they_are(rows):
    table = rows[:6].drop(columns="delivery")
    assert by_perturbation(table) == {CLEAN: table}
    assert names(table).tolist() == [CLEAN] * 6


@pytest.mark.parametrize("word", ["", None, np.nan, "clean", "None", " original "])
def test_many_ways_of_writing_that_nothing_was_done(word):
    column = pd.Series([word, "web"], dtype=object)
    assert names(pd.DataFrame({"delivery": column})).tolist() == [CLEAN, "web"]


def test_a_column_with_many_values_is_not_about_perturbations():
    table = pd.DataFrame({"delivery": [f"parcel {number}" for number in range(MAX_PERTURBATIONS + 1)]})
    assert set(names(table)) == {CLEAN}


def test_a_file_of_one_perturbation_alone_is_shown_as_that():
    assert list(
        by_perturbation(pd.DataFrame({"y_true": [0, 1], "y_score": 0.5, "delivery": "messenger"}))
    ) == ["messenger"]


def test_pictures_are_paired_with_themselves(rows):
    found = {(each.set_name, each.perturbation): each for each in perturbed_sets(by_perturbation(rows))}
    assert list(found) == [
        ("test, paired", ""),
        ("test, paired", "web"),
        ("test, paired", "hard"),
        ("unseen", ""),
        ("unseen", "web"),
        ("unseen", "hard"),
    ]
    web = found["unseen", "web"].pairs
    assert web.y_true.tolist() == [0, 1]
    assert web.first.tolist() == [0.3, 0.7]
    assert web.second.tolist() == [0.4, 0.2]


def test_what_a_perturbation_costs_by_hand(rows):
    found = {(each.set_name, each.perturbation): each for each in perturbed_sets(by_perturbation(rows))}
    # Unseen: both right before; after web the AI-generated one is missed: 1 -> 1/2. Test, paired, hard: both
    # wrong: 1 -> 0.
    assert found["unseen", "web"].pairs.difference("balanced_accuracy", 0.5, 0.5).value == -0.5
    assert found["test, paired", "web"].pairs.difference("balanced_accuracy", 0.5, 0.5).value == 0
    assert found["test, paired", "hard"].pairs.difference("balanced_accuracy", 0.5, 0.5).value == -1


def test_pictures_that_were_not_perturbed_do_not_count_before_either(rows):
    # "test" has four pictures, two of which were perturbed: it is the paired ones that are compared.
    before = next(
        each
        for each in perturbed_sets(by_perturbation(rows))
        if each.set_name == "test, paired" and each.perturbation == ""
    )
    assert before.rows.curves.n == 2


def test_a_perturbation_of_other_pictures_has_its_own_starting_point(rows):
    table = rows[~((rows["delivery"] == "hard") & (rows["id"] == "e"))]
    assert [
        (each.perturbation, each.rows.curves.n)
        for each in perturbed_sets(by_perturbation(table))
        if each.set_name == "unseen"
    ] == [
        ("", 2),
        ("web", 2),
        ("", 1),
        ("hard", 1),
    ]


@pytest.mark.parametrize(
    "spoil", [lambda rows: rows.drop(columns="id"), lambda rows: rows[:6], lambda rows: rows[6:]]
)
def test_without_ids_or_without_both_nothing_is_paired(rows, spoil):
    assert perturbed_sets(by_perturbation(spoil(rows))) == []


def test_rows_with_another_truth_are_not_the_same_picture(rows):
    rows.loc[rows["delivery"] == "web", "y_true"] = 1 - rows["y_true"]
    assert {each.perturbation for each in perturbed_sets(by_perturbation(rows))} == {"", "hard"}


def test_an_evaluation_never_holds_a_picture_twice(rows):
    for evaluation in Evaluation.by_perturbation(rows).values():
        assert evaluation.rows["id"].is_unique


def test_sets_keep_their_names_after_a_perturbation(rows):
    masks = Evaluation.by_perturbation(rows)["web"].masks
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {
        "all rows": 4,
        "test": 2,
        "test, paired": 2,
        "unseen": 2,
    }


def test_subsets_of_the_card_are_of_pictures_as_they_are_and_name_only_what_was_perturbed_whole(rows):
    subsets = quoted_subsets(rows)
    assert {name: int(chosen.sum()) for name, chosen in subsets.items()} == {
        "test": 4,
        "test, paired": 2,
        "unseen": 2,
        "unseen, paired": 2,
        "test, paired, hard": 2,
        "test, paired, web": 2,
        "unseen, paired, hard": 2,
        "unseen, paired, web": 2,
        "unseen, hard": 2,
        "unseen, web": 2,
    }
    assert not any(
        ", web" in name
        for name in quoted_subsets(rows[rows["id"] != "a"].iloc[:-1])
        if name.startswith("unseen")
    )


def test_where_nothing_is_paired_the_whole_test_split_is_the_perturbed_set(rows):
    clean = rows[:4].assign(paired=False)
    rows = pd.concat([clean, clean.assign(delivery="web")], ignore_index=True)
    assert list(quoted_subsets(rows)) == ["test", "test, web"]


def test_pictures_smaller_than_the_limit_were_only_compressed(rows):
    assert only_compressed(by_perturbation(rows)) == {"web": 1.0, "hard": 0.5}


def test_without_sizes_nobody_knows_what_was_only_compressed(rows):
    assert only_compressed(by_perturbation(rows.drop(columns="width"))) == {}


@pytest.mark.parametrize(
    ("sets", "chosen"),
    [
        (["all rows", "test", "unseen", "unseen, paired"], "unseen, paired"),
        (["all rows", "test", "unseen"], "unseen"),
        (["all rows", "dev", "test"], "test"),
        (["all rows", "a"], "all rows"),
    ],
)
def test_the_page_begins_with_the_rows_that_say_most_about_other_sources(sets, chosen):
    assert default_set(sets) == chosen


def test_a_perturbation_that_is_registered_later_is_known_by_its_title_and_in_its_place(monkeypatch):
    grey = perturbations.Perturbation("aaa-grey", "Grey", (lambda picture: picture,))
    monkeypatch.setitem(perturbations.PERTURBATIONS, grey.name, grey)
    assert perturbed.titles()["aaa-grey"] == "Grey"
    rows = pd.DataFrame({"delivery": ["aaa-other", "aaa-grey", "web", ""], "y_true": 1, "y_score": 0.5})
    assert list(perturbed.by_perturbation(rows)) == ["", "web", "aaa-grey", "aaa-other"]
