"""Where what a file says of itself speaks against the verdict on its pixels. Neither enters the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.verdicts import Side, Verdict

if TYPE_CHECKING:
    from detector.provenance.facts import FileFacts
    from detector.provenance.finding import Finding

SAYS = {"declared AI": Side.AI, "generator trace": Side.AI, "camera": Side.REAL}
"""Kinds of findings that claim a side; the first of them in a file speaks for it, being the most telling."""

MAX_CLAIM = 60
"""Characters of a claim's value that are quoted."""


def claim(facts: FileFacts) -> Finding | None:
    """What the file claims to be, most telling first; None where it claims nothing of that sort."""
    return next((entry for entry in facts.findings if entry.kind in SAYS), None)


def contradiction(facts: FileFacts, verdict: Verdict) -> str | None:
    """Both claims in two short sentences, where they differ; None where they agree, the file says nothing, or
    it names a camera and the verdict is unsure."""
    said = claim(facts)
    if said is None or verdict == SAYS[said.kind]:
        return None
    if verdict is Verdict.UNSURE and SAYS[said.kind] is Side.REAL:
        return None
    return f"The file says: {_quoted(said)}. The pixels say: {verdict.in_sentence}."


def _quoted(said: Finding) -> str:
    """A generator's settings are known by their label; all else is known by its value."""
    if said.kind == "generator trace":
        return said.label
    value = said.value if len(said.value) <= MAX_CLAIM else f"{said.value[: MAX_CLAIM - 1]}…"
    return f"{said.label}: {value}"
