"""Classify: is this picture AI-generated, what does the model make of it, and how far can that be believed?"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from ui import gallery, models, navigation, practice, provenance, results, threshold, verdict
from ui.card import show_card
from ui.explanations import belief, damage, found, maps

navigation.enter()
st.title("Is this picture AI-generated?", anchor=False)
st.markdown(
    "Drop in pictures. The model gives a verdict, a calibrated probability, and a map of what its score hangs on. **Nothing leaves this machine.**"
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

checked = [
    replace(entry, result=threshold.judged_by(bundle, entry.result), stressed=found.copies(entry.picture, bundle))
    for entry in results.check(pictures, bundle, loading)
]
results.show_unreadable(checked)
opened = results.choose(checked, bundle)
places = {}
if opened:
    # The verdict comes first where columns stack, on a phone and in a screen reader. Several maps need the whole width.
    words, viewers = [st.container(), st.container()] if maps.several() else st.columns([2, 3], gap="large")
    with words:
        verdict.show(opened.picture.name, opened.result, bundle, opened.stressed, damage=True)
        with st.container(horizontal=True):
            if card := st.button("About this model", icon=":material/description:", key="card"):
                show_card(bundle)
            gallery.remove_button(opened.picture)
    with viewers:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            methods = maps.choose(bundle)
            tested = belief.wanted()
        places = maps.show(opened, methods, bundle, loading)
    damage.show(opened, bundle, loading, redraw=not card)  # drawing again would close the card; closing the card draws again
    provenance.show(opened.picture)
results.downloads(checked, bundle)
results.how_to_read(bundle)
if places and tested:  # last: this takes seconds
    belief.show(opened, places, bundle, loading)
