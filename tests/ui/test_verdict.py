"""The sentences of a verdict, by hand."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from detector.perturbation_test import PerturbedVerdict
from detector.perturbations import STRIP
from detector.verdicts import Verdict
from ui import verdict


def analysis(kind: str, y_score: float, threshold: float = 0.5):
    return SimpleNamespace(verdict=Verdict(kind), y_score=y_score, threshold=threshold)


def bundle(**card):
    return SimpleNamespace(card=card, practice=False)


def measured(*bins: tuple[float, float, int, int]):
    """A bundle whose card holds these bins: low, high, pictures, AI-generated ones."""
    names = ("low", "high", "n", "n_ai")
    return bundle(unseen_scores={"bins": [dict(zip(names, each, strict=True)) for each in bins]})


HALVES = (0.0, 0.5, 125, 15), (0.5, 1.0, 125, 121)
"""Wilson's intervals, by hand: 110 of 125 real is 88% (81.2% to 92.6%); 121 of 125 AI-generated is 96.8%
(92.1% to 98.7%); 136 of all 250 are AI-generated."""


@pytest.mark.parametrize(
    ("kind", "y_score", "sentence"),
    [
        ("ai", 0.9999, "The model is confident. That share is of 125 pictures, 95% interval 92% to 99%"),
        (
            "real",
            0.0001,
            "The model is fairly confident. That share is of 125 pictures, 95% interval 81% to 93%",
        ),
    ],
)
def test_how_sure_the_words_are_is_what_unseen_sources_carry_and_not_the_score(kind, y_score, sentence):
    said = verdict.in_words(analysis(kind, y_score), measured(*HALVES))
    assert said == f"{sentence}; 54% of all that were tested so are AI-generated."


def test_even_a_perfect_score_is_no_more_than_leaning_where_unseen_sources_say_so():
    worthless = measured((0.0, 0.5, 100, 50), (0.5, 1.0, 100, 60))
    assert "leaning this way, no more" in verdict.in_words(analysis("ai", 1.0), worthless)


def test_where_copies_do_not_share_the_verdict_the_sureness_is_the_scores_alone():
    said = verdict.in_words(analysis("ai", 0.9999), measured(*HALVES), weakened=True)
    assert said.startswith("By its score alone the model would be confident.")


def test_without_such_evidence_nothing_is_called_sure():
    said = verdict.in_words(analysis("ai", 0.9999), bundle())
    assert "was not measured" in said
    assert "confident" not in said and "certain" not in said


@pytest.mark.parametrize(
    ("kind", "y_score", "words"),
    [
        ("ai", 0.9, "97% of pictures from unknown sources scored like this were AI-generated"),
        ("real", 0.1, "88% of pictures from unknown sources scored like this were real"),
        ("unsure", 0.4, "12% of pictures from unknown sources scored like this were AI-generated"),
    ],
)
def test_the_figure_that_leads_is_the_one_from_unseen_sources(kind, y_score, words):
    assert verdict.lead(analysis(kind, y_score), measured(*HALVES)) == words


def test_without_bins_the_overall_figure_of_unseen_sources_leads():
    given = bundle(metrics={"unseen, paired": {"n": 800, "balanced_accuracy": 0.634}})
    assert verdict.lead(analysis("ai", 0.99), given) == verdict.caution(given)


@pytest.mark.parametrize(
    ("y_score", "leaning"), [(0.45, "real"), (0.5, "AI-generated"), (0.6, "AI-generated")]
)
def test_unsure_says_where_the_score_leans_and_that_it_decides_nothing(y_score, leaning):
    assert (
        verdict.in_words(analysis("unsure", y_score), bundle())
        == f"The score is too close to the threshold to call. It leans towards {leaning}, but pictures like"
        " this go either way."
    )


def shown(y_score: float, unsure: tuple[float, float], practice: bool) -> str:
    """Everything on the page for a real verdict that stands all damage, as its source."""

    def page(y_score, unsure, practice):
        from types import SimpleNamespace

        from detector.perturbation_test import PerturbedVerdict
        from detector.perturbations import STRIP
        from detector.verdicts import Verdict
        from ui import verdict

        given = SimpleNamespace(card={}, practice=practice, unsure=unsure, verdict=lambda score: Verdict.REAL)
        result = SimpleNamespace(
            analysis=SimpleNamespace(verdict=Verdict.REAL, y_score=y_score, threshold=0.5), notes=()
        )
        verdict.show(
            "a.png",
            result,
            given,
            [PerturbedVerdict(damage, y_score, 0.0, None, None) for damage in STRIP],
            perturbation_test=True,
        )

    app = AppTest.from_function(page, args=(y_score, unsure, practice), default_timeout=90).run()
    assert not app.exception
    return "\n".join(
        [*(element.proto.body for element in app.get("html")), *(element.value for element in app.markdown)]
    )


def test_a_practice_model_is_never_called_certain_or_stable():
    practice, other = shown(0.001, (0.4, 0.6), True), shown(0.001, (0.4, 0.6), False)
    for words in ("was not measured", "Stable, which is not the same as right"):
        assert words in other and words not in practice
    assert "which side of its practice set a picture resembles" in practice


@pytest.mark.parametrize(
    ("y_score", "words"), [(0.0001, "&lt; 0.1%"), (0.42, "= 42.0%"), (0.9999, "&gt; 99.9%")]
)
def test_a_probability_beyond_the_scale_is_no_equation(y_score, words):
    assert f"P(AI-generated) {words}<" in shown(y_score, (0.4, 0.6), False)


def test_an_empty_unsure_band_is_left_out():
    assert "unsure 0.40–0.60" in shown(0.1, (0.4, 0.6), False)
    assert "unsure" not in shown(0.1, (0.5, 0.5), False)


def test_the_tally_counts_each_verdict_that_occurs():
    assert verdict.tally(["unsure", "ai", "ai"]) == "2 AI-generated, 1 unsure"


def test_the_caution_quotes_the_hardest_figure_of_the_card():
    sentence = verdict.caution(bundle(metrics={"unseen, paired": {"n": 800, "balanced_accuracy": 0.634}}))
    assert "On 800 pictures from sources it had never seen" in sentence
    assert "right 63% of the time" in sentence


@pytest.mark.parametrize(
    "card",
    [
        {},
        {"metrics": None},
        {"metrics": [1]},
        {"metrics": {"unseen, paired": None}},
        {"metrics": {"unseen, paired": {"n": 8}}},
        {"metrics": {"unseen, paired": {"n": "many", "balanced_accuracy": 0.5}}},
        {"metrics": {"unseen, paired": {"n": 8, "balanced_accuracy": float("nan")}}},
    ],
)
def test_a_card_that_measured_nothing_gives_no_caution(card):
    assert verdict.caution(bundle(**card)) is None


# ---- after damage ----


def judging(*verdicts: str):
    """A bundle whose verdicts on scores 0, 1, 2, ... are these, and ordinary copies with those scores."""
    ordinary = [damage for damage in STRIP if damage.ordinary]
    copies = [
        PerturbedVerdict(damage, number, 0.0, None, None)
        for number, damage in enumerate(ordinary[: len(verdicts)])
    ]
    return SimpleNamespace(card={}, verdict=lambda score: Verdict(verdicts[int(score)])), copies


def test_until_the_copies_are_judged_the_words_hold_their_place():
    assert "Checking whether ordinary damage changes this" in verdict.after_perturbations(
        analysis("ai", 0.9), bundle(), None
    )


def test_a_verdict_that_holds_says_on_how_many_copies():
    given, copies = judging("ai", "ai", "ai", "ai", "ai")
    words = verdict.after_perturbations(analysis("ai", 0.9), given, copies)
    assert "Stable, which is not the same as right: 5 of 5 copies" in words


def test_a_verdict_that_some_copies_are_unsure_of_says_so():
    given, copies = judging("ai", "unsure", "ai", "unsure", "ai")
    assert verdict.after_perturbations(analysis("ai", 0.9), given, copies).endswith(
        "**Only 3 of 5 copies with ordinary damage share this verdict** (3 AI-generated, 2 unsure)."
    )


def test_a_verdict_that_is_turned_around_says_by_what_and_to_what():
    given, copies = judging("real", "ai", "real", "real", "ai")
    words = verdict.after_perturbations(analysis("real", 0.1), given, copies)
    assert (
        "the model says real, but after ordinary damage (JPEG 70 or Screenshot) it says AI-generated" in words
    )
