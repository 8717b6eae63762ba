"""Guess first: what do you say, what does the model say, and what does hearing it do to you?"""

from __future__ import annotations

import streamlit as st

from detector.bundle import BundleError
from pages.guess import end, play, setup
from pages.guess.guess_state import state
from ui import models

game = state().game
if game is None or game.current is None:
    st.title("Guess first", anchor=False)
if game is None:
    setup.show()
elif game.current is None:
    end.show(game)
else:
    try:
        model = models.find(game.model)
    except BundleError as error:  # for instance removed on Train: the game goes no further
        with st.container(horizontal=True):
            play.offer_end(game)
            end.offer_other_pictures()
        models.give_up(error)
    model.start()
    play.show(game, model)
