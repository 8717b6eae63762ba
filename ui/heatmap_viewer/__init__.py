"""The heatmap viewer: a photo, the model's heatmap over it, and every patch's attention, all explored in the
browser.

The component receives everything it can show when it is mounted (photo, map, whole attention matrix, colour
maps) and never talks back to Python: a slider move or a hover costs one repaint instead of a server round
trip and a script run. Viewers of one group, several maps of one photo, are linked in the browser: opacity,
pointer and marked patch move together.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import streamlit as st

from detector.explain.heatmap import DISPLAY_FLOOR, SHARE, SIGNED_FLOOR
from detector.overlay import SIGNED_COLOURS, shades_between
from ui.dated_payload import dated
from ui.encoding import base64, base64_float32, data_url
from ui.text import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.classifier import JudgedTile
    from detector.explain.heatmap import Heatmap
    from detector.preprocessing import Region

PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp")
COLOUR_MAPS = {
    "Inferno": cv2.COLORMAP_INFERNO,
    "Viridis": cv2.COLORMAP_VIRIDIS,
    "Cividis": cv2.COLORMAP_CIVIDIS,
    "Turbo (rainbow)": cv2.COLORMAP_TURBO,
}
"""For unsigned maps. Offered in this order, the first by default: perceptually uniform, colour-blind-safe,
black where there is nothing."""

SIGNED_COLOUR_MAPS = {
    "Blue to red, dark": SIGNED_COLOURS,
    "Blue to red, light": ("#0b3c78", "#3484c4", "#a6cfe5", "#f7f7f7", "#f6b799", "#d2543e", "#7c1222"),
}
"""For signed maps, as equally spaced colours from "towards real" to "towards AI", in the same order. The
middle, nothing, is transparent on a photo; where the colours stand alone it is dark, or white as on paper."""

_HERE = Path(__file__).parent
# Registered on import, as components v2 wants: once per process, however many viewers a page mounts.
_mount = st.components.v2.component(
    "telltale_heatmap_viewer",
    html=(_HERE / "viewer.html").read_text("utf-8"),
    css=(_HERE / "viewer.css").read_text("utf-8"),
    js=(_HERE / "viewer.js").read_text("utf-8"),
)


def heatmap_viewer(
    picture: bytes,
    picture_type: str,
    region: Region,
    attention: np.ndarray | None,
    heatmap: Heatmap | None,
    *,
    alt: str,
    filename: str,
    key: str,
    tiles: Sequence[JudgedTile] = (),
    initial_opacity: float = 0.5,
    status: str = "Overall attention: what each patch receives",
    group: str = "",
    max_height: str = "70vh",
) -> None:
    """Show a photo with its heatmap; opacity, colours, patches and saving are handled in the browser.

    picture: the encoded photo. It travels to the browser as it is, so a large original is better
    re-encoded first; its own
        resolution is what "Save picture" writes. An EXIF orientation is honoured.
    picture_type: its media type, one of ``PICTURE_TYPES``.
    region: the part of the upright photo that the model saw, as fractions of its width and height. The
    rest is marked, but for the tiles.
    attention: float32 (n, n), rows summing to 1: row i is what token i attends to. Tokens are row-major on
    ``heatmap.grid``. None for
        a map without an attention matrix: its patches can be read and marked, and that is all.
    heatmap: n cells; None for the photo alone, until its map is there. An unsigned one is drawn in
    multiples of its reference, the uniform share, as ``clip(multiple / max(peak, DISPLAY_FLOOR), 0, 1)``;
    a selected patch's row of ``attention`` by the same rule with its own peak. A signed one, in logits, is
    drawn from ``-ceiling`` to ``ceiling``, which is its strongest patch but at least ``SIGNED_FLOOR``; the
    closer to zero, the more transparent.
    alt: what the photo shows, for people who do not see it. Any text: it never becomes HTML.
    filename: the photo's name; the saved picture's name is derived from it.
    key: Streamlit key. Keep it the same while paging through photos: the viewer then swaps its contents in
    place. The choices
        a viewer's user made (opacity, colours, patches, marking) hold for the browser tab either way.
    tiles: parts that the model saw at their own scale, in the same fractions, and what each adds.
    initial_opacity: weight of the heatmap until the user moves the slider: 0 = photo alone, 1 = heatmap
    alone.
    status: what the map shows, in a few words.
    group: viewers on the page with the same group, and the same photo, are linked; "" for none.
    max_height: of the photo on the page, as a CSS length.

    Raises ValueError when the arguments do not fit together.
    """
    if picture_type not in PICTURE_TYPES:
        raise ValueError(f"picture_type must be one of {', '.join(PICTURE_TYPES)}, not {picture_type!r}")
    if not 0 <= initial_opacity <= 1:
        raise ValueError(f"initial_opacity must be in 0..1, not {initial_opacity}")
    # Strings rather than raw bytes: the front end compares them by value, so a rerun with the same photo
    # repaints nothing.
    payload = {
        "picture": data_url(picture, picture_type),
        "region": asdict(region),
        "tiles": [{**asdict(tile.region), "logit": float(tile.logit)} for tile in tiles],
        **(_no_map() if heatmap is None else _map(heatmap, attention)),
        "initial_opacity": float(initial_opacity),
        "status": status,
        "group": group,
        "alt": alt,
        "download_name": download_name(filename),
        "max_height": max_height,
    }
    _mount(key=key, data=dated(key, payload))


def _map(heatmap: Heatmap, attention: np.ndarray | None) -> dict[str, Any]:
    """What the browser needs to draw a map and read it. Raises ValueError where the two do not fit."""
    rows, columns = heatmap.grid
    tokens = rows * columns
    if attention is not None and attention.shape != (tokens, tokens):
        raise ValueError(
            f"a {rows} x {columns} heatmap needs attention of shape ({tokens}, {tokens}), not"
            f" {attention.shape}"
        )
    if attention is not None and heatmap.signed:
        raise ValueError("a signed heatmap has no attention to show")
    return {
        "grid": {"rows": int(rows), "columns": int(columns)},
        "values": base64_float32(heatmap.values if heatmap.signed else heatmap.relative),
        "attention": "" if attention is None else base64_float32(attention),
        "signed": bool(heatmap.signed),
        "notice": _notice(heatmap),
        "display_floor": SIGNED_FLOOR if heatmap.signed else DISPLAY_FLOOR,
        "colour_maps": _signed_colour_maps() if heatmap.signed else _colour_maps(),
        "colour_choice": "signed_colours" if heatmap.signed else "colours",  # each kind of map keeps its own
    }


def _no_map() -> dict[str, Any]:
    """The same for a photo whose map is not there yet."""
    return {
        "grid": {"rows": 1, "columns": 1},
        "values": "",
        "attention": "",
        "signed": False,
        "notice": "",
        "display_floor": DISPLAY_FLOOR,
        "colour_maps": {},
        "colour_choice": "colours",
    }


def download_name(filename: str) -> str:
    """``"C:\\photos\\cat.of.mine.jpg"`` -> ``"cat.of.mine-heatmap.png"``; anything a file system might
    mind becomes "_"."""
    stem = PureWindowsPath(filename).stem  # splits at / and at \
    safe = harmless(stem).strip(" .")
    return f"{safe[:100] or 'picture'}-heatmap.png"


@cache
def _colour_maps() -> dict[str, str]:
    """Name -> 256 RGB triples, base64. OpenCV is the one source of colours, here and in
    ``detector.overlay``."""
    return {name: base64(shades(name).tobytes()) for name in COLOUR_MAPS}


def shades(colour_map: str) -> np.ndarray:
    """uint8 (256, 3) RGB: the colours of one of ``COLOUR_MAPS``, from nothing to most."""
    levels = np.arange(256, dtype=np.uint8)[:, np.newaxis]
    bgr = cv2.applyColorMap(levels, COLOUR_MAPS[colour_map])[:, 0]
    return bgr[:, ::-1]


@cache
def _signed_colour_maps() -> dict[str, str]:
    """As ``_colour_maps``: the colours between those of ``SIGNED_COLOUR_MAPS``, linear in RGB."""
    maps = {}
    for name, colours in SIGNED_COLOUR_MAPS.items():
        maps[name] = base64(shades_between(colours).tobytes())
    return maps


def _notice(heatmap: Heatmap) -> str:
    """What to know before reading a map that has little to say; "" for the others."""
    strongest = float(np.abs(heatmap.values).max())
    if heatmap.signed:
        weak = strongest < SIGNED_FLOOR
        return (
            f"No patch moves the logit by as much as {SIGNED_FLOOR}. The map stays clear, because it singles"
            " nothing out."
            if weak
            else ""
        )
    if not strongest:
        return "The map is empty: by this method no patch speaks for the verdict."
    if not heatmap.diffuse:
        return ""
    what = "attention" if heatmap.unit == SHARE else "map"
    return (
        f"Diffuse: the {what} is spread almost evenly (peak {heatmap.peak:.1f}× the uniform share). The map"
        " does not single out a place."
    )
