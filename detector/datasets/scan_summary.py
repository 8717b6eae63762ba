"""A scan in words and as JSON: what the command line prints and programs read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from detector.datasets.dataset_scan import DatasetScan
from detector.datasets.duplicates import DuplicateSet, split_counts
from detector.datasets.image_facts import formats, histograms
from detector.datasets.mean_spectrum import MeanSpectrum
from detector.datasets.shortcut_audit import ShortcutAudit
from detector.evaluation.intervals import Estimate
from detector.printable import printable

MOST_SETS = 200
"""Sets of duplicates that are listed; all are counted."""
SAID = {0: "real", 1: "ai"}


def to_json(
    scan: DatasetScan, audit: ShortcutAudit | None, spectra: dict[int, MeanSpectrum]
) -> dict[str, Any]:
    """Everything that was found, as what JSON has: paths printable, shares from 0 to 1."""
    duplicates = scan.duplicates
    return {
        "root": printable(scan.root),
        "layout": scan.layout,
        "practice": scan.practice,
        "manifest_sha256": scan.dataset.manifest_hash if scan.dataset else None,
        "cannot_train": scan.cannot_train or None,
        "notes": list(scan.notes),
        "images": {SAID[label]: int((scan.y_true == label).sum()) for label in SAID},
        "splits": _by_name(scan.counts),
        "sources": scan.sources.to_dict("records"),
        "excluded": scan.examined.excluded,
        "unreadable": [{"file": id, "reason": reason} for id, reason in scan.unreadable],
        "facts": {
            histogram.fact.name: {
                "edges": histogram.edges.round(4).tolist(),
                **{SAID[label]: shares.round(5).tolist() for label, shares in histogram.shares.items()},
            }
            for histogram in histograms(scan.facts, scan.y_true)
        },
        "formats": formats(scan.facts, scan.y_true).rename(columns=SAID).round(5).to_dict("index"),
        "duplicates": {
            "pictures": duplicates.pictures(),
            "pictures_exact": duplicates.pictures(exact=True),
            "sets": len(duplicates.sets),
            "sets_across_classes": len(duplicates.across_classes),
            "sets_across_splits": len(duplicates.across_splits),
            "worst": [_set_to_json(scan, each) for each in duplicates.sets[:MOST_SETS]],
        },
        "leaks": {
            "images": len(scan.leaks),
            "splits_without": _by_name(split_counts(scan.rows_without_leaks)),
        },
        "audit": _audit_to_json(audit),
        "spectra": {
            SAID[label]: {"pictures": each.pictures, "radial_db": each.radial.round(3).tolist()}
            for label, each in spectra.items()
        },
    }


def in_words(scan: DatasetScan, audit: ShortcutAudit | None) -> Iterator[str]:
    """Line by line, the same for a terminal."""
    ai, real = int((scan.y_true == 1).sum()), int((scan.y_true == 0).sum())
    yield f"{printable(scan.root)}: {scan.layout}, {ai + real:,} images, {ai:,} AI-generated, {real:,} real"
    for split, counts in scan.counts.items():
        yield f"  {split or 'no split'}: {counts[1]:,} AI-generated, {counts[0]:,} real"
    if scan.cannot_train:
        yield f"Cannot be trained on as it is: {scan.cannot_train}"
    yield from scan.notes
    for reason, count in reasons(scan).most_common():
        yield f"  {count:,} x {reason}"
    yield duplicates_in_words(scan)
    if audit is None:
        yield "Shortcuts: too few images of one class to tell."
        return
    yield f"Shortcuts: {audit.verdict}"
    yield f"  ROC AUC of the files alone {area(audit.by_facts)}, of 8 x 8 colours {area(audit.by_thumbnail)}"
    if audit.elsewhere:
        yield f"  ROC AUC of the files alone on sources left out {area(audit.elsewhere)}"
    for fact in audit.facts:
        yield f"  {fact}"


def reasons(scan: DatasetScan) -> Counter[str]:
    """Why images cannot be used, and how many for each reason."""
    return Counter(reason for _, reason in scan.unreadable)


def duplicates_in_words(scan: DatasetScan) -> str:
    """One sentence on what is there twice."""
    duplicates = scan.duplicates
    if not duplicates.sets:
        return "Duplicates: none."
    return (
        f"Duplicates: {duplicates.pictures():,} pictures in {len(duplicates.sets):,} sets,"
        f" {len(duplicates.across_classes):,} of them across classes,"
        f" {len(duplicates.across_splits):,} across splits."
    )


def area(estimate: Estimate) -> str:
    """An area under a curve with its 95% interval."""
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _by_name(counts: dict[str, dict[int, int]]) -> dict[str, dict[str, int]]:
    return {
        split or "none": {SAID[label]: count for label, count in of_class.items()}
        for split, of_class in counts.items()
    }


def _set_to_json(scan: DatasetScan, each: DuplicateSet) -> dict[str, Any]:
    members = scan.rows.iloc[list(each.members)]
    return {
        "exact": each.exact,
        "across_classes": each.across_classes,
        "across_splits": each.across_splits,
        "images": [
            {"file": id, "label": SAID[label], "split": split}
            for id, label, split in zip(members["id"], members["y_true"], members["split"], strict=True)
        ],
    }


def _audit_to_json(audit: ShortcutAudit | None) -> dict[str, Any] | None:
    if audit is None:
        return None
    return {
        "verdict": audit.verdict,
        "rows": audit.rows,
        "roc_auc_facts": asdict(audit.by_facts),
        "roc_auc_thumbnail": asdict(audit.by_thumbnail),
        "roc_auc_facts_sources_left_out": asdict(audit.elsewhere) if audit.elsewhere else None,
        "telling": [{"sentence": str(fact), **asdict(fact)} for fact in audit.facts],
    }
