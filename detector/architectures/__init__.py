"""Registry of architectures: name -> how to build the network, what it eats, and where its attention is.

To add one, write a module beside ``efficientnetv2b0_attention.py`` with a ``build`` function and an
``ARCHITECTURE`` entry, and list that entry in ``_ENTRIES`` below. Every entry is then built, run, saved,
trained for a step and explained by the tests; nothing else in Telltale names an architecture. Importing this
package does not import Keras.
"""

from __future__ import annotations

from detector.architectures import (
    clip_vit_b16_attention,
    convnextv2_base,
    convnextv2_tiny,
    efficientnetb0,
    efficientnetv2b0_attention,
    efficientnetv2b0_multilevel_attention,
    resnet18,
    resnet50,
    resnet50_cifake,
    resnet50_realitycheck,
    tiny_attention,
    vit_base_patch16,
    vit_small_patch16,
)
from detector.architectures.architecture import Architecture, TransformerBlocks

__all__ = ["ARCHITECTURES", "Architecture", "TransformerBlocks", "get"]

_ENTRIES = (
    clip_vit_b16_attention.ARCHITECTURE,
    convnextv2_base.ARCHITECTURE,
    convnextv2_tiny.ARCHITECTURE,
    efficientnetb0.ARCHITECTURE,
    efficientnetv2b0_attention.ARCHITECTURE,
    efficientnetv2b0_multilevel_attention.ARCHITECTURE,
    resnet18.ARCHITECTURE,
    resnet50.ARCHITECTURE,
    resnet50_cifake.ARCHITECTURE,
    resnet50_realitycheck.ARCHITECTURE,
    tiny_attention.ARCHITECTURE,
    vit_base_patch16.ARCHITECTURE,
    vit_small_patch16.ARCHITECTURE,
)

ARCHITECTURES: dict[str, Architecture] = {entry.name: entry for entry in _ENTRIES}


def get(name: str) -> Architecture:
    """The entry called ``name``; raises ValueError naming those there are."""
    if name not in ARCHITECTURES:
        raise ValueError(
            f"There is no architecture called {name!r}; known are: {', '.join(sorted(ARCHITECTURES))}."
        )
    return ARCHITECTURES[name]
