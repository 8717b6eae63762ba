"""Where Telltale keeps what it makes for itself and can make again or asks before keeping.

Where ``TELLTALE_HOME`` is set, as in a container with one volume, runs (``runs/``) and promoted models
(``weights/``) are below it too, unless ``TELLTALE_RUNS`` and ``TELLTALE_WEIGHTS`` name other folders.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "TELLTALE_HOME"
"""The environment variable that names another folder, for a container's volume for instance."""


def home() -> Path:
    """The folder named by ``TELLTALE_HOME``, else ``telltale`` in the user's cache folder. It may not be
    there yet."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "telltale"
