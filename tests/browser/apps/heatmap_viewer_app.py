"""The heatmap viewer alone, with hand-made photos and attention: every number a test expects can be worked
out from here.

Query parameters choose the scene (?photo=wide&map=checkerboard&seen=all&...); the widgets change it without a
reload. With ?beside=signed a second viewer with that map is linked to the first.
"""

import io

import numpy as np
import streamlit as st
from PIL import ExifTags, Image

from detector.classifier import JudgedTile
from detector.explain.heatmap import Heatmap
from detector.preprocessing import Region
from ui.heatmap_viewer import heatmap_viewer

ROWS, COLUMNS = 4, 6  # not square, so that rows and columns cannot be mixed up unnoticed
TOKENS = ROWS * COLUMNS
SIZES = {
    "square": (600, 600),
    "wide": (1200, 400),
    "tall": (400, 1200),
    "panorama": (2000, 100),
    "tower": (100, 2000),
}
QUADRANTS = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 0),
)  # top left, top right, bottom left, bottom right
PHOTOS = [*SIZES, "turned", "broken"]
TILES = [  # the first mostly outside the part that the model saw as a whole, the second within it
    JudgedTile(Region(0.0, 0.0, 0.3, 0.25), 0.5),
    JudgedTile(Region(0.4, 0.4, 0.6, 0.6), -0.25),
]
SEEN = {"part": Region(0.1, 0.2, 0.7, 0.9), "all": Region(0.0, 0.0, 1.0, 1.0)}
HOSTILE = '<img src=x onerror="window.pwned = true">.jpg'


def photo(name: str) -> tuple[bytes, str]:
    """The encoded photo and its media type. "turned" is the wide one, stored on its side with the EXIF tag
    that says so."""
    if name == "broken":
        return b"\x89PNG and then nothing", "image/png"
    turned = name == "turned"
    pixels = quadrants("wide" if turned else name)
    picture, exif, buffer = Image.fromarray(pixels), Image.Exif(), io.BytesIO()
    if turned:
        exif[ExifTags.Base.Orientation] = 6  # "turn me clockwise"
        picture.transpose(Image.Transpose.ROTATE_90).save(
            buffer, "JPEG", quality=100, subsampling=0, exif=exif
        )
        return buffer.getvalue(), "image/jpeg"
    picture.save(buffer, "PNG")
    return buffer.getvalue(), "image/png"


def quadrants(name: str) -> np.ndarray:
    width, height = SIZES[name]
    pixels = np.empty((height, width, 3), np.uint8)
    halves = (
        (slice(None, height // 2), slice(height // 2, None)),
        (slice(None, width // 2), slice(width // 2, None)),
    )
    for index, colour in enumerate(QUADRANTS):
        pixels[halves[0][index // 2], halves[1][index % 2]] = colour
    return pixels


def heatmap(name: str) -> Heatmap:
    """By hand: signed maps in logits, the others in multiples of the uniform share. The display scale of
    these ends at max(peak, 4)."""
    if name in ("signed", "weak"):
        logits = np.full((ROWS, COLUMNS), 0.0)
        logits[1, 4], logits[2, 1], logits[0, 0] = -0.4, 0.2, 0.003
        return Heatmap(
            (logits / (16 if name == "weak" else 1)).astype(np.float32), "by hand", signed=True, unit="logit"
        )
    if name == "coarse":  # on a grid of its own
        return Heatmap(np.array([[0.1, 0.2, 0.0], [0.3, 0.4, 0.0]], np.float32), "by hand", unit="relative")
    relative = np.full((ROWS, COLUMNS), 0.5)
    if name == "hot":
        relative[1, 4], relative[2, 1] = 2.4, 3.0
    elif name == "checkerboard":
        relative = 4.0 * (np.indices((ROWS, COLUMNS)).sum(axis=0) % 2)
    elif name == "diffuse":
        relative = np.linspace(0.7, 1.3, TOKENS).reshape(ROWS, COLUMNS)
    return Heatmap((relative / TOKENS).astype(np.float32), "by hand")


def attention() -> np.ndarray:
    """Token i gives half of its attention to token i + 1 (n / 2 = 12 times the uniform share) and spreads
    the rest evenly."""
    scores = np.full((TOKENS, TOKENS), 0.5 / (TOKENS - 1), np.float32)
    scores[np.arange(TOKENS), (np.arange(TOKENS) + 1) % TOKENS] = 0.5
    return scores


query = st.query_params
st.session_state.runs = st.session_state.get("runs", 0) + 1
st.button("Run again")
shape = st.radio("Photo", PHOTOS, index=PHOTOS.index(query.get("photo", "square")), horizontal=True)
described = st.checkbox("Describe at length")
if st.checkbox("Show the viewer", value=True):
    first = heatmap(query.get("map", "hot"))
    heatmap_viewer(
        *photo(shape),
        SEEN[query.get("seen", "part")],
        attention() if first.unit == "share" else None,
        first,
        alt=HOSTILE
        if "hostile" in query
        else f"Four coloured quadrants, {shape}" + ", from red to yellow" * described,
        filename=HOSTILE if "hostile" in query else f"{shape}.quadrants.png",
        key="viewer",
        initial_opacity=float(query.get("opacity", 0.5)),
        status="Overall attention: what each patch receives" if first.unit == "share" else "By hand",
        group=shape if "beside" in query else "",
        tiles=TILES if "tiles" in query else (),
    )
if "beside" in query and st.checkbox("Show the viewer beside it", value=True):
    heatmap_viewer(
        *photo(shape),
        SEEN[query.get("seen", "part")],
        None,
        heatmap(query["beside"]),
        alt="The same, signed",
        filename="beside.png",
        key="beside",
        status="By hand",
        group=query.get("group", shape),
    )
st.write(f"Script runs: {st.session_state.runs}")
