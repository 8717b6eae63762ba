"""Guess first as a game, without a page around it: candidates, rounds, and what may follow what."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from detector.classifier import FileResult
from detector.explain import Heatmap
from detector.images import MAX_FILE_BYTES, ImageReadError

REAL, AI = 0, 1
WORDS = {AI: "AI-generated", REAL: "real"}
CONFIDENCES = ("a hunch", "fairly sure", "certain")


@dataclass(frozen=True)
class Candidate:
    """A picture that may come up. name: shown at the end only, because it may tell. source: its file's bytes or its path.

    truth: 1 AI-generated, 0 real, None if nobody said.
    """

    name: str
    source: bytes | Path
    truth: int | None = None

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


@dataclass
class Round:
    """One picture: the guess before and the answer after the model was heard, None until given; likewise what the model said and the map shown."""

    candidate: Candidate
    guess: int | None = None
    confidence: str | None = None
    result: FileResult | None = None
    answer: int | None = None
    heatmap: Heatmap | None = None

    @property
    def stage(self) -> str:
        """"guess", "confidence", "reveal" or "done": what comes next."""
        if self.guess is None:
            return "guess"
        if self.confidence is None:
            return "confidence"
        return "reveal" if self.answer is None else "done"

    @property
    def leaning(self) -> int:
        """The side of the threshold that the model's score is on, also where its verdict is unsure."""
        return int(self.result.analysis.y_score >= self.result.analysis.threshold)


@dataclass
class Game:
    """A deal of pictures and how far it was played.

    candidates: all there were to deal from. rounds: those dealt. reserve: those that stand in for unreadable ones. skipped: (name, sentence)
    of these. bundle: the model's name. number: the game of this session it is, for the keys of widgets.
    """

    candidates: list[Candidate]
    bundle: str
    seed: int
    rounds: list[Round]
    reserve: list[Candidate] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    practice: bool = False
    number: int = 1

    @classmethod
    def deal(cls, candidates: list[Candidate], bundle: str, rounds: int, seed: int, practice: bool = False, number: int = 1) -> Game:
        """At most ``rounds`` of the candidates, in an order that depends on nothing but the seed and the candidates' order."""
        order = random.Random(seed).sample(candidates, len(candidates))
        return cls(candidates, bundle, seed, [Round(candidate) for candidate in order[:rounds]], order[rounds:], practice=practice, number=number)

    @property
    def at(self) -> int:
        """Index of the round being played; the number of rounds once all are done."""
        return next((index for index, round in enumerate(self.rounds) if round.stage != "done"), len(self.rounds))

    @property
    def current(self) -> Round | None:
        """The round being played, None at the end."""
        return self.rounds[self.at] if self.at < len(self.rounds) else None

    def guess(self, y: int) -> None:
        """The viewer's first impression, which is taken back until a confidence is given."""
        if self.current and self.current.stage == "guess":
            self.current.guess = y

    def be_sure(self, confidence: str) -> None:
        """How sure the viewer is; from here on the model is heard."""
        if self.current and self.current.stage == "confidence":
            self.current.confidence = confidence

    def answer(self, y: int) -> None:
        """What the viewer says after the model was heard; on to the next picture."""
        if self.current and self.current.stage == "reveal" and self.current.result:
            self.current.answer = y

    @property
    def can_go_back(self) -> bool:
        """Is there a click to take back? Not a guess, once the model was heard: it could not be made again."""
        current = self.current
        return current is not None and (current.stage == "confidence" or current.stage == "guess" and self.at > 0)

    def back(self) -> None:
        """Take back the last click: this picture's guess, or the last one's final answer."""
        if not self.can_go_back:
            return
        if self.current.stage == "confidence":
            self.current.guess = None
        else:
            self.rounds[self.at - 1].answer = None

    def skip(self, sentence: str) -> None:
        """The current picture cannot be shown: another one takes its place, as long as there are others."""
        at = self.at
        self.skipped.append((self.rounds[at].candidate.name, sentence))
        self.rounds[at : at + 1] = [Round(self.reserve.pop(0))] if self.reserve else []

    def stop(self) -> None:
        """End here: what was not finished does not count."""
        self.rounds = self.rounds[: self.at]
