"""python -m detector.evaluation FILE --map ...: what columns mean, said on a command line."""

import pandas as pd
import pytest

from detector.evaluation.__main__ import main
from detector.evaluation.column_mapping import Mapping, Scale
from detector.evaluation.mapping_options import command, mapping_of, options_of
from detector.evaluation.predictions import PredictionsError

TABLE = pd.DataFrame({"Klasse": ["KI", "echt", "unklar"], "a": [90, 20, 5], "b": [-1.0, 1.0, 2.0]})
FILE = "Klasse;a;source\nKI;90;x\necht;20;x\nKI;40;y\nunklar;50;y\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(FILE)
    return str(path)


def test_options_correct_the_guess_and_leave_the_rest_of_it():
    mapping = mapping_of(TABLE, ["score=a", "real=echt", "real=unklar"])
    assert mapping == Mapping(
        truth="Klasse",
        score="a",
        ai_words=frozenset({"KI"}),
        real_words=frozenset({"echt", "unklar"}),
        scale=Scale.PERCENT,
    )


def test_another_score_column_is_read_by_a_guess_of_its_own():
    assert mapping_of(TABLE, ["score=b"]).scale is Scale.LOGIT
    assert mapping_of(TABLE, ["score=b", "scale=percent"]).scale is Scale.PERCENT


def test_a_word_that_is_said_to_mean_one_class_no_longer_means_the_other():
    mapping = mapping_of(TABLE, ["ai=echt"])
    assert (mapping.ai_words, mapping.real_words) == ({"echt"}, frozenset())


@pytest.mark.parametrize("option", ["nothing", "colour=red", "high=low", "scale=1", "others=", "=", "ai"])
def test_options_that_are_none_get_a_sentence(option):
    with pytest.raises(PredictionsError):
        mapping_of(TABLE, [option])


@pytest.mark.parametrize(
    "mapping",
    [
        Mapping("it is", "p = 1", None, None, "split", frozenset({"a b", "'"}), frozenset({"=", "0"})),
        Mapping("Klasse", "b", "id", "a", None, frozenset(), frozenset(), False, Scale.LOGIT, True),
        Mapping("a", "b", ai_words=frozenset({"KI"}), real_words=frozenset({"echt"}), predicted="Klasse"),
    ],
)
def test_the_options_of_a_mapping_say_all_of_it(mapping):
    assert mapping_of(TABLE, options_of(mapping)) == mapping


def test_the_command_quotes_what_a_shell_would_part():
    assert command("my file.csv", Mapping("it is", "p"), 0.25).startswith(
        "python -m detector.evaluation 'my file.csv' --threshold 0.25 --map 'truth=it is' score=p"
    )


def test_a_file_is_printed_as_tables_and_says_how_it_was_understood(file, capsys):
    assert main([file, "--parts", "--map", "score=a", "others=leave-out"]) == 0
    out, err = capsys.readouterr()
    assert "| all rows | 3 | 0.667 (" in out and "| source | pictures |" in out
    assert "unsure about" not in out and "| generator |" not in out
    assert "ai=KI real=echt high=ai scale=percent others=leave-out" in err and "left out: 1 of 4 rows" in err


def test_the_threshold_of_a_file_can_be_said(file, capsys):
    main([file, "--threshold", "0.3", "--map", "score=a", "others=leave-out"])
    assert "| all rows | 3 | 1.000 (" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["FILE"], "Say which column holds the scores"),
        (["FILE", "--map", "score=a"], "Nobody has said what these values of Klasse mean: “unklar”"),
        (["nowhere.csv"], "There is no file nowhere.csv"),
        (["nowhere"], "There is no model called"),
        (["efficientnetv2b0-attention", "--map", "score=a"], "are for a table"),
    ],
)
def test_what_cannot_be_printed_gets_a_sentence(file, capsys, arguments, sentence):
    assert main([file if each == "FILE" else each for each in arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_a_high_score_that_is_said_to_mean_a_class_is_not_how_sure_of_a_label_somebody_was():
    table = pd.DataFrame({"label": ["ai", "real"], "predicted": ["ai", "real"], "score": [0.9, 0.8]})
    assert mapping_of(table, []).predicted == "predicted"
    assert mapping_of(table, ["high=ai"]).predicted is None
