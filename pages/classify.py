"""Classify: is this picture AI-generated, and which parts of it did the model look at?"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from ui import gallery, models, navigation, practice, results, threshold, verdict
from ui.card import show_card

navigation.enter()
st.title("Is this picture AI-generated?", anchor=False)
st.markdown(
    "Drop in pictures. The model gives a verdict, a calibrated probability, and a map of where its attention went. **Nothing leaves this machine.**"
)

above = st.container()
pictures = gallery.choose()  # before the model: whatever is wrong with that, the pictures brought in stay
with above:
    bundle = models.choose()
    practice.notice(bundle)
# From here on TensorFlow is on its way in a thread, while the user is still choosing.
loading = models.loading(bundle)
bundle = threshold.in_use(bundle)
if not pictures:
    gallery.invite()
    results.how_to_read(bundle)
    st.stop()

checked = [replace(entry, result=threshold.judged_by(bundle, entry.result)) for entry in results.check(pictures, bundle, loading)]
results.show_unreadable(checked)
opened = results.choose(checked)
if opened:
    # The verdict comes first where columns stack, on a phone and in a screen reader.
    words, viewer = st.columns([2, 3], gap="large")
    with words:
        verdict.show(opened.picture.name, opened.result, bundle)
        with st.container(horizontal=True):
            if st.button("About this model", icon=":material/description:", key="card"):
                show_card(bundle)
            gallery.remove_button(opened.picture)
    with viewer:
        results.view(opened)
results.downloads(checked, bundle)
results.how_to_read(bundle)
