"""A report as a PDF with real text, which can be searched and copied.

The PDF's own fonts know Western letters only. Any other letter is written as its code, \\u4e2d, so that two
names that differ never look the same; the HTML report has them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from detector.printable import printable
from detector.reports.report_sections import Figure, PictureReport, Section

if TYPE_CHECKING:
    from fpdf import FPDF

FONT = "helvetica"
GAP, CAPTION_LINE = 3, 3.6
"""Millimetres: between figures, and from line to line below one."""

PLAIN = str.maketrans({"–": "-", "—": "-", "“": '"', "”": '"', "’": "'", "…": "...", "\u2060": None})
"""Typographic characters that the fonts do not have -> what stands for them."""


def as_pdf(reports: Sequence[PictureReport]) -> bytes:
    """The reports in one document, each from a new page on."""
    pdf = _document()
    for report in reports:
        pdf.add_page()
        _write(pdf, report.name, size=13, style="B")
        red, green, blue = bytes.fromhex(report.colour.removeprefix("#"))
        pdf.set_text_color(red, green, blue)
        _write(pdf, report.verdict, size=22, style="B")
        pdf.set_text_color(0)
        _write(pdf, report.score, size=12)
        for section in report.sections:
            _section(pdf, section)
    return bytes(pdf.output())


def _document() -> FPDF:
    from fpdf import FPDF  # not at the top: it takes a moment, and most runs make no report

    class Document(FPDF):
        def footer(self) -> None:
            self.set_y(-12)
            self.set_font(FONT, size=8)
            self.cell(0, 8, f"Made by Telltale. Page {self.page_no()}", align="R")

    pdf = Document(format="A4")
    pdf.set_auto_page_break(True, margin=15)
    pdf.set_title("Telltale report")
    pdf.set_lang("en")
    return pdf


def _section(pdf: FPDF, section: Section) -> None:
    pdf.ln(3)
    if pdf.will_page_break(30):  # no heading at the foot of a page
        pdf.add_page()
    _write(pdf, section.title, size=13, style="B")
    for sentence in section.sentences:
        _write(pdf, sentence)
    _figures(pdf, section.figures)
    if section.rows:
        _table(pdf, section.rows, (2, 5), headings=False)
    if section.table:
        columns = len(section.table[0])
        _table(pdf, section.table, (3, *[2] * (columns - 1)), headings=True)


def _write(pdf: FPDF, text: str, size: int = 10, style: str = "") -> None:
    pdf.set_font(FONT, style, size)
    pdf.multi_cell(0, 0.5 * size, _latin(text), align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(0.1 * size)


def _figures(pdf: FPDF, figures: Sequence[Figure]) -> None:
    """Side by side as far as there is room, each with its caption below."""
    if not figures:
        return
    across = 2 if len(figures) <= 3 else 4
    width = (pdf.epw - (across - 1) * GAP) / across
    pdf.set_font(FONT, size=8)
    for start in range(0, len(figures), across):
        line = figures[start : start + across]
        sizes = [_fitted(figure, width) for figure in line]
        captions = [_caption_height(pdf, figure, width) for figure in line]
        tallest = max(height for _, height in sizes)
        if pdf.will_page_break(tallest + max(captions) + GAP):
            pdf.add_page()
        top = pdf.get_y()
        for column, (figure, (across_figure, down)) in enumerate(zip(line, sizes, strict=True)):
            left = pdf.l_margin + column * (width + GAP)
            pdf.image(BytesIO(figure.jpeg), left, top, across_figure, down)
            pdf.set_xy(left, top + tallest + 1)
            pdf.multi_cell(width, CAPTION_LINE, _latin(figure.caption), align="L")
        pdf.set_xy(pdf.l_margin, top + tallest + max(captions) + GAP)


def _caption_height(pdf: FPDF, figure: Figure, width: float) -> float:
    """Millimetres."""
    height = pdf.multi_cell(width, CAPTION_LINE, _latin(figure.caption), dry_run=True, output="HEIGHT")
    assert isinstance(height, float)
    return height


def _fitted(figure: Figure, width: float) -> tuple[float, float]:
    """Millimetres across and down, in a box as wide as given and a little higher."""
    scale = min(width / figure.width, 1.2 * width / figure.height)
    return scale * figure.width, scale * figure.height


def _table(pdf: FPDF, rows: Sequence[Sequence[str]], widths: Sequence[int], headings: bool) -> None:
    pdf.set_font(FONT, size=9)
    with pdf.table(
        rows=[[_latin(cell) for cell in row] for row in rows],
        col_widths=widths,
        first_row_as_headings=headings,
        text_align="LEFT",
        borders_layout="HORIZONTAL_LINES",
        line_height=4.5,
    ):
        pass
    pdf.ln(2)


def _latin(text: str) -> str:
    shown = printable(text).translate(PLAIN)
    return shown.encode("latin-1", "backslashreplace").decode("latin-1")
