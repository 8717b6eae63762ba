"""Reading figures off cards of all kinds."""

from types import SimpleNamespace

import pytest

from ui import card


@pytest.mark.parametrize(
    ("metrics", "read"),
    [
        ({"test": {"n": 24, "accuracy": 0.9, "confusion_matrix": [[1, 2], [3, 4]]}}, {"test": {"n": 24, "accuracy": 0.9}}),
        ({"test": {"n": "many", "accuracy": float("nan"), "recall": True}}, {"test": {}}),
        ({"test": None}, {"test": {}}),
        (["test"], {}),
        (None, {}),
    ],
)
def test_metrics_are_the_numbers_of_the_card_and_nothing_else(metrics, read):
    assert card.metrics(SimpleNamespace(card={"metrics": metrics})) == read
