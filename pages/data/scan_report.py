"""What is on the page, to take away: one HTML file that needs no network, and the numbers as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape

import pandas as pd
import streamlit as st

from detector.datasets.dataset_scan import DatasetScan
from detector.datasets.mean_spectrum import MeanSpectrum
from detector.datasets.scan_findings import findings, shortcut_finding
from detector.datasets.scan_summary import area, duplicates_in_words, to_json
from detector.datasets.shortcut_audit import ShortcutAudit
from detector.printable import printable
from pages.data import (
    contact_sheets,
    duplicate_pictures,
    fact_histograms,
    scan_figures,
    source_counts,
)
from ui import report_page
from ui.scan_job import ScanJob
from ui.waiting import finished

SETS = 12
SAMPLES = 24
MOST_LISTED = 200


def show(job: ScanJob) -> None:
    """The downloads. Nothing is made before somebody asks for it, but what takes seconds is waited for."""
    scan = job.scan
    audit = finished(job.audit(), "Growing trees on the facts of the files")
    spectra = finished(job.spectra(), "Transforming a sample of the pictures")
    if not (audit.done and spectra.done):
        return
    made = spectra.value or {}
    st.markdown("The report holds small copies of some pictures: mind whom they belong to.")
    with st.container(horizontal=True):
        st.download_button(
            "Report (HTML)",
            lambda: html(scan, audit.value, made),
            "telltale-data.html",
            "text/html",
            icon=":material/description:",
            on_click="ignore",
            key="data_report",
            type="primary",
            help="One file with figures and contact sheets. It opens without a network.",
        )
        st.download_button(
            "Numbers (JSON)",
            lambda: json.dumps(to_json(scan, audit.value, made), ensure_ascii=False),
            "telltale-data.json",
            "application/json",
            icon=":material/data_object:",
            on_click="ignore",
            key="data_json",
        )
    st.caption("The same in a terminal: `python -m detector.datasets scan DIR --json`")


def html(scan: DatasetScan, audit: ShortcutAudit | None, spectra: dict[int, MeanSpectrum]) -> str:
    """The report: one self-contained page. Every text from outside is escaped."""
    name = escape(printable(scan.root.name))
    body = "\n".join(_sections(scan, audit, spectra))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Telltale: {name}</title><style>{report_page.STYLE}</style>"
        f"<h1>{name}</h1><p>Made by Telltale, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.</p>{body}</html>"
    )


def _sections(
    scan: DatasetScan, audit: ShortcutAudit | None, spectra: dict[int, MeanSpectrum]
) -> Iterator[str]:
    found = [*findings(scan), shortcut_finding(audit)] if scan.both_classes else findings(scan)
    yield _list([finding.sentence for finding in found] + list(scan.notes))
    yield "<h2>Counts</h2>" + _table(source_counts.split_table(scan))
    yield _table(source_counts.source_table(scan))
    if audit:
        yield "<h2>Shortcuts</h2>" + _list(_audited(audit))
    drawn = fact_histograms.charts(scan)
    if spectra:
        drawn["radial"] = scan_figures.radial_spectrum(spectra)
        drawn["spectra"] = scan_figures.spectrum_maps(spectra)
    yield "<h2>Files</h2>" + report_page.side_by_side(drawn.values())
    for label, title in contact_sheets.CLASSES.items():
        if (scan.y_true == label).any():
            yield f"<h2>{title}</h2>" + contact_sheets.sheet(scan, label, count=SAMPLES)
    yield f"<h2>Duplicates</h2><p>{escape(duplicates_in_words(scan))}</p>"
    for each in scan.duplicates.sets[:SETS]:
        yield duplicate_pictures.side_by_side(scan, each)
    yield "<h2>A split without leaks</h2>" + _table(duplicate_pictures.leak_free_table(scan))
    if scan.unreadable:
        listed = scan.unreadable[:MOST_LISTED]
        table = pd.DataFrame([(printable(id), why) for id, why in listed], columns=["File", "Why"])
        yield f"<h2>Files that cannot be used: {len(scan.unreadable):,}</h2>" + _table(table)


def _audited(audit: ShortcutAudit) -> list[str]:
    lines = [
        f"ROC AUC of the files alone {area(audit.by_facts)}, of 8 x 8 colours {area(audit.by_thumbnail)}."
    ]
    if audit.elsewhere:
        lines.append(f"ROC AUC of the files alone on sources left out {area(audit.elsewhere)}.")
    return [*lines, *map(str, audit.facts)]


def _list(sentences: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + "</ul>"


def _table(table: pd.DataFrame) -> str:
    return table.to_html(index=False, border=0, na_rep="–", float_format=lambda value: f"{value:.0f}%")
