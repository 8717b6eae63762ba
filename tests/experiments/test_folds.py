"""experiments.folds: how networks are judged by a fold, and how the table is counted. (Training is what the
experiments that use it do.)"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from experiments.attention import DIFFUSENESS, with_diffuseness
from experiments.folds import ALL, Fold, markdown, summary


def results(**values: tuple[float, ...]) -> pd.DataFrame:
    """A measure of each fold, for every design."""
    return pd.DataFrame(
        [
            {
                "design": design,
                "fold": fold,
                "seed": 0,
                "val_auc": value,
                "left_out_auc": value,
                "left_out_paired_auc": value,
            }
            for design, each in values.items()
            for fold, value in enumerate(each)
        ]
    )


def test_left_out_sources_are_judged_as_a_whole_and_by_their_paired_pictures():
    left_out = pd.DataFrame({"y_true": [0, 1, 0, 1], "paired": [True, True, False, False]})
    val = pd.DataFrame({"y_true": [0, 1]})
    nothing = np.empty(0, np.float16)
    measured = Fold(val, nothing, left_out, nothing, val, nothing).measures(
        np.array([2.0, 1.0, 0.0, 3.0]), np.array([0.0, 1.0])
    )
    # Of the four pairs of a real and an AI-generated picture, only (2, 1) is the wrong way round, and that is
    # the only paired one.
    assert measured == {"val_auc": 1.0, "left_out_auc": 0.75, "left_out_paired_auc": 0.0}


def test_the_gain_is_paired_by_fold_with_its_t_interval():
    plain, other = summary(results(plain=(0.70, 0.80), other=(0.71, 0.83)), "design", "plain")
    assert plain["val_auc"] == pytest.approx(0.75) and "val_auc_gain" not in plain
    # Differences 0.01 and 0.03: mean 0.02, standard error 0.01, t(0.975, 1) = 12.706.
    assert other["val_auc_gain"] == pytest.approx([0.02, 0.02 - 0.12706, 0.02 + 0.12706], abs=1e-5)


def test_seeds_of_one_fold_count_as_one_difference():
    once = results(plain=(0.70, 0.80), other=(0.71, 0.83))
    twice = pd.concat([once, once.assign(seed=1)])
    assert summary(twice, "design", "plain")[1]["val_auc_gain"] == pytest.approx(
        summary(once, "design", "plain")[1]["val_auc_gain"]
    )


def test_what_was_made_of_all_seeds_is_compared_with_their_mean():
    table = results(plain=(0.70, 0.80), together=(0.79,))
    table["seed"], table["fold"] = [0, 1, ALL], 0
    gain, *interval = summary(table, "design", "plain")[1]["val_auc_gain"]
    assert gain == pytest.approx(0.04) and np.isnan(interval).all()


def test_a_single_difference_has_no_interval_in_the_table():
    table = results(plain=(0.70,), other=(0.75,))
    assert (
        markdown(summary(table, "design", "plain"), "design").splitlines()[3]
        == "| other | 1 | 0.750 | +0.050 | 0.750 | +0.050 | 0.750 | +0.050 |"
    )


def test_the_table_says_how_diffuse_attention_is():
    found = results(**{"no attention": (0.70, 0.80), "1 head": (0.71, 0.83)})
    attending = found["design"] == "1 head"
    found.loc[attending, "peak_median"], found.loc[attending, "diffuse_share"] = [4.0, 5.0], 0.25
    lines = markdown(
        with_diffuseness(summary(found, "design", "no attention"), found), "design", DIFFUSENESS
    ).splitlines()
    assert len(lines) == 4 and {line.count("|") for line in lines} == {11}
    assert lines[3].endswith("| 4.5x | 25% |") and lines[2].endswith("|  |  |")
