"""Telltale: tells AI-generated images from real ones and shows why."""

from pathlib import Path

import streamlit as st

# The icon is a file of ours: Streamlit fetches ":material/...:" favicons from the web.
st.set_page_config(page_title="Telltale", page_icon=str(Path(__file__).parent / "ui" / "icon.png"), layout="wide")
pages = [
    st.Page("pages/classify.py", title="Classify", icon=":material/image_search:", default=True),
    st.Page("pages/evaluate.py", title="Evaluate", icon=":material/analytics:"),
    st.Page("pages/train.py", title="Train", icon=":material/model_training:"),
    st.Page("pages/how_it_works.py", title="How it works", icon=":material/school:"),
    st.Page("pages/guess.py", title="Guess first", icon=":material/quiz:"),
]
# Streamlit leaves six rem above a page, more than its bar of pages takes.
st.html("<style>[data-testid=stMainBlockContainer] {padding-top: 4rem}</style>")
st.navigation(pages, position="top").run()
