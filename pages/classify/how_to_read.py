"""What the verdict and the map mean, and what they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from detector.bundle import Bundle

TEXT = """
- **A score is not a proof.** The model has learnt what some AI-generated pictures look like. Newer
  generators, other subjects, heavy editing, screenshots and strong compression can all mislead it, in both
  directions.
- **The figure below the verdict** counts pictures from sources the model had never seen. About half of them
  are AI-generated; among your pictures it may be few, and then a high score is right less often.
- **Unsure is an answer.** Between the two thresholds pictures of both kinds are common, and the model says so
  instead of guessing.
- **The model sees a {size} × {size} square** from the middle of the picture, at reduced size. {beside}
- **A map explains the model, not the picture.** The square is cut into {rows} × {columns} patches, and a map
  says what each means to the score: what it adds, or what changes without it. Red is towards AI, blue towards
  real. None says “this is fake”, and nothing finer than a patch can be read off.
- **Below each map stands how it fared** when its patches were taken away from this very picture. A map that
  does no better than a random one explains nothing here, however good it looks. The one shown first did best
  on validation pictures (Evaluate, Explanations).
- **The attention map shows where the model looked.** A patch glows when the others attend to it. Its numbers
  are multiples of the uniform share: 1× is what every patch would get if attention were spread evenly. If no
  patch gets 2×, the map is called diffuse and stays dark.
- **The same picture may score a few hundredths more or less** on another processor, and until the larger
  model is compiled after the first start: it computes with fewer digits where a processor is faster so.
  Downloads and reports name the precision.
- **Unsure after damage:** if JPEG compression or resizing as it happens to nearly every picture turns the
  verdict around, it is withdrawn.
"""
"""As Markdown, with the model's sizes to be filled in."""
WITHOUT_TILES = "What lies outside is hatched in the viewer; it did not count."
WITH_TILES = (
    "Beside it, it sees {tiles} tiles of as many pixels at the picture's own scale, dashed in the viewer:"
    " they count for the verdict and are not in the maps. What neither shows is hatched; it did not count."
)


def show(bundle: Bundle) -> None:
    rows, columns = bundle.architecture.grid
    size, tiles = bundle.preprocessing.size, bundle.preprocessing.tiles
    beside = WITH_TILES.format(tiles=tiles) if tiles else WITHOUT_TILES
    with st.expander("How to read this", icon=":material/menu_book:"):
        st.markdown(TEXT.format(size=size, rows=rows, columns=columns, beside=beside))
