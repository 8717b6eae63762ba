"""A result as plain values: what the command line prints and the dashboard's downloads hold, under the
same names."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from detector.bundle import PRACTICE_IS_NOT
from detector.evaluation import score_evidence
from detector.perturbation_test import contradicting_copies, final_verdict, verdicts_on_ordinary_copies
from detector.provenance import FileFacts, contradiction, file_facts
from detector.verdicts import Side, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.bundle import Bundle
    from detector.classifier import Analysis, FileResult
    from detector.perturbation_test import PerturbedVerdict
    from detector.provenance import FileFacts

TYPES: dict[str, type] = {
    "path": str,
    "sha256": str,
    "date": str,
    "verdict": str,
    "final_verdict": str,
    "turned_by": list,
    "ordinary_copies": int,
    "agreeing_copies": int,
    "y_score": float,
    "unseen_share_ai": float,
    "logit": float,
    "threshold": float,
    "unsure_low": float,
    "unsure_high": float,
    "attention_peak": float,
    "diffuse": bool,
    "width": int,
    "height": int,
    "notes": list,
    "file_says": list,
    "file_contradicts": str,
    "bundle": str,
    "weights_sha256": str,
    "precision": str,
    "error": str,
}
"""Of each value that is known; a list is one of texts."""

FIELDS = tuple(TYPES)

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet read a cell as a formula."""


def record(
    result: FileResult,
    bundle: Bundle,
    path: str | None = None,
    perturbed: Sequence[PerturbedVerdict] | None = None,
    facts: FileFacts | None = None,
    content: bytes | None = None,
) -> dict[str, Any]:
    """A value for each of ``FIELDS``; what is not known, as for an unreadable file, is None. ``path``
    replaces the result's own. content: the file's bytes, of which ``sha256`` is.

    ``date`` is when the picture was judged, in UTC; the model says "unsure" between ``unsure_low`` and
    ``unsure_high``. ``file_says`` holds what the file says of itself, which plays no part in any verdict.
    ``precision``: what the encoder was computed in, which moves a score a little.

    ``verdict`` is always the model's own. ``final_verdict`` is the one to go by, and None until copies of the
    picture were judged, ``perturbed``: "unsure" if an ordinary perturbation turns the model's verdict into
    its opposite, and ``turned_by`` names those that do; of ``ordinary_copies``, ``agreeing_copies`` get the
    model's own verdict. ``unseen_share_ai``: how many of the pictures from unseen sources that were scored
    like this are AI-generated, where that was measured. ``file_contradicts``: where what the file says of
    itself, ``facts``, speaks against the verdict.
    """
    row: dict[str, Any] = dict.fromkeys(FIELDS)
    row |= {
        "path": result.path if path is None else path,
        "date": result.date.isoformat(timespec="seconds"),
        "threshold": bundle.threshold,
        "unsure_low": bundle.unsure[0],
        "unsure_high": bundle.unsure[1],
        "width": result.width,
        "height": result.height,
        "notes": list(result.notes),
        "bundle": bundle.name,
        "weights_sha256": bundle.weights_sha256,
        "error": result.error,
    }
    if content is not None:
        row["sha256"] = hashlib.sha256(content).hexdigest()
        facts = file_facts(content) if facts is None else facts
    if facts is not None:
        row["file_says"] = file_says(facts)
    if bundle.practice:
        row["notes"].append(f"Judged by a practice model. {PRACTICE_IS_NOT}")
    if result.analysis:
        row |= _judgement(result.analysis, bundle)
    if result.analysis and perturbed is not None:
        row |= _after_perturbations(result.analysis, bundle, perturbed)
    if result.analysis and facts is not None:
        row["file_contradicts"] = contradiction(facts, Verdict(row["final_verdict"] or row["verdict"]))
    return row


def file_says(facts: FileFacts) -> list[str]:
    """What a file says of itself, a short text for each finding."""
    return [f"{finding.label}: {finding.value}." for finding in facts.findings]


def _judgement(analysis: Analysis, bundle: Bundle) -> dict[str, Any]:
    evidence = score_evidence.from_card(bundle.card)
    values: dict[str, Any] = {
        "verdict": analysis.verdict,
        "y_score": analysis.y_score,
        "logit": analysis.logit,
        "threshold": analysis.threshold,
        "precision": analysis.precision,
        "unseen_share_ai": evidence and evidence.like(analysis.y_score).share(Side.AI).value,
    }
    if analysis.heatmap:
        values["attention_peak"] = analysis.heatmap.peak
        values["diffuse"] = analysis.heatmap.diffuse
    return values


def _after_perturbations(
    analysis: Analysis, bundle: Bundle, perturbed: Sequence[PerturbedVerdict]
) -> dict[str, Any]:
    contradicting = contradicting_copies(bundle, analysis.verdict, perturbed)
    ordinary = verdicts_on_ordinary_copies(bundle, perturbed)
    return {
        "ordinary_copies": len(ordinary),
        "agreeing_copies": ordinary.count(analysis.verdict),
        "final_verdict": final_verdict(bundle, analysis.verdict, perturbed),
        "turned_by": [copy.perturbation.name for copy in contradicting],
    }


def cell(value: Any) -> Any:
    """A record's value as a CSV cell. A spreadsheet would run a text like ``=HYPERLINK(...)`` as a
    formula; a leading ' makes it text."""
    if isinstance(value, list):
        value = " ".join(value)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def percent(share: float) -> str:
    """0.0004 -> "<0.1%", 0.42 -> "42.0%", 0.9996 -> ">99.9%": never a certainty the model does not have."""
    if share < 0.001:
        return "<0.1%"
    return ">99.9%" if share > 0.999 else f"{share:.1%}"
