"""Guess first as a game, without a page around it: candidates, rounds, and what may follow what."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from detector.classifier import Analysis, FileResult
from detector.explain import Heatmap
from detector.images import MAX_FILE_BYTES, ImageReadError
from detector.verdicts import Side
from ui.pictures import Picture

CONFIDENCES = ("a hunch", "fairly sure", "certain")
GUESS, CONFIDENCE, REVEAL, FINISHED = "guess", "confidence", "reveal", "finished"
"""Stages of a round: what comes next."""


@dataclass(frozen=True)
class Candidate:
    """A picture that may come up. name: shown at the end only, because it may tell. source: its file's bytes
    or its path. truth: what it is, None if nobody said.
    """

    name: str
    source: bytes | Path
    truth: Side | None = None

    def read(self) -> bytes:
        """The file's bytes. Raises ImageReadError."""
        if isinstance(self.source, bytes):
            return self.source
        try:
            with self.source.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise ImageReadError("This file could not be read from the disk.") from error
        if len(content) > MAX_FILE_BYTES:
            raise ImageReadError("This file is too large to be shown.")
        return content

    def picture(self) -> Picture:
        """The file, read. Raises ImageReadError."""
        return Picture.of(self.name, self.read())


@dataclass(frozen=True)
class FinishedRound:
    """A round that was played to its end: the guess before the model was heard, how sure the viewer was of
    it, what the model said, and the answer after that. thumbnail: the picture as a data URL."""

    candidate: Candidate
    guess: Side
    confidence: str
    analysis: Analysis
    answer: Side
    thumbnail: str = ""

    @property
    def truth(self) -> Side | None:
        return self.candidate.truth

    @property
    def leaning(self) -> Side:
        """The side of the threshold that the model's score is on, also where its verdict is unsure."""
        above = self.analysis.y_score >= self.analysis.threshold
        return Side.AI if above else Side.REAL


@dataclass
class Round:
    """One picture: the guess before and the answer after the model was heard, None until given; likewise
    what the model said, the map shown, and the picture as a data URL for the table at the end, "" until
    then."""

    candidate: Candidate
    guess: Side | None = None
    confidence: str | None = None
    result: FileResult | None = None
    answer: Side | None = None
    heatmap: Heatmap | None = None
    thumbnail: str = ""

    @property
    def stage(self) -> str:
        """What comes next."""
        if self.guess is None:
            return GUESS
        if self.confidence is None:
            return CONFIDENCE
        return REVEAL if self.answer is None else FINISHED

    @property
    def analysis(self) -> Analysis | None:
        """What the model said, None until it was heard."""
        return self.result.analysis if self.result else None

    @property
    def finished(self) -> FinishedRound | None:
        """The round as it was played; None if that is not over."""
        analysis = self.analysis
        if self.guess is None or self.confidence is None or analysis is None or self.answer is None:
            return None
        return FinishedRound(
            self.candidate, self.guess, self.confidence, analysis, self.answer, self.thumbnail
        )


@dataclass
class Game:
    """A deal of pictures and how far it was played.

    candidates: all there were to deal from. model: name of the one that is heard. seed: of the order. rounds:
    those dealt. reserve: candidates that stand in for unreadable ones. skipped: (name, sentence) of these.
    practice: whether this is the practice round. number: the game of this session it is, for the keys of
    widgets.
    """

    candidates: list[Candidate]
    model: str
    seed: int
    rounds: list[Round]
    reserve: list[Candidate] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    practice: bool = False
    number: int = 1

    @classmethod
    def deal(
        cls,
        candidates: list[Candidate],
        model: str,
        rounds: int,
        seed: int,
        practice: bool = False,
        number: int = 1,
    ) -> Game:
        """At most ``rounds`` of the candidates, in an order that depends on nothing but the seed and the
        candidates' order."""
        order = random.Random(seed).sample(candidates, len(candidates))
        dealt = [Round(candidate) for candidate in order[:rounds]]
        reserve = order[rounds:]
        return cls(candidates, model, seed, dealt, reserve, practice=practice, number=number)

    @property
    def at(self) -> int:
        """Index of the round being played; the number of rounds once all are finished."""
        for index, each in enumerate(self.rounds):
            if each.stage != FINISHED:
                return index
        return len(self.rounds)

    @property
    def current(self) -> Round | None:
        """The round being played, None at the end."""
        return self.rounds[self.at] if self.at < len(self.rounds) else None

    def guess(self, side: Side) -> None:
        """The viewer's first impression, which is taken back until a confidence is given."""
        if self.current and self.current.stage == GUESS:
            self.current.guess = side

    def be_sure(self, confidence: str) -> None:
        """How sure the viewer is; from here on the model is heard."""
        if self.current and self.current.stage == CONFIDENCE:
            self.current.confidence = confidence

    def answer(self, side: Side) -> None:
        """What the viewer says after the model was heard; on to the next picture."""
        if self.current and self.current.stage == REVEAL and self.current.result:
            self.current.answer = side

    @property
    def can_go_back(self) -> bool:
        """Is there a click to take back? Not a guess, once the model was heard: it could not be made
        again."""
        if self.current is None:
            return False
        if self.current.stage == CONFIDENCE:
            return True
        return self.current.stage == GUESS and self.at > 0

    def back(self) -> None:
        """Take back the last click: this picture's guess, or the last one's final answer."""
        if self.current is None or not self.can_go_back:
            return
        if self.current.stage == CONFIDENCE:
            self.current.guess = None
        else:
            self.rounds[self.at - 1].answer = None

    def skip(self, sentence: str) -> None:
        """The current picture cannot be shown: another one takes its place, as long as there are others."""
        at = self.at
        self.skipped.append((self.rounds[at].candidate.name, sentence))
        if self.reserve:
            self.rounds[at] = Round(self.reserve.pop(0))
        else:
            del self.rounds[at]

    def stop(self) -> None:
        """End here: what was not finished does not count."""
        self.rounds = self.rounds[: self.at]
