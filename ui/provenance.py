"""What the file says, beside the verdict and never part of it."""

from __future__ import annotations

from itertools import groupby

import streamlit as st

from detector.provenance import FileFacts, Finding, file_facts
from ui.gallery import Picture
from ui.text import plain

APART = "This plays no part in the verdict. Whatever a file says of itself can be forged, copied from another file, or stripped."
ICONS = {
    "declared AI": "smart_toy", "generator trace": "smart_toy", "content credentials": "badge", "origin": "label", "camera": "photo_camera",
    "software": "edit_square", "date": "event", "location": "location_on", "credit": "person", "text": "notes", "colour profile": "palette",
}  # fmt: skip


def show(picture: Picture) -> None:
    """The section "What the file says" of one picture: closed where there is nothing to tell."""
    facts = _facts(picture.id, picture.content)
    with st.expander(f"What the file says: {_headline(facts)}", icon=":material/description:", expanded=not facts.silent, key="file_facts"):
        st.markdown(f":small[{plain(APART, limit=300)}]")
        st.markdown(plain(_file(facts), limit=200))
        if facts.silent:
            st.markdown(f"**{plain(facts.summary, limit=300)}**")
        for meaning, entries in groupby(facts.findings, key=lambda entry: f"{entry.suggests} ({entry.where})"):
            _show(list(entries), meaning)
        if facts.coordinates:
            _location(picture.id, facts.coordinates)
        for note in facts.notes:
            st.markdown(f":small[:material/info: {plain(note, limit=300)}]")


@st.cache_data(max_entries=256, show_spinner=False)
def _facts(id: str, _content: bytes) -> FileFacts:
    return file_facts(_content)


def _headline(facts: FileFacts) -> str:
    """A few words for the closed section."""
    if not facts.findings:
        return "no metadata, which says nothing"
    kinds = list(dict.fromkeys(entry.kind for entry in facts.findings))
    if facts.silent:
        return "nothing for or against AI"
    return ", ".join({"declared AI": "declares itself AI"}.get(kind, kind) for kind in kinds[:3])


def _file(facts: FileFacts) -> str:
    size = f"{facts.size / 2**20:.1f} MB" if facts.size >= 2**20 else f"{facts.size / 2**10:.1f} KB"
    pixels = f", {facts.width} × {facts.height} pixels" if facts.width else ""
    return f"{facts.format or 'Unknown format'}{pixels}, {size}"


def _show(entries: list[Finding], meaning: str) -> None:
    """Labels and values, and once for all of them what to make of it and where it stands."""
    lines = [f":material/{ICONS[entry.kind]}: **{plain(entry.label)}:** {plain(entry.value, limit=400)}" for entry in entries]
    st.markdown("  \n".join([*lines, f":small[{plain(meaning, limit=400)}]"]))


def _location(id: str, coordinates: tuple[float, float]) -> None:
    """Where a photo was taken is somebody's secret: it takes a click, for each picture anew."""
    if st.toggle("Show the location", key=f"location-{id}"):
        north, east = coordinates
        st.markdown(f"{abs(north):.5f}° {'N' if north >= 0 else 'S'}, {abs(east):.5f}° {'E' if east >= 0 else 'W'}")
