"""A result as plain values: what the command line prints and the dashboard's downloads hold, under the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detector.bundle import PRACTICE_IS_NOT
from detector.stress import flips, settled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.bundle import Bundle
    from detector.classifier import FileResult
    from detector.stress import Stressed

FIELDS = (
    "path", "verdict", "verdict_after_damage", "turned_by", "y_score", "logit", "threshold", "attention_peak", "diffuse", "width", "height", "notes",
    "bundle", "weights_sha256", "error",
)  # fmt: skip


def record(result: FileResult, bundle: Bundle, path: str | None = None, stressed: Sequence[Stressed] | None = None) -> dict[str, Any]:
    """A value for each of ``FIELDS``; what is not known, as for an unreadable file, is None. ``path`` replaces the result's own.

    ``verdict`` is always the model's own. Where the picture was stress-tested, ``stressed``, ``verdict_after_damage`` is the one to go by:
    "unsure" if ordinary damage turns the model's verdict into its opposite, and ``turned_by`` names that damage.
    """
    analysis = result.analysis
    tested = analysis is not None and stressed is not None
    heatmap = analysis.heatmap if analysis else None
    return {
        "path": result.path if path is None else path,
        "verdict": analysis.verdict if analysis else None,
        "verdict_after_damage": settled(bundle, analysis.verdict, stressed) if tested else None,
        "turned_by": [copy.damage.name for copy in flips(bundle, analysis.verdict, stressed)] if tested else None,
        "y_score": analysis.y_score if analysis else None,
        "logit": analysis.logit if analysis else None,
        "threshold": analysis.threshold if analysis else bundle.threshold,
        "attention_peak": heatmap.peak if heatmap else None,
        "diffuse": heatmap.diffuse if heatmap else None,
        "width": result.width,
        "height": result.height,
        "notes": [*result.notes, *([f"Judged by a practice model. {PRACTICE_IS_NOT}"] if bundle.practice else [])],
        "bundle": bundle.name,
        "weights_sha256": bundle.weights_sha256,
        "error": result.error,
    }


def cell(value: Any) -> Any:
    """A record's value as a CSV cell. A spreadsheet would run a text like ``=HYPERLINK(...)`` as a formula; a leading ' makes it text."""
    if isinstance(value, list):
        value = " ".join(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def percent(share: float) -> str:
    """0.0004 -> "<0.1%", 0.42 -> "42.0%", 0.9996 -> ">99.9%": never a certainty the model does not have."""
    if share < 0.001:
        return "<0.1%"
    return ">99.9%" if share > 0.999 else f"{share:.1%}"
