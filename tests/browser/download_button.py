"""Taking a file away from a page, as a user does."""

from __future__ import annotations

from pathlib import Path

PRESSES = 15
LOST = 10_000
"""Milliseconds after which a press that brought nothing is taken for lost."""
GLANCE = 100


def download(tab, name: str) -> Path:
    """The file that the button called ``name`` hands out.

    Pressed again where nothing came: while a page run that was interrupted is made up for, Streamlit does not
    know how to make a file that is asked for, and says so at the button.
    """
    came = []
    tab.on("download", lambda file: came.append(file))
    for _ in range(PRESSES):
        tab.get_by_role("button", name=name).click()
        waited = 0
        while not came and waited < LOST:
            tab.wait_for_timeout(GLANCE)
            waited += GLANCE
        if came:
            return Path(came[0].path())
    raise AssertionError(f"{name} was pressed {PRESSES} times, and no file came")
