"""What a session has found out about its pictures beyond their verdicts, so that nothing is computed twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from ui import gallery, models

if TYPE_CHECKING:
    from detector.bundle import Bundle
    from detector.explain import Heatmap
    from detector.explain.faithfulness import Faithfulness
    from detector.explain.sanity import Sanity
    from detector.stress import Stressed
    from ui.gallery import Picture

MOST = 64
"""Pictures that are remembered, those looked at last; some 200 KB each."""


@dataclass
class Strip:
    """The stress strip of a picture. copies: what the model says of each. plain, heated: each copy as the network got it, without and with its
    heatmap, as data URLs; the first of each is the undamaged picture. ``heated`` is empty for a network without attention."""

    copies: list[Stressed]
    plain: list[str]
    heated: list[str]


@dataclass
class Found:
    """One picture under one model. maps: by method, or the sentence why there is none. tests, sanity: by method. strip: None until tested."""

    maps: dict[str, Heatmap | str] = field(default_factory=dict)
    tests: dict[str, Faithfulness] = field(default_factory=dict)
    sanity: dict[str, Sanity] = field(default_factory=dict)
    strip: Strip | None = None


def about(picture: Picture, bundle: Bundle) -> Found:
    """What is known of ``picture``, for more to be written into it."""
    kept = _kept()
    key = picture.id, models.version(bundle)
    kept[key] = kept.pop(key, None) or Found()  # now the last of all
    here = gallery.album().pictures
    for old in [old for old in kept if old[0] not in here and old != key]:  # removed meanwhile
        del kept[old]
    while len(kept) > MOST:
        del kept[next(iter(kept))]
    return kept[key]


def copies(picture: Picture, bundle: Bundle) -> list[Stressed] | None:
    """What the model says of the damaged copies of ``picture``; None if it was not asked yet."""
    known = _kept().get((picture.id, models.version(bundle)))
    return known.strip.copies if known and known.strip else None


def _kept() -> dict[tuple[str, str], Found]:
    return st.session_state.setdefault("explained", {})
