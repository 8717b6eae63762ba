"""What a step's figure is made of: panels, as plain values for the browser. One builder per kind.

Every panel has these fields. kind: "patches" (a picture or numbers on the model's grid), "matrix", "vector"
(one row of numbers folded into lines), "maps" (small grids side by side), "zoom" (the chosen patch's pixels),
"overlay" (a picture under numbers on a grid of its own) or "picture". values: float32, base64, or None; rows,
columns: of what is shown of them; follows: whether they hold rows x columns numbers for each patch, of which
the chosen one's are shown. colours: a name in ``shades()``; lows, highs: the numbers at its ends, one for all
or one for each chosen patch, and as words in bottoms and tops; measured: what they measure, None where there
are none. image: name of a picture in the figure; within: the part of it that the grid covers; opacity: the
weight of the colours over it; lines: whether the grid is drawn. choose: what a click chooses as the patch,
its "cell", "row" or "column", or None. axes: what rows and columns are, "token" for what can be chosen;
sides: the same in words for who looks at it, down and across. tiles: how many maps lie side by side, down and
across. digits, unit, factor: how a number under the pointer is written. title, note, alt: words above, below,
and instead of the picture. span, down: columns, of twelve, and rows that it takes; aspect: width over
height.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache

import numpy as np
from PIL import Image

from detector.overlay import shades_between
from detector.preprocessing import WHOLE, Region
from ui import heatmap_viewer
from ui.encoding import base64, base64_float32, data_url, jpeg


@cache
def shades() -> dict[str, str]:
    """Name -> 256 RGB triples, base64: "heat" for what starts at zero, "signed" for what has a sign. The
    heatmap viewer has the same."""
    signed = shades_between(heatmap_viewer.SIGNED_COLOUR_MAPS["Blue to red, light"])
    return {
        "heat": base64(heatmap_viewer.shades("Inferno").tobytes()),
        "signed": base64(signed.tobytes()),
    }


def picture(pixels: np.ndarray, longest: int = 640) -> str:
    """uint8 (H, W, 3) as a JPEG data URL, no larger than ``longest`` pixels."""
    shown = Image.fromarray(pixels)
    shown.thumbnail((longest, longest))
    return data_url(jpeg(shown, quality=92, subsampling="4:4:4"))


def photo(
    title: str,
    image: str,
    height: int,
    width: int,
    *,
    alt: str,
    within: Region | None = WHOLE,
    span: int = 6,
    note: str = "",
) -> dict:
    """A picture of height x width; the grid covers its part ``within``, where a click chooses a patch.
    None: it has no grid."""
    kind = {"kind": "patches", "choose": "cell"} if within else {"kind": "picture"}
    return _panel(
        title,
        alt,
        image=image,
        within=asdict(within or WHOLE),
        lines=True,
        aspect=width / height,
        span=span,
        note=note,
        **kind,
    )


def zoom(title: str, image: str, *, alt: str, span: int = 6) -> dict:
    """The pixels of the chosen patch."""
    return _panel(title, alt, kind="zoom", image=image, span=span)


def patches(
    title: str,
    values: np.ndarray,
    grid: tuple[int, int],
    *,
    alt: str,
    image: str | None = None,
    opacity: float = 0.6,
    **how,
) -> dict:
    """A number for each patch, (n,), or for each patch as the chosen one sees it, (n, n), over the picture
    ``image`` or alone."""
    rows, columns = grid
    return _panel(
        title,
        alt,
        kind="patches",
        choose="cell",
        image=image,
        opacity=opacity,
        rows=rows,
        columns=columns,
        aspect=columns / rows,
        follows=values.ndim == 2,
        **_numbers(values),
        **how,
    )


def matrix(
    title: str, values: np.ndarray, *, alt: str, axes: tuple[str, str], choose: str = "row", **how
) -> dict:
    """A matrix (rows, columns); what is chosen is its row or its column. axes: what these are, for instance
    ("token", "number")."""
    rows, columns = values.shape
    return _panel(
        title,
        alt,
        kind="matrix",
        choose=choose,
        axes=axes,
        rows=rows,
        columns=columns,
        **_numbers(values),
        **how,
    )


def vector(title: str, values: np.ndarray, fold: int, *, alt: str, **how) -> dict:
    """The numbers of the chosen patch, (n, d), or one vector for all, (d,), written like a text in lines
    of ``fold`` numbers, which divides d."""
    lines = values.shape[-1] // fold
    return _panel(
        title,
        alt,
        kind="vector",
        rows=lines,
        columns=fold,
        aspect=fold / lines,
        follows=values.ndim == 2,
        **_numbers(values),
        **how,
    )


def maps(title: str, values: np.ndarray, across: int, *, alt: str, **how) -> dict:
    """Grids (k, gh, gw) side by side, ``across`` in a line; k is a multiple of it."""
    number, height, width = values.shape
    down = number // across
    lines = values.reshape(down, across, height, width).swapaxes(1, 2)
    sheet = lines.reshape(down * height, across * width)
    rows, columns = sheet.shape
    return _panel(
        title,
        alt,
        kind="maps",
        choose="cell",
        rows=rows,
        columns=columns,
        tiles=[down, across],
        aspect=columns / rows,
        **_numbers(sheet),
        **how,
    )


def overlay(title: str, values: np.ndarray, grid: tuple[int, int], *, alt: str, **how) -> dict:
    """A number for each patch of the picture, (n,), or for each of what is chosen, (k, n), over the model
    input, where the patches are not what is chosen."""
    rows, columns = grid
    return _panel(
        title,
        alt,
        kind="overlay",
        image="input",
        opacity=0.6,
        rows=rows,
        columns=columns,
        aspect=columns / rows,
        follows=values.ndim == 2,
        **_numbers(values),
        **how,
    )


def signed(
    values: np.ndarray, unit: str, *, share: float = 1.0, each: bool = False, written: str = "{:+.1f}", **how
) -> dict:
    """The scale for numbers with a sign, zero in its middle. share: quantile of their sizes at its ends,
    lest one outlier pale the rest; each: every row of ``values`` has a scale of its own, for panels that
    show the chosen patch's."""
    ends = np.quantile(np.abs(values), share, axis=-1 if each else None)
    return _scale(values, np.atleast_1d(ends), unit, "signed", written, mirrored=True, **how)


def heat(
    values: np.ndarray,
    unit: str,
    *,
    high: float | None = None,
    highs: np.ndarray | None = None,
    written: str = "{:.1f}",
    **how,
) -> dict:
    """The scale for numbers that start at zero. highs: (n,), where it ends for each chosen patch; else it
    ends at ``high``, else at the largest."""
    if highs is None:
        highs = np.atleast_1d(values.max() if high is None else high)
    return _scale(values, highs, unit, "heat", written, mirrored=False, **how)


def _scale(
    values: np.ndarray,
    highs: np.ndarray,
    unit: str,
    colours: str,
    written: str,
    mirrored: bool,
    factor: float = 1.0,
    digits: int = 2,
    ends: str = "",
) -> dict:
    """The fields about colours and numbers. A number under the pointer is shown times ``factor`` with
    ``ends`` after it."""
    # Where all numbers are zero any scale will do, but it must have a length.
    tops = [float(high) if high > 0 else 1.0 for high in highs]
    bottoms = [-top if mirrored else 0.0 for top in tops]
    rows = values if len(tops) > 1 else [values]
    text_at_bottom, text_at_top = [], []
    for row, bottom, top in zip(rows, bottoms, tops, strict=True):
        at_bottom = written.format(bottom * factor) + ends
        at_top = written.format(top * factor) + ends
        text_at_bottom.append(f"≤ {at_bottom}" if row.min() < bottom else at_bottom)
        text_at_top.append(f"≥ {at_top}" if row.max() > top else at_top)
    return {
        "lows": bottoms,
        "highs": tops,
        "colours": colours,
        "measured": unit,
        "factor": factor,
        "digits": digits,
        "unit": ends,
        "bottoms": text_at_bottom,
        "tops": text_at_top,
    }


def _panel(title: str, alt: str, **fields) -> dict:
    empty = {
        "values": None,
        "rows": 1,
        "columns": 1,
        "follows": False,
        "image": None,
        "within": asdict(WHOLE),
        "opacity": 1.0,
        "lines": False,
        "colours": "heat",
        "lows": [0.0],
        "highs": [1.0],
        "bottoms": [""],
        "tops": [""],
        "measured": None,
        "choose": None,
        "axes": [],
        "sides": [],
        "tiles": [1, 1],
        "digits": 2,
        "unit": "",
        "factor": 1.0,
        "note": "",
        "span": 6,
        "down": 1,
        "aspect": 1.0,
    }
    return empty | fields | {"title": title, "alt": alt}


def _numbers(values: np.ndarray) -> dict[str, str]:
    return {"values": base64_float32(values)}
