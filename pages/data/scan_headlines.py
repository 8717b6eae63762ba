"""The figures and the sentences that matter most, above everything else."""

from __future__ import annotations

import streamlit as st

from detector.datasets.scan_findings import findings, shortcut_finding
from ui import scan_job
from ui.scan_job import ScanJob
from ui.text import plain
from ui.waiting import finished


def show(job: ScanJob) -> None:
    """Counts side by side, then a sentence for each thing that was found."""
    scan = job.scan
    ai, real = (int((scan.y_true == label).sum()) for label in (1, 0))
    with st.container(horizontal=True):
        _figure("AI-generated", f"{ai:,}")
        _figure("Real", f"{real:,}")
        _figure("Sources", f"{len(scan.sources):,}")
        _figure("Unusable files", f"{len(scan.unreadable):,}")
        _figure(
            "Duplicates",
            f"{scan.duplicates.pictures():,}",
            "Pictures of which there is another one, nearly the same.",
        )
    found = findings(scan)
    for finding in found:
        scan_job.say(finding)
    if scan.both_classes:
        audit = finished(job.audit(), "Asking whether a ruler would do")
        if audit.done:
            scan_job.say(shortcut_finding(audit.value))
    for note in scan.notes:
        st.caption(f":material/info: {plain(note, limit=400)}")


def _figure(title: str, value: str, help: str | None = None) -> None:
    st.metric(title, value, border=True, width=170, help=help)
