"""Forensic views of the open picture: aids for the eye, outside the verdict, drawn when asked for."""

from __future__ import annotations

from functools import partial

import streamlit as st

from detector.forensics import VIEWS
from detector.images import ImageReadError
from ui import encoding, pictures
from ui.pictures import Picture, Resolution

VIEW = "forensic_view"
"""Key of the widget that chooses one."""


def show(picture: Picture) -> None:
    """The section, closed; nothing is computed before a view is chosen."""
    with st.expander("Forensic views: aids for the eye, no part of the verdict", icon=":material/biotech:"):
        name = st.segmented_control(
            "View",
            list(VIEWS),
            format_func=lambda name: VIEWS[name].title,
            key=VIEW,
            label_visibility="collapsed",
            persist_state="session",
        )
        if name is None:
            st.caption("Choose one. None of them says by itself that a picture is AI-generated.")
            return
        st.markdown(VIEWS[name].sentence)
        try:
            view = pictures.encoded(picture, f"forensic {name}", partial(_draw, picture, name))
        except ImageReadError as error:
            st.markdown(str(error))
            return
        st.image(view, caption=VIEWS[name].title)


def _draw(picture: Picture, name: str) -> bytes:
    """Of the picture's own pixels, as far as it is not too large: noise does not survive shrinking."""
    pixels = pictures.decoded(picture, Resolution.FORENSIC).pixels
    return encoding.jpeg(VIEWS[name].draw(pixels), quality=92)
