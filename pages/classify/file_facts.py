"""What the file says, beside the verdict and never part of it."""

from __future__ import annotations

from itertools import groupby

import streamlit as st

from detector.provenance import FileFacts, Finding, file_facts
from ui.bounded_cache import BoundedCache
from ui.pictures import Picture
from ui.quantities import size
from ui.text import plain

APART = (
    "This plays no part in the verdict. Whatever a file says of itself can be forged, copied from another"
    " file, or stripped."
)
ICONS = {
    "declared AI": "smart_toy",
    "generator trace": "smart_toy",
    "content credentials": "badge",
    "origin": "label",
    "camera": "photo_camera",
    "software": "edit_square",
    "date": "event",
    "location": "location_on",
    "credit": "person",
    "text": "notes",
    "colour profile": "palette",
}


_found: BoundedCache[FileFacts] = BoundedCache(max_entries=2000, max_bytes=2**26, size=lambda facts: 2**12)


def of(picture: Picture) -> FileFacts:
    """What the file of a picture says of itself, read once. Safe to call from several threads."""
    return _found.get(picture.id, lambda: file_facts(picture.content))


def show(picture: Picture) -> None:
    """The section "What the file says" of one picture: closed where there is nothing to tell."""
    facts = of(picture)
    with st.expander(
        f"What the file says: {headline(facts)}",
        icon=":material/description:",
        expanded=not facts.silent,
        # A panel that its reader has opened or closed stays so for that picture, not for the next.
        key=f"file_facts-{picture.id}",
    ):
        st.markdown(f":small[{plain(APART, limit=300)}]")
        st.markdown(plain(_file(facts), limit=200))
        if facts.silent:
            st.markdown(f"**{plain(facts.summary, limit=300)}**")
        for meaning, findings in groupby(facts.findings, key=_meaning):
            _show(list(findings), meaning)
        if facts.coordinates:
            _location(picture.id, facts.coordinates)
        for note in facts.notes:
            st.markdown(f":small[:material/info: {plain(note, limit=300)}]")


def _meaning(finding: Finding) -> str:
    return f"{finding.suggests} ({finding.where})"


def headline(facts: FileFacts) -> str:
    """A few words for the closed section."""
    if not facts.findings:
        return "no metadata, which says nothing"
    if facts.silent:
        return "nothing for or against AI"
    kinds = dict.fromkeys(finding.kind for finding in facts.findings)
    headlines = ["declares itself AI" if kind == "declared AI" else kind for kind in kinds]
    return ", ".join(headlines[:3])


def _file(facts: FileFacts) -> str:
    pixels = f", {facts.width} × {facts.height} pixels" if facts.width else ""
    return f"{facts.format or 'Unknown format'}{pixels}, {size(facts.size)}"


def _show(findings: list[Finding], meaning: str) -> None:
    """Labels and values, and once for all of them what to make of it and where it stands."""
    lines = []
    for finding in findings:
        icon, value = ICONS[finding.kind], plain(finding.value, limit=400)
        lines.append(f":material/{icon}: **{plain(finding.label)}:** {value}")
    lines.append(f":small[{plain(meaning, limit=400)}]")
    st.markdown("  \n".join(lines))


def _location(picture_id: str, coordinates: tuple[float, float]) -> None:
    """Where a photo was taken is somebody's secret: it takes a click, for each picture anew."""
    if st.toggle("Show the location", key=f"location-{picture_id}"):
        north, east = coordinates
        latitude = f"{abs(north):.5f}° {'N' if north >= 0 else 'S'}"
        longitude = f"{abs(east):.5f}° {'E' if east >= 0 else 'W'}"
        st.markdown(f"{latitude}, {longitude}")
