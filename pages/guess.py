"""Guess first: what do you say, what does the model say, and what does hearing it do to you?"""

from __future__ import annotations

import streamlit as st

from detector.bundle import BundleError
from ui import models, navigation
from ui.guess import end, play, setup

navigation.enter()
game = st.session_state.get("guess_game")
if game is None or game.current is None:
    st.title("Guess first", anchor=False)
if game is None:
    setup.show()
elif game.current is None:
    end.show(game)
else:
    try:
        bundle = models.bundle(game.bundle)
    except BundleError as error:
        models.give_up(error)
    play.show(game, bundle, models.loading(bundle))
