"""Pictures on this machine as small as a page or a report needs them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from html import escape
from pathlib import Path

import streamlit as st
from PIL import Image

from detector.images import ImageReadError, read_image
from detector.printable import printable
from ui import encoding
from ui.bounded_cache import BoundedCache

SIDE = 112
"""Pixels along the shorter side, at least: half as many are shown, for sharp displays."""
QUALITY = 80
STYLE = "height:{}px;max-width:{}px;object-fit:cover;border-radius:4px;background:rgba(138,138,138,.2)"


def data_urls(paths: Sequence[Path | None]) -> list[str]:
    """Each picture as an address that holds it; "" for one that is not there, or cannot be read."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(_data_url, paths))


def sheet(paths: Sequence[Path], names: Sequence[str], height: int = 84) -> str:
    """HTML: the pictures in rows as wide as there is room. names: said to who cannot see them, and when
    pointed at."""
    images = [image(url, name, height) for url, name in zip(data_urls(paths), names, strict=True)]
    return f'<div style="display:flex;flex-wrap:wrap;gap:6px">{"".join(images)}</div>'


def image(url: str, name: str, height: int) -> str:
    """HTML: one picture. url: as of ``data_urls``."""
    shown = escape(printable(name), quote=True)
    style = STYLE.format(height, 2 * height)
    return f'<img src="{url}" alt="{shown}" title="{shown}" style="{style}">'


def _data_url(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        key = str(path), path.stat().st_mtime_ns
        return encoding.data_url(_encoded().get(key, partial(_encode, path)))
    except (ImageReadError, OSError):
        return ""


def _encode(path: Path) -> bytes:
    picture = Image.fromarray(read_image(path, short_side=SIDE).pixels)
    picture.thumbnail((3 * SIDE, SIDE))
    return encoding.jpeg(picture, quality=QUALITY)


@st.cache_resource(show_spinner=False)
def _encoded() -> BoundedCache[bytes]:
    return BoundedCache(max_entries=4000, max_bytes=32 * 2**20, size=len)
