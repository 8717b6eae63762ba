"""Classify: is this picture AI-generated, and which parts of it did the model look at?"""

from __future__ import annotations

import streamlit as st

from detector.bundle import BundleError, available
from ui import gallery, models, results, verdict
from ui.card import show_card
from ui.text import plain

st.title("Is this picture AI-generated?")
st.markdown("Drop in pictures. The model gives a verdict, a calibrated probability, and a map of where its attention went. **Nothing leaves this machine.**")

names = available()
if not names:
    st.error("There is no model in the folder weights/. Clone Telltale again with its weights, or train one.")
    st.stop()
name = names[0] if len(names) == 1 else st.selectbox("Model", names, key="model", bind="query-params")
try:
    bundle = models.bundle(name)
except BundleError as error:
    st.error(plain(str(error), limit=600))
    st.stop()

pictures = gallery.choose()
# From here on TensorFlow is on its way in a thread, while the user is still choosing.
loading = models.loading(bundle)
if not pictures:
    gallery.invite()
    results.how_to_read(bundle)
    st.stop()

analysed = results.analyse(pictures, bundle, loading)
results.show_unreadable(analysed)
chosen = results.choose(analysed, bundle)
if chosen is not None:
    picture, result = chosen
    # The verdict comes first where columns stack, on a phone and in a screen reader.
    words, viewer = st.columns([2, 3], gap="large")
    with words:
        st.subheader(plain(picture.name, limit=60), anchor=False)
        verdict.show(result.analysis, bundle)
        for note in result.notes:
            st.info(plain(note, limit=300), icon=":material/info:")
        if st.button("About this model", icon=":material/description:", key="card"):
            show_card(bundle)
    with viewer:
        results.view(picture, result)
results.downloads(analysed, bundle)
results.how_to_read(bundle)
