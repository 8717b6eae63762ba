"""Text that came from outside, made safe to show."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=@/])")


def plain(text: str, limit: int = 120) -> str:
    """``text`` as Streamlit Markdown that shows it letter by letter: no markup, links, pictures, icons or formulas in it work.

    Line breaks and control characters become spaces; what is longer than ``limit`` is cut in the middle.
    """
    text = "".join(c if c.isprintable() else " " for c in text)
    if len(text) > limit:
        text = f"{text[: limit // 2]}…{text[-(limit // 2) :]}"
    return _SPECIAL.sub(r"\\\1", text)
