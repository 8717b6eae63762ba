"""How it works: one picture's way through the network, or two side by side, step by step, for a room that
looks at a projector."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.how_it_works import picture_choice, sections, step_controls, walks
from pages.how_it_works.steps import steps_of
from ui import models, threshold

sections.style()
with st.container(key="walk-choice"):
    title, choice = st.columns([2, 3], gap="large")
title.title("How the model decides", anchor=False)
with choice:
    model = models.choose()
    walks.insist_on_steps(model.bundle)
    # From here on TensorFlow is on its way in a thread, while the user is still choosing.
    model.start()
    pictures = picture_choice.choose()
steps = steps_of(model.bundle.architecture, tiles=model.bundle.preprocessing.tiles > 0)
if not pictures:
    title.markdown(picture_choice.what_follows(steps))
    st.stop()
model = threshold.in_use(model)
shown = step_controls.steps(steps, title)

walked = [replace(walks.of(picture, model), bundle=model.bundle) for picture in pictures]
controls = step_controls.Controls(walked)
for step in shown:
    with st.container(key=f"walk-step-{step.name}"):
        sections.heading(steps.index(step) + 1, step)
        walk, number = controls.of(step)
        sections.show(step, walk, number, [picture.name for picture in pictures], model)
walks.show_agreement(walked)
