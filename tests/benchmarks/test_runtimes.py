"""The comparison of runtimes, on answers made by hand."""

from __future__ import annotations

import numpy as np

from benchmarks.runtimes import difference


def test_difference_is_relative_to_an_answers_largest_value_where_that_is_over_one():
    expected = [np.array([[200.0, 100.0]]), np.array([0.5])]
    answers = [np.array([[201.0, 100.0]]), np.array([0.501])]
    assert np.isclose(difference(answers, expected), 1 / 200)


def test_answers_may_come_in_another_order():
    expected = [np.zeros((2, 3)), np.ones(4)]
    assert difference([np.ones(4), np.zeros((2, 3))], expected) == 0
