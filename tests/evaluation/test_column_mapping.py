"""detector.evaluation.column_mapping: what somebody else's columns and labels mean."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from detector.evaluation.column_guess import guess_mapping
from detector.evaluation.column_mapping import Mapping, Scale, apply_mapping, words
from detector.evaluation.evaluation import Evaluation
from detector.evaluation.predictions import PredictionsError
from detector.evaluation.tables import read_frame


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns)


def refusal(table: pd.DataFrame, mapping: Mapping) -> str:
    with pytest.raises(PredictionsError) as caught:
        apply_mapping(table, mapping)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("table", "truth", "score"),
    [
        ({"y_true": [1, 0], "y_score": [0.9, 0.1]}, "y_true", "y_score"),
        ({"Label": ["fake", "real"], "Prob": [0.9, 0.1]}, "Label", "Prob"),
        ({"Ground Truth": [True, False], "P(fake)": [0.9, 0.1]}, "Ground Truth", "P(fake)"),
        ({"\u6807\u7b7e": ["\u5047", "\u771f"], "\u6982\u7387": [0.9, 0.1]}, "\u6807\u7b7e", "\u6982\u7387"),
        ({"what it is": ["AI", "not AI"], "x": [0.9, 0.1], "width": [3, 4]}, "what it is", None),
        ({"a": ["KI", "echt", "KI"], "b": [0.9, 0.1, 0.5]}, "a", "b"),
        ({"a": [0.9, 0.1, 0.5], "b": [0.8, 0.2, 0.6]}, None, None),
        ({"label": [1, 0], "prediction": ["fake", "real"], "score": [0.9, 0.1]}, "label", "score"),
    ],
)
def test_truth_and_score_are_guessed(table, truth, score):
    guess = guess_mapping(frame(**table))
    assert (guess.truth, guess.score) == (truth, score)


def test_id_source_and_split_are_guessed():
    guess = guess_mapping(
        frame(label=[1], score=[0.5], Image_Path=["a.png"], Dataset=["web"], subset=["test"])
    )
    assert (guess.id, guess.source, guess.split) == ("Image_Path", "Dataset", "subset")


@pytest.mark.parametrize(
    ("name", "values", "ai", "real"),
    [
        ("label", [1, 0], {"1"}, {"0"}),
        ("label", ["1.0", "0.0"], {"1"}, {"0"}),
        ("is_real", [1, 0], {"0"}, {"1"}),
        ("is_fake", [True, False], {"true"}, {"false"}),
        ("label", ["AI", "\u975eAI"], {"AI"}, {"\u975eAI"}),
        ("label", ["Midjourney", "SDXL", "photo"], {"Midjourney", "SDXL"}, {"photo"}),
        ("label", ["AI", "paint", "real"], {"AI"}, {"real"}),
    ],
)
def test_label_words_are_guessed_and_never_from_a_part_of_them(name, values, ai, real):
    guess = guess_mapping(frame(**{name: values}))
    assert (guess.ai_words, guess.real_words) == (ai, real)


@pytest.mark.parametrize(
    ("name", "values", "scale", "high_is_ai"),
    [
        ("score", [0.1, 0.9], Scale.PROBABILITY, True),
        ("score", [1, 90], Scale.PERCENT, True),
        ("score", [-3.5, 2], Scale.LOGIT, True),
        ("logit", [0.5, 2], Scale.LOGIT, True),
        ("p_real", [0.5, 0.2], Scale.PROBABILITY, False),
    ],
)
def test_the_scale_and_direction_of_scores_are_guessed(name, values, scale, high_is_ai):
    guess = guess_mapping(frame(label=[0, 1], **{name: values}))
    assert (guess.scale, guess.high_is_ai) == (scale, high_is_ai)


def test_what_was_guessed_can_be_applied_and_evaluated():
    table = frame(
        Label=["real", "AI"] * 10, Percent=np.arange(20) * 5.0, File=range(20), camera=["a", "b"] * 10
    )
    rows = apply_mapping(table, replace(guess_mapping(table), score="Percent", scale=Scale.PERCENT))
    assert list(rows) == ["y_true", "y_score", "id", "camera"]
    assert rows["y_true"].tolist() == [0, 1] * 10 and rows["y_true"].dtype == np.int8
    assert rows["y_score"].tolist() == [number * 5 / 100 for number in range(20)]
    assert rows["id"].tolist()[:2] == ["0", "1"] and Evaluation(rows).estimates(0.5)


def test_a_high_score_for_real_is_turned_round():
    table = frame(label=[1, 0], p_real=[0.25, 1.0])
    assert apply_mapping(table, guess_mapping(table))["y_score"].tolist() == [0.75, 0.0]


def test_logits_become_probabilities():
    table = frame(label=[1, 0], logit=[0.0, -1000.0])
    assert apply_mapping(table, guess_mapping(table))["y_score"].tolist() == [0.5, 0.0]


def test_a_columns_name_that_means_something_else_here_is_not_carried_over():
    table = frame(label=["AI", "real"], p=[0.5, 0.5], y_true=[7, 8], id=["a", "b"])
    mapping = replace(guess_mapping(table), truth="label", score="p", id=None)
    mapping = replace(mapping, ai_words=frozenset({"AI"}), real_words=frozenset({"real"}))
    assert apply_mapping(table, mapping)["y_true"].tolist() == [1, 0]


def test_unknown_words_are_listed():
    table = frame(label=["AI", "cat", "dog"], score=[0.5] * 3)
    assert "values of label mean: “cat”, “dog”. Say for each" in refusal(table, guess_mapping(table))


TABLE = frame(label=["AI", "real"], score=[0.5, 0.5], empty=[None, "AI"], text=["x", "y"], wide=[-1.0, 7.0])
GUESS = guess_mapping(TABLE)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"truth": None}, "Say which column holds which pictures are AI-generated"),
        ({"score": None}, "Say which column holds the scores"),
        ({"truth": "nowhere"}, "no column nowhere"),
        ({"source": "nowhere"}, "no column nowhere"),
        ({"score": "label"}, "cannot be both"),
        ({"truth": "empty"}, "empty in 1 of the rows"),
        ({"score": "text"}, "no number in 2 of the rows"),
        ({"score": "wide"}, "is -1 in row 1, but its scores were said to be from 0 to 1"),
        ({"ai_words": frozenset({"AI", "real"})}, "“real” cannot mean both"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_in_a_sentence(changes, said):
    assert said in refusal(TABLE, replace(GUESS, **changes))


def test_words_are_the_same_for_numbers_and_their_text():
    assert words(pd.Series([1.0, 0.0, np.nan])) == words(pd.Series(["1", "0.0", " "])) == ["0", "1"]
    assert words(pd.Series([True, False])) == words(pd.Series(["TRUE", "false"])) == ["false", "true"]


@pytest.mark.parametrize("columns", [{}, {"a": []}, {"label": [], "score": []}])
def test_an_empty_table_is_guessed_and_refused(columns):
    assert refusal(frame(**columns), guess_mapping(frame(**columns)))


def test_a_file_of_another_language_goes_all_the_way():
    content = "Datei;Klasse;Wahrscheinlichkeit\na.png;KI;0,9\nb.png;nicht KI;0,2\n".encode("utf-16")
    table = read_frame(content, "Ergebnis.csv")
    rows = apply_mapping(table, guess_mapping(table))
    assert rows.to_dict("list") == {"y_true": [1, 0], "y_score": [0.9, 0.2], "id": ["a.png", "b.png"]}


# ---- a score that says how sure the detector was of its own label

SURE = frame(
    label=["fake", "real", "fake", "real"],
    predicted_label=["fake", "real", "real", "fake"],
    confidence=[0.9, 0.8, 0.6, 0.7],
)


def test_how_sure_of_its_label_a_detector_was_becomes_a_score_for_ai():
    mapping = guess_mapping(SURE)
    assert mapping.predicted == "predicted_label"
    assert apply_mapping(SURE, mapping)["y_score"].tolist() == pytest.approx([0.9, 0.2, 0.4, 0.7])


def test_a_score_below_one_half_cannot_be_how_sure_of_the_likelier_class_somebody_was():
    assert guess_mapping(SURE.assign(confidence=[0.9, 0.2, 0.4, 0.7])).predicted is None


def test_percentages_of_sureness_are_read_as_such():
    table = SURE.assign(confidence=["90 %", "80 %", "60 %", "70 %"])
    assert apply_mapping(table, guess_mapping(table))["y_score"].tolist() == pytest.approx(
        [0.9, 0.2, 0.4, 0.7]
    )


def test_predicted_words_of_their_own_are_understood_and_others_asked_about():
    table = SURE.assign(predicted_label=["AI", "human", "human", "AI"])
    assert apply_mapping(table, guess_mapping(table))["y_score"].tolist() == pytest.approx(
        [0.9, 0.2, 0.4, 0.7]
    )
    mapping = replace(guess_mapping(SURE), predicted="other")
    strange = SURE.assign(other=["A", "B", "B", "A"])
    assert "what these values of other mean: “A”, “B”" in refusal(strange, mapping)
    left = apply_mapping(strange.assign(other=["A", "real", "B", "fake"]), replace(mapping, leave_out=True))
    assert left["y_score"].tolist() == pytest.approx([0.2, 0.7])


def test_one_column_cannot_be_truth_and_prediction():
    assert "cannot be what was predicted and the truth" in refusal(
        SURE, replace(guess_mapping(SURE), predicted="label")
    )
