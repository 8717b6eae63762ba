"""The pages, one folder each; ``streamlit_app.py`` lists them.

Streamlit takes an app with a folder called ``pages`` for its older kind until ``st.navigation`` has run once
in the process. The first visitor of a fresh server is therefore served by Streamlit's own page discovery,
which knows the files of this folder and not its folders: one who comes straight to ``/evaluate`` would be
told that there is no such page. So each page but the first has a file here, ``_evaluate.py`` and so on, which
Streamlit serves at that address and which runs the app, which runs the page. After that first run nothing
here is discovered any more.
"""
