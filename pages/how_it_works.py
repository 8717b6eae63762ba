"""How it works: one picture's way through the network, step by step, for a room that looks at a projector."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from ui import models, navigation, threshold
from ui.how_it_works import controls, pictures, sections, walks

navigation.enter()
sections.style()
title, choice = st.columns([2, 3], gap="large")
title.title("How the model decides", anchor=False)
with choice:
    bundle = models.choose()
    walks.insist_on_steps(bundle)
    # From here on TensorFlow is on its way in a thread, while the user is still choosing.
    loading = models.loading(bundle)
    picture = pictures.choose()
if picture is None:
    title.markdown(pictures.WHAT_FOLLOWS)
    st.stop()
bundle = threshold.in_use(bundle)
shown = controls.steps()

walk = replace(walks.of(picture, loading), bundle=bundle)  # judged by the threshold in use
head = tempered = None
for step in shown:
    sections.heading(step)
    if step.per_head and head is None:
        head = controls.head(walk)
    if step.tempered and tempered is None:
        tempered = controls.temperature(walk)
    sections.show(step, tempered if step.tempered else walk, head or 0)
walks.show_agreement(walk)
