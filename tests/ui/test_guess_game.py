"""Guess first as a game: what may follow what, and the arithmetic of its end, by hand."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from detector.datasets import DatasetError, labelled_images
from detector.images import ImageReadError, read_image
from detector.verdicts import Side, Verdict
from pages.guess import practice_rounds
from pages.guess.game import Candidate, Game, Round
from pages.guess.guess_state import GuessState
from pages.guess.outcome import Share, effect, outcome, records

AI, REAL = Side.AI, Side.REAL


def heard(y_score: float, verdict: str | None = None):
    """What a model with the threshold 0.5 says."""
    verdict = Verdict(verdict or ("ai" if y_score >= 0.5 else "real"))
    return SimpleNamespace(
        error=None, analysis=SimpleNamespace(y_score=y_score, threshold=0.5, verdict=verdict)
    )


def played(
    truth: Side | None,
    guess: Side,
    y_score: float,
    answer: Side,
    confidence: str = "certain",
    verdict: str | None = None,
) -> Round:
    return Round(Candidate("x", b"", truth), guess, confidence, heard(y_score, verdict), answer)


def candidates(n: int) -> list[Candidate]:
    return [Candidate(str(number), b"%d" % number, (REAL, AI)[number % 2]) for number in range(n)]


def game(n: int = 3, of: int = 5, seed: int = 1) -> Game:
    return Game.deal(candidates(of), "tiny", n, seed)


# ---- the game ----


def test_the_order_depends_on_the_seed_alone_and_no_picture_comes_twice():
    first = [each.candidate.name for each in game(5, 5, seed=1).rounds]
    assert first == [each.candidate.name for each in game(5, 5, seed=1).rounds]
    assert sorted(first) == list("01234")
    assert any(
        first != [each.candidate.name for each in game(5, 5, seed=seed).rounds] for seed in range(2, 6)
    )


def test_no_more_rounds_than_pictures():
    assert len(game(10, of=4).rounds) == 4


def test_a_round_goes_from_guess_to_confidence_to_reveal_to_the_next():
    g = game()
    assert (g.at, g.current.stage) == (0, "guess")
    g.guess(AI)
    assert g.current.stage == "confidence"
    g.be_sure("certain")
    assert g.current.stage == "reveal"
    g.answer(REAL)
    assert g.current.stage == "reveal", "answered before the model was heard"
    g.current.result = heard(0.2)
    g.answer(REAL)
    assert (g.at, g.current.stage) == (1, "guess")
    assert (g.rounds[0].guess, g.rounds[0].answer) == (AI, REAL)


def test_a_click_out_of_turn_does_nothing():
    g = game()
    g.be_sure("certain")
    g.answer(AI)
    assert g.current.stage == "guess"
    g.guess(AI)
    g.guess(REAL)
    assert g.current.guess == AI


def test_back_takes_back_a_guess_but_not_once_the_model_was_heard():
    g = game()
    assert not g.can_go_back
    g.guess(AI)
    g.back()
    assert g.current.guess is None
    g.guess(REAL)
    g.be_sure("a hunch")
    assert not g.can_go_back
    g.back()
    assert g.current.guess == REAL


def test_back_from_the_next_picture_reopens_the_last_answer():
    g = game()
    g.rounds[0] = played(AI, AI, 0.9, AI)
    g.back()
    assert (g.at, g.current.stage, g.current.guess) == (0, "reveal", AI)


def test_an_unreadable_picture_gives_way_to_one_in_reserve_until_there_are_none():
    g = game(2, of=3)
    names = [each.candidate.name for each in g.rounds]
    g.skip("broken")
    assert len(g.rounds) == 2
    assert g.skipped == [(names[0], "broken")]
    g.skip("broken")
    g.skip("broken")
    assert g.rounds == []
    assert g.current is None


def test_stopping_keeps_what_was_finished():
    g = game()
    g.rounds[0] = played(AI, AI, 0.9, AI)
    g.guess(AI)
    g.stop()
    assert len(g.rounds) == 1
    assert g.current is None


def test_a_file_that_has_gone_is_a_sentence(tmp_path):
    with pytest.raises(ImageReadError, match="could not be read"):
        Candidate("x", tmp_path / "gone.png").read()
    with pytest.raises(ImageReadError):
        Candidate("x", tmp_path).read()


def test_games_are_numbered_and_the_next_one_has_the_same_pictures_in_another_order():
    state = GuessState()
    state.deal(candidates(20), "tiny", 5, seed=3, practice=True)
    first = state.game
    state.deal_again()
    assert (first.number, first.seed, state.game.number, state.game.seed) == (1, 3, 2, 4)
    assert (state.game.practice, len(state.game.rounds)) == (True, 5)
    assert [each.candidate for each in state.game.rounds] != [each.candidate for each in first.rounds]
    state.forget()
    assert (state.game, state.games) == (None, 2)


# ---- its end, by hand ----

ROUNDS = [
    played(AI, AI, 0.9, AI),  # right, model right, kept
    played(AI, AI, 0.2, REAL),  # right, model wrong, swayed to wrong
    played(REAL, REAL, 0.7, REAL, "a hunch"),  # right, model wrong, kept
    played(REAL, AI, 0.1, REAL, "a hunch"),  # wrong, model right, swayed to right
    played(AI, REAL, 0.6, REAL, "fairly sure"),  # wrong, model right, kept
    played(REAL, REAL, 0.4, AI, "certain", "unsure"),  # right, model (unsure) right, changed against it
]


def test_accuracies_before_and_after_and_of_the_model():
    found = outcome(ROUNDS)
    assert (found.before.hits, found.before.n) == (4, 6)
    assert (found.after.hits, found.after.n) == (3, 6)  # the first, the third and the fourth
    assert (found.model.hits, found.model.n) == (4, 6)


def test_swayed_counts_only_where_the_model_leaned_the_other_way():
    found = outcome(ROUNDS)
    assert (found.swayed_wrong.hits, found.swayed_wrong.n) == (1, 2)
    assert (found.swayed_right.hits, found.swayed_right.n) == (1, 2)
    assert (found.followed.hits, found.followed.n) == (2, 4)
    assert (found.against.hits, found.against.n) == (1, 2)


def test_agreement_confidence_and_unsure():
    found = outcome(ROUNDS)
    assert (found.agreed_before.hits, found.agreed_before.n) == (2, 6)
    assert (found.agreed_after.hits, found.agreed_after.n) == (3, 6)
    assert found.unsure == 1
    by_confidence = {name: (share.hits, share.n) for name, share in found.by_confidence.items()}
    assert by_confidence == {"a hunch": (1, 2), "fairly sure": (0, 1), "certain": (3, 3)}


def test_effects_in_words():
    assert [effect(each.finished) for each in ROUNDS] == [
        "kept",
        "right → wrong, with the model",
        "kept",
        "wrong → right, with the model",
        "kept",
        "right → wrong, against the model",
    ]


def test_wilsons_interval_of_three_in_four():
    found = Share(3, 4).estimate
    assert (found.value, found.low, found.high) == (
        0.75,
        pytest.approx(0.3006, abs=1e-4),
        pytest.approx(0.9544, abs=1e-4),
    )
    assert str(Share(3, 4)) == "3 of 4 (75%; 95% interval 30–95%)"
    assert Share(0, 0).estimate is None


def test_without_the_truth_only_agreement_is_counted():
    found = outcome([played(None, AI, 0.2, REAL), played(None, AI, 0.8, AI), played(AI, AI, 0.9, AI)])
    assert (found.before.n, found.swayed_wrong.n, found.agreed_before.hits, found.agreed_after.hits) == (
        1,
        0,
        2,
        3,
    )
    assert effect(played(None, AI, 0.2, REAL).finished) == "changed with the model"


def test_an_unfinished_round_counts_for_nothing():
    unfinished = Round(Candidate("x", b"", AI), AI, "certain", heard(0.9))
    assert outcome([unfinished]).agreed_before.n == 0
    assert records([unfinished]) == []


def test_a_record_holds_what_the_csv_needs():
    assert records([ROUNDS[1]]) == [
        {
            "picture": "x",
            "truth": "AI-generated",
            "first_guess": "AI-generated",
            "confidence": "certain",
            "model_verdict": "real",
            "y_score": 0.2,
            "final_answer": "real",
            "effect": "right → wrong, with the model",
        }
    ]


# ---- pictures ----


def test_practice_pictures_come_in_pairs_of_one_size_and_format():
    found = practice_rounds.candidates()
    assert [candidate.truth for candidate in found] == [REAL, AI] * 8
    photos = [read_image(candidate.source) for candidate in found]
    assert {(photo.width, photo.height, photo.format) for photo in photos} == {
        (practice_rounds.SIDE, practice_rounds.SIDE, "PNG")
    }
    for real, upsampled in zip(photos[::2], photos[1::2], strict=True):
        blocks = [photo.pixels.reshape(8, 32, 8, 32, 3).mean(axis=(1, 3)) for photo in (real, upsampled)]
        assert np.abs(blocks[0] - blocks[1]).max() < 8, "another subject"
        assert (real.pixels != upsampled.pixels).mean() > 0.2, "the same pixels"


def test_the_simulated_up_sampler_keeps_a_flat_patch_but_for_its_checkerboard():
    done = practice_rounds.upsampled(np.full((8, 8, 3), 100, np.uint8))
    assert done[::2, ::2].tolist() == np.full((4, 4, 3), 102).tolist()
    assert done[::2, 1::2].tolist() == np.full((4, 4, 3), 98).tolist()
    assert done[1::2, 1::2].tolist() == np.full((4, 4, 3), 100).tolist()


def test_labels_of_few_pictures_or_one_class_are_read_without_a_split(tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    for name in ("set/ai/a.png", "set/real/b.png", "one/fake/c.png", "none/d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(buffer.getvalue())
    assert [(path.name, y_true) for path, y_true in labelled_images(tmp_path / "set")] == [
        ("a.png", 1),
        ("b.png", 0),
    ]
    assert [(path.name, y_true) for path, y_true in labelled_images(tmp_path / "one")] == [("c.png", 1)]
    with pytest.raises(DatasetError, match="cannot be told"):
        labelled_images(tmp_path / "none")
