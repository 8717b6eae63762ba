"""Where things stand on Classify: what speaks about the open picture on one screen, the other pictures
beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

PHOTO_HEIGHT = "max(15rem, calc(100vh - 27.5rem))"
"""Of the photo at most, as a CSS length: what the bars above and the controls below leave of a screen."""


@dataclass(frozen=True)
class Places:
    """verdict: what is said of the open picture, and what its file says. photo: under its maps. pictures: all
    of them; None for one alone."""

    verdict: DeltaGenerator
    photo: DeltaGenerator
    pictures: DeltaGenerator | None


def style() -> None:
    """Make everything small enough for one screen."""
    st.html(f"<style>{_style()}</style>")


def places(several: bool, anew: bool) -> Places:
    """The verdict comes first where columns stack, on a phone and in a screen reader; the list comes last.

    anew: another picture is open than when the page was last drawn. Then nothing of that one stays.
    """
    with st.container(key="workbench"):
        columns = st.columns([20, 35, 16] if several else [20, 36], gap="medium")
    with columns[0]:
        verdict = cleared(anew).container(key="verdict_column")
    return Places(verdict, columns[1], columns[2] if several else None)


def cleared(anew: bool) -> DeltaGenerator:
    """A place. What stood there stays until something else takes its place, or is taken away at once.

    An ``st.empty`` alone would not take it away: where a container follows in the same moment, Streamlit
    sends the container only, and that inherits what stood in the one before. A column and a container
    inherit nothing from each other, and both are always sent.
    """
    if not anew:
        return st.container().container()
    place = st.empty()
    place.columns(1)
    return place.container().container()


@cache
def _style() -> str:
    return Path(__file__).with_name("workbench.css").read_text("utf-8")
