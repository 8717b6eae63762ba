"""detector.evaluation.shortcut: file facts that tell everything, and ones that tell nothing."""

import numpy as np
import pandas as pd
import pytest

from detector.evaluation.shortcut import fact_columns, scores_of_trees, shortcut


def rows(n=400, **more):
    rng = np.random.default_rng(0)
    y_true = np.arange(n) % 2
    return pd.DataFrame(
        {"y_true": y_true, "y_score": np.clip(rng.normal(0.4 + 0.2 * y_true, 0.2), 0, 1), **more}
    )


def test_sides_that_give_the_class_away_are_found():
    width = np.where(np.arange(400) % 2, 1024, 640)
    found = shortcut(rows(width=width, height=np.full(400, 480)))
    assert found.file_facts.value == 1 and found.as_good_as_the_model


def test_sides_that_say_nothing_are_at_chance():
    rng = np.random.default_rng(1)
    found = shortcut(rows(width=rng.integers(200, 900, 400), height=rng.integers(200, 900, 400)))
    assert abs(found.file_facts.value - 0.5) < 0.1 and not found.as_good_as_the_model


def test_aspect_ratio_is_a_fact():
    width = np.random.default_rng(1).integers(200, 2000, 400)
    height = np.where(np.arange(400) % 2, width, width * 2 // 3)
    found = shortcut(rows(width=width, height=height))
    assert found.file_facts.value > 0.95


@pytest.mark.parametrize("column", ["format", "original_format"])
def test_text_facts_count(column):
    formats = np.where(np.arange(400) % 2, "PNG", "JPEG")
    assert shortcut(rows(**{column: formats})).file_facts.value == 1


def test_only_facts_of_the_file_count():
    table = rows(width=1, original_jpeg_quality=90, source="a", logit=0.0)
    assert fact_columns(table) == ["width", "original_jpeg_quality"]


def test_rows_without_facts_have_no_shortcut():
    assert shortcut(rows()) is None


def test_one_class_has_no_shortcut():
    assert shortcut(rows(width=100).assign(y_true=1)) is None


def test_missing_facts_do_not_matter():
    assert shortcut(rows(width=np.where(np.arange(400) % 3, np.nan, 640))) is not None


@pytest.mark.parametrize("filled", [0, 1, 3])
def test_facts_that_hardly_a_row_has_are_left_out(filled):
    table = pd.DataFrame({"y_true": [0, 1] * 20, "y_score": np.linspace(0, 1, 40), "width": np.nan})
    table.loc[: filled - 1, "width"] = 100.0
    assert shortcut(table) is None or shortcut(table).columns == ("width",)
    found = shortcut(table.assign(height=600, format="PNG"))
    assert found.columns[-2:] == ("height", "format") and found.rows == 40


def test_a_fact_that_tells_the_classes_apart_is_found_in_a_few_rows_too():
    found = shortcut(rows(n=30, width=np.where(np.arange(30) % 2, 1024, 640)))
    assert found.file_facts.value == 1


def test_trees_score_rows_of_groups_that_they_did_not_see():
    """Each group's number tells its own class, and of its neighbours' the opposite."""
    groups = np.arange(400) // 40
    y_true, number = groups % 2, groups[:, None].astype(float)
    assert np.array_equal(scores_of_trees(number, y_true) > 0.5, y_true == 1)
    assert np.mean((scores_of_trees(number, y_true, groups) > 0.5) == y_true) < 0.5
