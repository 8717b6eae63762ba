"""detector.evaluation.slices, by hand."""

import numpy as np
import pandas as pd
import pytest

from detector.evaluation.slices import MAX_SLICES, NOTHING, OTHERS, SIZE, Slicing, columns
from detector.evaluation.subsets import named_sets


def rows(**more):
    return pd.DataFrame({"y_true": [0, 0, 1, 1], "y_score": [0.1, 0.7, 0.8, 0.3], **more})


def test_counts_of_each_slice():
    table = Slicing.by(rows(source=["a", "b", "a", "b"]), "source").table(0.5).set_index("slice")
    assert table[["n", "n_ai", "n_real", "accuracy", "recall", "false_alarm_rate", "roc_auc"]].to_dict(
        "index"
    ) == {
        "b": {
            "n": 2,
            "n_ai": 1,
            "n_real": 1,
            "accuracy": 0,
            "recall": 0,
            "false_alarm_rate": 1,
            "roc_auc": 0,
        },
        "a": {
            "n": 2,
            "n_ai": 1,
            "n_real": 1,
            "accuracy": 1,
            "recall": 1,
            "false_alarm_rate": 0,
            "roc_auc": 1,
        },
    }


def test_a_slice_of_one_class_has_no_figure_of_the_other():
    table = Slicing.by(rows(source=["a", "a", "b", "b"]), "source").table(0.5).set_index("slice")
    assert (
        np.isnan(table.loc["a", "recall"])
        and np.isnan(table.loc["b", "false_alarm_rate"])
        and pd.isna(table.loc["a", "roc_auc"])
    )


def test_a_tiny_slice_does_not_lead_the_list():
    # 1 wrong of 1 is 0%, but could be anything up to 79%; 60 wrong of 100 is surely bad.
    wrong = np.r_[np.ones(61), np.zeros(40)]
    table = Slicing.by(
        pd.DataFrame({"y_true": 0, "y_score": wrong, "source": ["tiny", *["big"] * 100]}), "source"
    ).table(0.5)
    assert table["slice"].tolist() == ["big", "tiny"] and table["accuracy"].tolist() == [0.4, 0]


def test_rows_of_a_slice():
    slicing = Slicing.by(rows(kind=["x", "y", "x", "x"]), "kind")
    assert slicing.rows("x").tolist() == [True, False, True, True]


def test_a_slice_that_is_not_there_has_no_rows():
    assert not Slicing.by(rows(kind=["x", "y", "x", "x"]), "kind").rows("z").any()


def test_empty_and_missing_values_are_one_slice():
    assert Slicing.by(rows(generator=["", None, "sdxl", ""]), "generator").names == [NOTHING, "sdxl"]


def test_values_that_read_the_same_are_one_slice():
    assert Slicing.by(rows(mixed=[1, "1", 2, "2"]), "mixed").names == ["1", "2"]


def test_rare_texts_become_one_slice():
    many = pd.DataFrame(
        {"y_true": 0, "y_score": 0.5, "source": [*[f"s{number}" for number in range(200)], "s0"]}
    )
    slicing = Slicing.by(many, "source")
    assert len(slicing.names) == MAX_SLICES and slicing.names[0] == "s0"
    assert (
        slicing.curves[OTHERS].n == 200 - (MAX_SLICES - 1)
        and sum(part.n for part in slicing.curves.values()) == 201
    )


def test_numbers_are_cut_into_quarters():
    many = pd.DataFrame({"y_true": 0, "y_score": 0.5, "quality": np.arange(100)})
    slicing = Slicing.by(many, "quality")
    assert slicing.names == ["0 to 24", "25 to 49", "50 to 74", "75 to 99"]
    assert [part.n for part in slicing.curves.values()] == [25, 25, 25, 25]


def test_numbers_that_are_missing_are_a_slice():
    assert (
        NOTHING
        in Slicing.by(
            pd.DataFrame({"y_true": 0, "y_score": 0.5, "quality": [np.nan, *range(20)]}), "quality"
        ).names
    )


def test_size_is_the_short_side():
    assert Slicing.by(rows(width=[100, 300, 100, 300], height=[200, 200, 200, 200]), SIZE).names == [
        "100",
        "200",
    ]


def test_columns_to_slice_by_say_more_than_which_row_it_is():
    names = [f"n{number}" for number in range(400)]
    table = pd.DataFrame(
        {
            "id": range(400),
            "y_true": 0,
            "y_score": 0.5,
            "constant": 1,
            "name": names,
            "kind": ["a", "b"] * 200,
        }
    )
    assert columns(table) == ["kind"]


def test_named_sets_are_splits_and_their_paired_parts():
    table = rows(split=["test", "test", "unseen", "unseen"], paired=[True, False, True, True])
    sets = named_sets(table)
    assert {name: chosen.tolist() for name, chosen in sets.items()} == {
        "all rows": [True, True, True, True],
        "test": [True, True, False, False],
        "test, paired": [True, False, False, False],
        "test, unpaired": [False, True, False, False],
        "unseen": [False, False, True, True],
    }


@pytest.mark.parametrize("table", [rows(), rows(kind=["a", "b", "a", "b"])])
def test_rows_without_splits_are_one_set(table):
    assert list(named_sets(table)) == ["all rows"]


def test_no_rows_make_no_slices():
    assert Slicing.by(rows(kind=["a", "b", "a", "b"])[:0], "kind").curves == {}
