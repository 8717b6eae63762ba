"""Registry of architectures: name -> how to build the network, what it eats, and where its attention is.

To add one, write a module beside ``efficientnetv2b0_attention.py`` with a ``build`` function and an ``ARCHITECTURE``
entry, and list that entry in ``_ENTRIES`` below. Every entry is then built, run, saved, trained for a step and explained
by the tests; nothing else in Telltale names an architecture. Importing this package does not import Keras.
"""

from __future__ import annotations

from detector.architectures import efficientnetv2b0_attention, efficientnetv2b0_multilevel_attention, tiny_attention
from detector.architectures.architecture import Architecture

__all__ = ["ARCHITECTURES", "Architecture", "get"]

_ENTRIES = (efficientnetv2b0_attention.ARCHITECTURE, efficientnetv2b0_multilevel_attention.ARCHITECTURE, tiny_attention.ARCHITECTURE)

ARCHITECTURES: dict[str, Architecture] = {entry.name: entry for entry in _ENTRIES}


def get(name: str) -> Architecture:
    """The entry called ``name``; raises ValueError naming those there are."""
    if name not in ARCHITECTURES:
        raise ValueError(f"There is no architecture called {name!r}; known are: {', '.join(sorted(ARCHITECTURES))}.")
    return ARCHITECTURES[name]
