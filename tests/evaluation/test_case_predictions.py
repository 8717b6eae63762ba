"""A labelled case as a predictions table."""

import pytest

from detector.case_files import case_bytes
from detector.cases import Case, CasePicture
from detector.evaluation.case_predictions import case_predictions, read_case_predictions
from detector.evaluation.predictions import PredictionsError
from detector.verdicts import Side


def picture(name, label, score):
    record = None if score is None else {"y_score": score, "bundle": "tiny"}
    return CasePicture(name=name, content=name.encode(), label=label, record=record)


def test_labels_of_the_user_are_the_truth_and_the_scores_on_record_the_predictions():
    case = Case((picture("a", Side.AI, 0.75), picture("b", Side.REAL, 0.5), picture("c", None, 0.9)))
    rows = read_case_predictions(case_bytes(case))
    assert rows[["name", "y_true", "y_score"]].values.tolist() == [["a", 1, 0.75], ["b", 0, 0.5]]


def test_a_picture_that_is_there_twice_counts_once():
    assert len(case_predictions(Case((picture("a", Side.AI, 0.75), picture("a", Side.AI, 0.75))))) == 1


@pytest.mark.parametrize("score", [None, "high", True, 1.5, -0.1])
def test_a_picture_without_a_probability_is_left_out(score):
    case = Case((picture("a", Side.AI, score), picture("b", Side.AI, 0.25)))
    assert case_predictions(case)["name"].tolist() == ["b"]


def test_a_case_without_labels_is_refused_with_what_to_do():
    with pytest.raises(PredictionsError, match="My label"):
        case_predictions(Case((picture("a", None, 0.5),)))


def test_a_damaged_case_is_refused():
    with pytest.raises(PredictionsError, match="damaged"):
        read_case_predictions(case_bytes(Case((picture("a", Side.AI, 0.5),)))[:-30])
