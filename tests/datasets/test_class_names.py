"""Which words say AI-generated, which say real, and which are asked about."""

import pytest

from detector.datasets import load_dataset, names
from detector.datasets.names import class_of, label_of, normal, says_yes
from tests.datasets.making import error


@pytest.mark.parametrize(
    "name",
    [
        "AI",
        "\uff21\uff29",  # full width
        "A\u200bI",  # with a space of no width
        "K.I.",
        "K\u00fcnstlich",
        "ku\u0308nstlich",  # the dots as a letter of their own
        "G\u00e9n\u00e9r\u00e9 par IA",
        "GENERE PAR IA",
        "generado por IA",
        "gerado por IA",
        "generato da IA",
        "nep",
        "YAPAY ZEK\u00c2",
        "\u0418\u0418",
        "\u0441\u0433\u0435\u043d\u0435\u0440\u0438\u0440\u043e\u0432\u0430\u043d\u043e",
        "\u0430\u0301\u0438\u0438"[2:],
        "AI\u751f\u6210",
        "\u4eba\u5de5\u667a\u80fd",
        "\u865a\u5047",
        "\u751f\u6210\u753b\u50cf",
        "\u30d5\u30a7\u30a4\u30af",
        "\uac00\uc9dc",
        "\u0645\u0632\u064a\u0641",
        "\u05de\u05d6\u05d5\u05d9\u05e3",
        "\u0928\u0915\u0932\u0940",
        "gi\u1ea3",
        "DALL\u00b7E",
    ],
)
def test_words_of_many_languages_that_say_ai(name):
    assert class_of(name) == 1


@pytest.mark.parametrize(
    "name",
    [
        "echt",
        "R\u00c9ELLE",
        "vrai",
        "aut\u00e9ntico",
        "verdadeiro",
        "vero",
        "\u00e4kta",
        "prawdziwe",
        "ger\u00e7ek",
        "\u043d\u0430\u0441\u0442\u043e\u044f\u0449\u0438\u0435",
        "\u771f\u5b9e",
        "\u5b9f\u5199",
        "\uc9c4\uc9dc",
        "\u062d\u0642\u064a\u0642\u064a",
        "\u05d0\u05de\u05d9\u05ea\u05d9",
        "\u0905\u0938\u0932\u0940",
        "th\u1eadt",
    ],
)
def test_words_of_many_languages_that_say_real(name):
    assert class_of(name) == 0


@pytest.mark.parametrize(
    "name",
    [
        "not AI",
        "Not-AI",
        "non_ai",
        "NOTAI",
        "no AI",
        "isn't AI",
        "not an AI image",
        "not AI-generated",
        "AI-free",
        "AI: no",
        "AI generated: false",
        "non-fake",
        "not synthetic",
        "kein KI",
        "nicht KI-generiert",
        "pas IA",
        "non g\u00e9n\u00e9r\u00e9e par IA",
        "sin IA",
        "n\u00e3o IA",
        "senza IA",
        "geen AI",
        "inte AI",
        "nie AI",
        "\u043d\u0435 AI",
        "\u043d\u0435 \u0418\u0418",
        "AI de\u011fil",
        "\u975eAI",
        "\u4e0d\u662fAI",
        "\u975e\u4eba\u5de5\u667a\u80fd",
        "\u4e0d\u662fAI\u751f\u6210",
        "AI\u3067\u306f\u306a\u3044",
        "\ube44AI",
        "AI \uc544\ub2d8",
        "\u063a\u064a\u0631 \u0645\u0632\u064a\u0641",
        "kh\u00f4ng ph\u1ea3i AI",
        "bukan AI",
    ],
)
def test_not_ai_is_real_in_every_language(name):
    assert class_of(name) == 0


@pytest.mark.parametrize(
    "name",
    [
        "not real",
        "non-real",
        "nicht echt",
        "pas r\u00e9el",
        "\u043d\u0435 \u043d\u0430\u0441\u0442\u043e\u044f\u0449\u0438\u0435",
        "\u975e\u771f\u5b9e",
        "\u063a\u064a\u0631 \u062d\u0642\u064a\u0642\u064a",
    ],
)
def test_not_real_is_ai(name):
    assert class_of(name) == 1


@pytest.mark.parametrize(
    "name",
    [
        "",
        "paint",
        "hair",
        "said",
        "AI?",
        "!AI",
        "\u2260AI",
        "\u00acAI",
        "\u274cAI",
        "A\u0336I\u0336",  # struck out
        "\u0410I",  # a Cyrillic A
        "maybe AI",
        "AI or real",
        "AI vs real",
        "\u5426AI",
        "\u53cdAI",
        "\u03c7AI",
        "xAI",
        "AI2",
        "not not AI",
        "not Midjourney",
        "no human",
        "no photo",
        "unreal",
        "si",
        "caf\udce9",
    ],
)
def test_what_is_not_understood_as_a_whole_is_no_class(name):
    assert class_of(name) is None


def test_no_word_says_one_class_and_by_a_not_the_other():
    for name in names.AI_NAMES | names.REAL_NAMES:
        rests = set(names._without_not(name))
        assert not rests & (names._DENIABLE_AI | names._DENIABLE_REAL), name


def test_words_are_kept_as_they_are_compared():
    assert all(normal(name) == name for name in names.AI_NAMES | names.REAL_NAMES | set(names.SPLIT_NAMES))


@pytest.mark.parametrize(("not_ai", "expected"), [("\u975eAI", 0), ("\u043d\u0435 AI", 0), ("not AI", 0)])
def test_a_table_that_says_not_ai_is_labelled_real(make, not_ai, expected):
    table = make.manifest(12)
    table.loc[table["label"] == "real", "label"] = not_ai
    table.to_csv(make.root / "manifest.csv", index=False)
    dataset = load_dataset(make.root)
    chosen = dataset.rows["id"].isin(table["file"][table["label"] == not_ai])
    assert set(dataset.rows["y_true"][chosen]) == {expected} and set(dataset.rows["y_true"][~chosen]) == {1}


def test_folders_that_say_not_ai_hold_real_pictures(make):
    make("AI", 10)
    make("\u975eAI", 10)
    assert set(load_dataset(make.root).rows.groupby("y_true").size()) == {10}


def test_unknown_label_words_are_all_listed_with_what_to_write(make):
    make.manifest(5, label=["ai", "cat", "real", "dog", "cat"] * 2)
    sentence = error(make.root)
    assert 'line 3: the label \'cat\' is not known; use "ai" or "real"' in sentence
    assert "Not known either: the labels 'dog'." in sentence


def test_ten_classes_get_a_sentence(make):
    make.manifest(10, label=[str(number % 10) for number in range(20)])
    sentence = error(make.root)
    assert "the label '2' is not known" in sentence and "'3', '4', '5', '6', '7', '8', '9'" in sentence


def test_ten_class_folders_get_a_sentence(make):
    for number in range(10):
        make(str(number), 1)
    assert "the folders found are 0, 1, 2, 3, 4, 5, 6, 7 and 2 more" in error(make.root)


def test_a_long_unknown_label_is_cut(make):
    make.manifest(1, label=["x" * 10_000, "real"])
    assert len(error(make.root)) < 400


@pytest.mark.parametrize(
    ("cell", "y_true"),
    [("1", 1), ("0", 0), (" 1.0 ", 1), ("0.0", 0), ("fake", 1), ("Real\n", 0), ("817", None), ("", None)],
)
def test_a_label_is_a_number_or_a_name(cell, y_true):
    assert label_of(cell) == y_true


@pytest.mark.parametrize(
    ("cell", "yes"),
    [("True", True), ("1", True), (" YES ", True), ("no", False), ("", False), ("None", False)],
)
def test_a_cell_says_yes_in_any_case(cell, yes):
    assert says_yes(cell) is yes
