"""The sentences of a verdict, by hand."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from detector.stress import DAMAGES, ORDINARY, Stressed
from ui import verdict


def analysis(kind: str, y_score: float, threshold: float = 0.5):
    return SimpleNamespace(verdict=kind, y_score=y_score, threshold=threshold)


def bundle(**card):
    return SimpleNamespace(card=card)


@pytest.mark.parametrize(
    ("kind", "y_score", "sentence"),
    [
        ("ai", 0.9999, "The model is nearly certain: of validation pictures scored like this, more than 99% were AI-generated."),
        ("ai", 0.95, "The model is confident: of validation pictures scored like this, about 95% were AI-generated."),
        ("ai", 0.8, "The model is fairly confident: of validation pictures scored like this, about 80% were AI-generated."),
        ("ai", 0.72, "The model is leaning this way, no more: of validation pictures scored like this, about 72% were AI-generated."),
        ("real", 0.05, "The model is confident: of validation pictures scored like this, about 95% were real."),
        ("real", 0.0, "The model is nearly certain: of validation pictures scored like this, more than 99% were real."),
    ],
)
def test_a_verdict_in_words(kind, y_score, sentence):
    assert verdict.in_words(analysis(kind, y_score)) == sentence


@pytest.mark.parametrize(("y_score", "leaning"), [(0.45, "real"), (0.5, "AI-generated"), (0.6, "AI-generated")])
def test_unsure_says_where_the_score_leans_and_that_it_decides_nothing(y_score, leaning):
    assert verdict.in_words(analysis("unsure", y_score)) == (
        f"The score is too close to the threshold to call. It leans towards {leaning}, but pictures like this go either way."
    )


def shown(y_score: float, unsure: tuple[float, float], practice: bool) -> str:
    """Everything on the page for a real verdict that stands all damage, as its source."""

    def page(y_score, unsure, practice):
        from types import SimpleNamespace

        from detector.stress import DAMAGES, Stressed
        from ui import verdict

        given = SimpleNamespace(card={}, practice=practice, unsure=unsure, verdict=lambda score: "real")
        result = SimpleNamespace(analysis=SimpleNamespace(verdict="real", y_score=y_score, threshold=0.5), notes=())
        verdict.show("a.png", result, given, [Stressed(damage, y_score, 0.0, None, None) for damage in DAMAGES], damage=True)

    app = AppTest.from_function(page, args=(y_score, unsure, practice)).run()
    assert not app.exception
    return "\n".join([*(element.proto.body for element in app.get("html")), *(element.value for element in app.markdown)])


def test_a_practice_model_is_never_called_certain():
    practice, other = shown(0.001, (0.4, 0.6), True), shown(0.001, (0.4, 0.6), False)
    for words in ("nearly certain", "Ordinary damage does not change this"):
        assert words in other and words not in practice
    assert "which side of its practice set a picture resembles" in practice


@pytest.mark.parametrize(("y_score", "words"), [(0.0001, "&lt; 0.1%"), (0.42, "= 42.0%"), (0.9999, "&gt; 99.9%")])
def test_a_probability_beyond_the_scale_is_no_equation(y_score, words):
    assert f"P(AI-generated) {words}<" in shown(y_score, (0.4, 0.6), False)


def test_an_empty_unsure_band_is_left_out():
    assert "unsure 0.40–0.60" in shown(0.1, (0.4, 0.6), False)
    assert "unsure" not in shown(0.1, (0.5, 0.5), False)


def test_a_low_threshold_does_not_make_a_low_score_sound_sure():
    assert "leaning this way, no more" in verdict.in_words(analysis("ai", 0.45, threshold=0.3))


def test_the_tally_counts_each_verdict_that_occurs():
    assert verdict.tally(["unsure", "ai", "ai"]) == "2 AI-generated, 1 unsure"


def test_the_caution_quotes_the_hardest_figure_of_the_card():
    sentence = verdict.caution(bundle(metrics={"unseen, paired": {"n": 800, "balanced_accuracy": 0.634}}))
    assert "On 800 pictures from sources it had never seen" in sentence
    assert "right 63% of the time" in sentence


@pytest.mark.parametrize(
    "card",
    [
        {}, {"metrics": None}, {"metrics": [1]}, {"metrics": {"unseen, paired": None}}, {"metrics": {"unseen, paired": {"n": 8}}},
        {"metrics": {"unseen, paired": {"n": "many", "balanced_accuracy": 0.5}}},
        {"metrics": {"unseen, paired": {"n": 8, "balanced_accuracy": float("nan")}}},
    ],
)  # fmt: skip
def test_a_card_that_measured_nothing_gives_no_caution(card):
    assert verdict.caution(bundle(**card)) is None


# ---- after damage ----


def judging(*verdicts: str):
    """A bundle whose verdicts on scores 0, 1, 2, ... are these, and ordinary copies with those scores."""
    ordinary = [damage for damage in DAMAGES if damage.name in ORDINARY]
    copies = [Stressed(damage, number, 0.0, None, None) for number, damage in enumerate(ordinary[: len(verdicts)])]
    return SimpleNamespace(card={}, verdict=lambda score: verdicts[int(score)]), copies


def test_until_the_copies_are_judged_the_words_hold_their_place():
    assert "Checking whether ordinary damage changes this" in verdict.after_damage(analysis("ai", 0.9), bundle(), None)


def test_a_verdict_that_holds_says_on_how_many_copies():
    given, copies = judging("ai", "ai", "ai", "ai", "ai")
    assert "5 of 5 damaged copies get the same verdict" in verdict.after_damage(analysis("ai", 0.9), given, copies)


def test_a_verdict_that_some_copies_are_unsure_of_says_so():
    given, copies = judging("ai", "unsure", "ai", "unsure", "ai")
    assert verdict.after_damage(analysis("ai", 0.9), given, copies).endswith("After ordinary damage: 3 AI-generated, 2 unsure.")


def test_a_verdict_that_is_turned_around_says_by_what_and_to_what():
    given, copies = judging("real", "ai", "real", "real", "ai")
    words = verdict.after_damage(analysis("real", 0.1), given, copies)
    assert "the model says real, but after ordinary damage (JPEG 70 or Screenshot) it says AI-generated" in words
