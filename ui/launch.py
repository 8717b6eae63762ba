"""``telltale-app``: the dashboard, opened from any folder.

Streamlit looks for its settings in the current folder, so they are handed over on the command line; words
typed after ``telltale-app`` come later there and win.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from detector.home_folder import VARIABLE as HOME_VARIABLE

APP = Path(__file__).resolve().parents[1] / "streamlit_app.py"
SETTINGS = Path(__file__).parent / "streamlit.toml"
"""Those of ``.streamlit/config.toml``, to which this is a link until it is installed."""


def main() -> NoReturn:
    """Become ``streamlit run``. Runs of an installed Telltale are in ``runs/`` of the current folder, unless
    TELLTALE_RUNS or TELLTALE_HOME says otherwise."""
    if not os.environ.get(HOME_VARIABLE):
        os.environ.setdefault("TELLTALE_RUNS", str(Path.cwd() / "runs"))
    words = command(sys.argv[1:])
    os.execv(words[0], words)


def command(arguments: Sequence[str]) -> list[str]:
    """``python -m streamlit run`` with the app, its settings and then ``arguments``."""
    settings = tomllib.loads(SETTINGS.read_text("utf-8"))
    flags = [f"--{name}={value}" for name, value in flattened(settings)]
    return [sys.executable, "-m", "streamlit", "run", str(APP), *flags, *arguments]


def flattened(settings: Mapping[str, Any], section: str = "") -> Iterator[tuple[str, str]]:
    """("theme.light.primaryColor", "#2563c9") and the like, as Streamlit's flags take them."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{section}{name}.")
        elif isinstance(value, bool):
            yield f"{section}{name}", str(value).lower()
        else:
            yield f"{section}{name}", str(value)
