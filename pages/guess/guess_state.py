"""What Guess first keeps for its visitor."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages.guess.game import Candidate, Game

KEY = "guess_first"
"""Of the page's one object in ``st.session_state``."""

SHORTEST = 5
"""Rounds in the shortest game that can be asked for."""


@dataclass
class GuessState:
    """game: the one being played, or whose end is shown; None while its pictures are chosen. games: how many
    were dealt."""

    game: Game | None = None
    games: int = 0

    def deal(self, candidates: list[Candidate], model: str, rounds: int, seed: int, practice: bool) -> None:
        """Begin a game."""
        self.games += 1
        self.game = Game.deal(candidates, model, rounds, seed, practice, self.games)

    def deal_again(self) -> None:
        """The same pictures in the next order."""
        if self.game:
            last = self.game
            rounds = len(last.rounds) or SHORTEST
            self.deal(last.candidates, last.model, rounds, last.seed + 1, last.practice)

    def forget(self) -> None:
        """Back to choosing pictures."""
        self.game = None


def state() -> GuessState:
    """That of the visitor whose script is running."""
    return st.session_state.setdefault(KEY, GuessState())
