"""A page in AppTest: that nothing went wrong on it, and what it says."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest


def checked(page: AppTest) -> AppTest:
    """The page, on which no exception is shown."""
    assert not page.exception, page.exception[0].message
    return page


def said(page: AppTest) -> str:
    """All its sentences."""
    kinds = ("markdown", "caption", "info", "warning", "error", "success")
    elements: list[Any] = [element for kind in kinds for element in page.get(kind)]
    return "\n".join(element.value for element in elements)
