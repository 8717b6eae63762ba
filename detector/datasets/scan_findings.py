"""What a scan found that matters before training: at most one sentence for each kind of trouble."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from detector.datasets.dataset_scan import DatasetScan
from detector.datasets.shortcut_audit import ShortcutAudit


class Level(StrEnum):
    """How bad it is."""

    GOOD = "good"
    NOTICE = "notice"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """about: "training", "files", "labels", "splits" or "shortcuts"."""

    about: str
    level: Level
    sentence: str


def findings(scan: DatasetScan) -> list[Finding]:
    """What the files themselves say, the worst first."""
    return [*_training(scan), *_labels(scan), *_splits(scan), *_files(scan)]


def shortcut_finding(audit: ShortcutAudit | None) -> Finding:
    """What the audit says."""
    if audit is None:
        sentence = "There are too few images of a class to tell whether shortcuts give it away."
        return Finding("shortcuts", Level.NOTICE, sentence)
    if audit.serious:
        return Finding("shortcuts", Level.WARNING, audit.verdict)
    return Finding("shortcuts", Level.NOTICE if audit.some else Level.GOOD, audit.verdict)


def _training(scan: DatasetScan) -> Iterator[Finding]:
    if scan.cannot_train:
        yield Finding("training", Level.ERROR, scan.cannot_train)


def _labels(scan: DatasetScan) -> Iterator[Finding]:
    if count := scan.examined.both_labels.count:
        yield Finding("labels", Level.WARNING, f"{count:,} pictures are here under both labels.")
    near = [each for each in scan.duplicates.across_classes if not each.exact]
    if near:
        sets = (
            "1 set of near-duplicates is" if len(near) == 1 else f"{len(near):,} sets of near-duplicates are"
        )
        yield Finding("labels", Level.NOTICE, f"{sets} partly AI-generated and partly real.")


def _splits(scan: DatasetScan) -> Iterator[Finding]:
    if leaking := len(scan.leaks):
        images = "1 image has" if leaking == 1 else f"{leaking:,} images have"
        sentence = f"{images} a near-duplicate, or one of its group, in a split that should not know it."
        yield Finding("splits", Level.WARNING, sentence)


def _files(scan: DatasetScan) -> Iterator[Finding]:
    if count := len(scan.unreadable):
        files = "1 file" if count == 1 else f"{count:,} files"
        yield Finding("files", Level.NOTICE, f"{files} cannot be used and will be left out.")
