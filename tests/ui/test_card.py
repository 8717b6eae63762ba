"""Reading figures off cards of all kinds."""

from types import SimpleNamespace

import pytest

from ui import about_model


@pytest.mark.parametrize(
    ("metrics", "read"),
    [
        (
            {"test": {"n": 24, "accuracy": 0.9, "confusion_matrix": [[1, 2], [3, 4]]}},
            {"test": {"n": 24, "accuracy": 0.9}},
        ),
        ({"test": {"n": "many", "accuracy": float("nan"), "recall": True}}, {"test": {}}),
        ({"test": None}, {"test": {}}),
        (["test"], {}),
        (None, {}),
    ],
)
def test_metrics_are_the_numbers_of_the_card_and_nothing_else(metrics, read):
    assert about_model.metrics(SimpleNamespace(card={"metrics": metrics})) == read


def test_three_sentences_say_what_matters_of_a_card():
    sets = {
        "unseen, paired": {"n": 1200, "balanced_accuracy": 0.75, "recall": 0.6, "false_alarm_rate": 0.1},
        "unseen, paired, web": {"balanced_accuracy": 0.7},
        "unseen, paired, hard": {"balanced_accuracy": 0.65},
        "unseen, hard": {"balanced_accuracy": 0.1},
    }
    sentences = about_model.in_short(SimpleNamespace(card={"metrics": sets}))
    assert len(sentences) == 3
    assert "On 1,200 pictures" in sentences[0] and "right 75% of the time" in sentences[0]
    assert "missed 40% of the AI-generated pictures and called 10% of the real ones" in sentences[1]
    assert "(“hard”, the worst of those measured), it was right 65% of the time" in sentences[2]


@pytest.mark.parametrize("metrics", [None, {}, {"unseen, paired": {"n": 5}}, {"test": {"recall": 1.0}}])
def test_a_card_without_those_figures_has_no_such_sentences(metrics):
    assert about_model.in_short(SimpleNamespace(card={"metrics": metrics})) == []
