"""What came of a game: who was right, and what hearing the model changed. Arithmetic only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from detector.evaluation.intervals import Estimate, wilson
from detector.verdicts import Side, Verdict
from pages.guess.game import CONFIDENCES, FinishedRound, Round


@dataclass(frozen=True)
class Share:
    """``hits`` of ``n``."""

    hits: int
    n: int

    @classmethod
    def of(cls, rounds: Sequence[FinishedRound], is_hit: Callable[[FinishedRound], bool]) -> Share:
        return cls(sum(map(is_hit, rounds)), len(rounds))

    @property
    def estimate(self) -> Estimate | None:
        """The share with Wilson's 95% interval; None for n = 0."""
        return wilson(self.hits, self.n)

    @property
    def interval(self) -> str:
        """For instance "95% interval 30–95%"; "" for n = 0."""
        estimate = self.estimate
        if estimate is None:
            return ""
        return f"95% interval {100 * estimate.low:.0f}–{100 * estimate.high:.0f}%"

    def __str__(self) -> str:
        """For instance "3 of 4 (75%; 95% interval 30–95%)"."""
        if not self.n:
            return "0 of 0"
        share = self.hits / self.n
        return f"{self.hits} of {self.n} ({share:.0%}; {self.interval})"


@dataclass(frozen=True)
class Outcome:
    """The shares of one game; those that need the truth count the pictures whose truth is known.

    before, after, model: right before the model was heard, right afterwards, and the model alone by the side
    its score is on. swayed_wrong: right guesses against which the model leaned, and of those the ones given
    up for it. swayed_right: wrong guesses against which it leaned, rightly, and of those the ones corrected.
    against: answers changed although the model had agreed. agreed_before, agreed_after: with the model, over
    all pictures. followed: of all disagreements, those in which the model was followed. unsure: pictures on
    which the model's verdict was unsure. by_confidence: confidence -> right before.
    """

    before: Share
    after: Share
    model: Share
    swayed_wrong: Share
    swayed_right: Share
    against: Share
    agreed_before: Share
    agreed_after: Share
    followed: Share
    unsure: int
    by_confidence: dict[str, Share]


def outcome(rounds: Iterable[Round]) -> Outcome:
    """The outcome of those rounds that are finished."""
    played = finished(rounds)
    known = [each for each in played if each.truth is not None]
    agreed = [each for each in played if each.guess == each.leaning]
    disagreed = [each for each in played if each.guess != each.leaning]
    contested = [each for each in disagreed if each.truth is not None]
    by_confidence = {}
    for confidence in CONFIDENCES:
        as_sure = [each for each in known if each.confidence == confidence]
        by_confidence[confidence] = Share.of(as_sure, _guessed_right)
    return Outcome(
        before=Share.of(known, _guessed_right),
        after=Share.of(known, lambda each: each.answer == each.truth),
        model=Share.of(known, lambda each: each.leaning == each.truth),
        swayed_wrong=Share.of([each for each in contested if _guessed_right(each)], _went_with_the_model),
        swayed_right=Share.of([each for each in contested if not _guessed_right(each)], _went_with_the_model),
        against=Share.of(agreed, lambda each: each.answer != each.guess),
        agreed_before=Share.of(played, lambda each: each.guess == each.leaning),
        agreed_after=Share.of(played, _went_with_the_model),
        followed=Share.of(disagreed, _went_with_the_model),
        unsure=sum(each.analysis.verdict == Verdict.UNSURE for each in played),
        by_confidence=by_confidence,
    )


def finished(rounds: Iterable[Round]) -> list[FinishedRound]:
    """Those that were played to their end."""
    return [played for each in rounds if (played := each.finished)]


def effect(played: FinishedRound) -> str:
    """What hearing the model did to the answer, in words."""
    if played.answer == played.guess:
        return "kept"
    how = "with the model" if _went_with_the_model(played) else "against the model"
    if played.truth is None:
        return f"changed {how}"
    before = _right_or_wrong(played.guess, played)
    after = _right_or_wrong(played.answer, played)
    return f"{before} → {after}, {how}"


def records(rounds: Iterable[Round]) -> list[dict]:
    """A row per finished round, as the table and the CSV hold it."""
    return [_record(played) for played in finished(rounds)]


def _record(played: FinishedRound) -> dict:
    return {
        "picture": played.candidate.name,
        "truth": played.truth.in_sentence if played.truth else "",
        "first_guess": played.guess.in_sentence,
        "confidence": played.confidence,
        "model_verdict": played.analysis.verdict.in_sentence,
        "y_score": played.analysis.y_score,
        "final_answer": played.answer.in_sentence,
        "effect": effect(played),
    }


def _guessed_right(played: FinishedRound) -> bool:
    return played.guess == played.truth


def _went_with_the_model(played: FinishedRound) -> bool:
    return played.answer == played.leaning


def _right_or_wrong(side: Side, played: FinishedRound) -> str:
    return "right" if side == played.truth else "wrong"
