"""For a fresh server's first visitor who comes straight to this page: see pages/__init__.py."""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).parents[1] / "streamlit_app.py"))
