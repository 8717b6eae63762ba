"""benchmarks.attention: which rows a fold leaves out, and how its table is counted. (Training is what `python -m benchmarks.attention` does.)"""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.attention import markdown, source_folds, summary


def rows(**sizes: int) -> pd.DataFrame:
    """Sources with so many rows each; those whose name begins with p are paired."""
    return pd.DataFrame([{"source": name, "paired": name.startswith("p")} for name, size in sizes.items() for _ in range(size)])


def results() -> pd.DataFrame:
    """Two seeds: without attention 0.70 and 0.80, with one head 0.71 and 0.83."""
    found = []
    for design, values in (("no attention", (0.70, 0.80)), ("1 head", (0.71, 0.83))):
        for seed, value in enumerate(values):
            row = {"design": design, "fold": 0, "seed": seed, "val_auc": value, "left_out_auc": value, "left_out_paired_auc": value}
            found.append(row | ({"peak_median": 4.0 + seed, "diffuse_share": 0.25} if design == "1 head" else {}))
    return pd.DataFrame(found)


def test_a_source_is_left_out_as_a_whole_and_once():
    table = rows(a=5, b=4, c=3, pa=2, pb=6)
    assert table.assign(fold=source_folds(table, 3)).groupby("source")["fold"].nunique().eq(1).all()


def test_the_largest_sources_go_to_different_folds():
    table = rows(a=9, b=8, c=7, d=1)
    folds = dict(zip(table["source"], source_folds(table, 3), strict=True))
    assert len({folds[name] for name in "abc"}) == 3 and folds["d"] == folds["c"]


def test_every_fold_gets_paired_sources():
    table = rows(a=90, b=80, pa=5, pb=6)
    folds = source_folds(table, 2)
    assert set(folds[table["paired"]]) == {0, 1}


def test_the_gain_is_paired_by_seed_with_its_t_interval():
    plain, one_head = summary(results())
    assert plain["val_auc"] == pytest.approx(0.75) and "val_auc_gain" not in plain
    # Differences 0.01 and 0.03: mean 0.02, standard error 0.01, t(0.975, 1) = 12.706.
    assert one_head["val_auc_gain"] == pytest.approx([0.02, 0.02 - 0.12706, 0.02 + 0.12706], abs=1e-5)


def test_the_table_says_how_diffuse_attention_is():
    lines = markdown(summary(results())).splitlines()
    assert len(lines) == 4 and {line.count("|") for line in lines} == {11}
    assert lines[3].endswith("| 4.5x | 25% |") and lines[2].endswith("|  |  |")
