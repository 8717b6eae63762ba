"""What came of a game: who was right, and what hearing the model changed. Arithmetic only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detector.evaluation.intervals import Estimate, wilson
from ui.guess.game import CONFIDENCES, WORDS, Round


@dataclass(frozen=True)
class Share:
    """``hits`` of ``n``."""

    hits: int
    n: int

    @classmethod
    def of(cls, outcomes: Iterable[bool]) -> Share:
        outcomes = list(outcomes)
        return cls(sum(outcomes), len(outcomes))

    @property
    def estimate(self) -> Estimate | None:
        """The share with Wilson's 95% interval; None for n = 0."""
        return wilson(self.hits, self.n)

    def __str__(self) -> str:
        """For instance "3 of 4 (75%; 95% interval 30–95%)"."""
        if not self.n:
            return "0 of 0"
        found = self.estimate
        return f"{self.hits} of {self.n} ({found.value:.0%}; 95% interval {100 * found.low:.0f}–{100 * found.high:.0f}%)"


@dataclass(frozen=True)
class Outcome:
    """The shares of one game; those that need the truth count the pictures whose truth is known.

    before, after, model: right before the model was heard, right afterwards, and the model alone by the side its score is on.
    swayed_wrong: right guesses against which the model leaned, and of those the ones given up for it. swayed_right: wrong guesses
    against which it leaned, rightly, and of those the ones corrected. against: answers changed although the model had agreed.
    agreed_before, agreed_after: with the model, over all pictures. followed: of all disagreements, those in which the model was
    followed. unsure: pictures on which the model's verdict was unsure. by_confidence: confidence -> right before.
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
    """The outcome of finished rounds."""
    rounds = [round for round in rounds if round.stage == "done"]
    known = [round for round in rounds if round.candidate.truth is not None]
    disagreed = [round for round in rounds if round.guess != round.leaning]
    contested = [round for round in disagreed if round.candidate.truth is not None]
    return Outcome(
        before=Share.of(_right(round.guess, round) for round in known),
        after=Share.of(_right(round.answer, round) for round in known),
        model=Share.of(_right(round.leaning, round) for round in known),
        swayed_wrong=Share.of(round.answer == round.leaning for round in contested if _right(round.guess, round)),
        swayed_right=Share.of(round.answer == round.leaning for round in contested if not _right(round.guess, round)),
        against=Share.of(round.answer != round.guess for round in rounds if round.guess == round.leaning),
        agreed_before=Share.of(round.guess == round.leaning for round in rounds),
        agreed_after=Share.of(round.answer == round.leaning for round in rounds),
        followed=Share.of(round.answer == round.leaning for round in disagreed),
        unsure=sum(round.result.analysis.verdict == "unsure" for round in rounds),
        by_confidence={
            confidence: Share.of(_right(round.guess, round) for round in known if round.confidence == confidence) for confidence in CONFIDENCES
        },
    )


def effect(round: Round) -> str:
    """What hearing the model did to the answer, in words."""
    if round.answer == round.guess:
        return "kept"
    how = "with the model" if round.answer == round.leaning else "against the model"
    if round.candidate.truth is None:
        return f"changed {how}"
    return f"{'right' if _right(round.guess, round) else 'wrong'} → {'right' if _right(round.answer, round) else 'wrong'}, {how}"


def records(rounds: Iterable[Round]) -> list[dict]:
    """A row per finished round, as the table and the CSV hold it."""
    return [
        {
            "picture": round.candidate.name,
            "truth": WORDS.get(round.candidate.truth, ""),
            "first_guess": WORDS[round.guess],
            "confidence": round.confidence,
            "model_verdict": {"ai": WORDS[1], "real": WORDS[0]}.get(round.result.analysis.verdict, "unsure"),
            "y_score": round.result.analysis.y_score,
            "final_answer": WORDS[round.answer],
            "effect": effect(round),
        }
        for round in rounds
        if round.stage == "done"
    ]


def _right(y: int, round: Round) -> bool:
    return y == round.candidate.truth
