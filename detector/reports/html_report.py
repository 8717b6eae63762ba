"""A report as one HTML file: everything is in it, nothing is fetched and no script runs."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from detector.printable import printable
from detector.reports.report_sections import Figure, PictureReport, Section

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #16161a; background: #fff;
  margin: 0 auto; padding: 1.5rem; max-width: 60rem; }
article { margin-bottom: 3rem; }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; border-bottom: 1px solid #c9c9cf; }
.verdict { border-left: 6px solid; padding-left: .9rem; margin: 1rem 0; }
.verdict strong { display: block; font-size: 2rem; line-height: 1.25; }
p { margin: .5rem 0; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
figure { margin: 0; flex: 0 1 auto; max-width: min(100%, 28rem); }
figure img { display: block; max-width: 100%; height: auto; }
.tiles figure { width: 9.5rem; }
figcaption { font-size: .875rem; }
table { border-collapse: collapse; margin: .75rem 0; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0; overflow-wrap: anywhere;
  border-bottom: 1px solid #e2e2e6; }
.rows th { font-weight: 600; width: 15rem; }
.scroll { overflow-x: auto; }
@media (max-width: 40rem) {
  .rows th, .rows td { display: block; width: auto; border: 0; padding-bottom: 0; }
}
@media print { article { break-after: page; } figure, tr { break-inside: avoid; } }
"""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a browser lets the file do, whatever stands in it."""


def as_html(reports: Sequence[PictureReport]) -> str:
    """The reports in one document, one below the other. Every text is escaped."""
    title = reports[0].name if len(reports) == 1 else f"{len(reports)} pictures"
    contents = _contents(reports) if len(reports) > 1 else ""
    articles = "".join(_article(number, report) for number, report in enumerate(reports, start=1))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Telltale: {_text(title)}</title><style>{STYLE}</style></head>
<body>{contents}{articles}<p><small>Made by Telltale.</small></p></body></html>
"""


def _contents(reports: Sequence[PictureReport]) -> str:
    rows = []
    for number, report in enumerate(reports, start=1):
        link = f'<a href="#picture-{number}">{_text(report.name)}</a>'
        rows.append(f"<tr><td>{link}</td><td>{_text(report.verdict)}</td><td>{_text(report.score)}</td></tr>")
    head = "<tr><th>Picture</th><th>Verdict</th><th>Score</th></tr>"
    return f"<h1>{len(reports)} pictures</h1><table>{head}{''.join(rows)}</table>"


def _article(number: int, report: PictureReport) -> str:
    sections = "".join(map(_section, report.sections))
    return f"""
<article id="picture-{number}"><h1><bdi>{_text(report.name)}</bdi></h1>
<div class="verdict" style="border-color:{report.colour}"><strong>{_text(report.verdict)}</strong>
{_text(report.score)}</div>{sections}</article>"""


def _section(section: Section) -> str:
    sentences = "".join(f"<p>{_text(sentence)}</p>" for sentence in section.sentences)
    return "".join(
        (
            f"<section><h2>{_text(section.title)}</h2>{sentences}",
            _figures(section.figures),
            _rows(section.rows),
            _table(section.table),
            "</section>",
        )
    )


def _figures(figures: Sequence[Figure]) -> str:
    if not figures:
        return ""
    kind = "figures tiles" if len(figures) > 3 else "figures"
    return f'<div class="{kind}">{"".join(map(_figure, figures))}</div>'


def _figure(figure: Figure) -> str:
    source = f"data:image/jpeg;base64,{b64encode(figure.jpeg).decode('ascii')}"
    caption = _text(figure.caption)
    return f"""
<figure><img src="{source}" width="{figure.width}" height="{figure.height}" alt="{caption}">
<figcaption>{caption}</figcaption></figure>"""


def _rows(rows: Sequence[tuple[str, str]]) -> str:
    if not rows:
        return ""
    cells = "".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in rows)
    return f'<table class="rows">{cells}</table>'


def _table(table: Sequence[tuple[str, ...]]) -> str:
    if not table:
        return ""
    head, *body = table
    lines = ["".join(f"<th>{_text(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{_text(cell)}</td>" for cell in row) for row in body]
    return f'<div class="scroll"><table>{"".join(f"<tr>{line}</tr>" for line in lines)}</table></div>'


def _text(text: str) -> str:
    return escape(printable(text))
