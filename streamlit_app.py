"""Telltale: tells AI-generated images from real ones and shows why."""

from pathlib import Path

import streamlit as st

# The icon is a file of ours, and said before the pages are: Streamlit fetches ":material/...:" favicons from
# the web.
st.set_page_config(page_icon=str(Path(__file__).parent / "ui" / "icon.png"), layout="wide")
pages = [
    st.Page(f"pages/{folder}/page.py", title=title, icon=icon, url_path=folder, default=folder == "classify")
    for folder, title, icon in (
        ("classify", "Classify", ":material/image_search:"),
        ("evaluate", "Evaluate", ":material/analytics:"),
        ("data", "Data", ":material/dataset:"),
        ("train", "Train", ":material/model_training:"),
        ("how_it_works", "How it works", ":material/school:"),
        ("guess", "Guess first", ":material/quiz:"),
    )
]
page = st.navigation(pages, position="top")
st.set_page_config(page_title=f"{page.title} · Telltale")
# Streamlit leaves six rem above a page, more than its bar of pages takes.
st.html("<style>[data-testid=stMainBlockContainer] {padding-top: 4rem}</style>")
page.run()
