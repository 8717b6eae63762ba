"""A report of one picture or of several, to hand to somebody: HTML that opens without a network, and PDF.

``picture_report`` gathers what there is to say of one picture as plain sections; ``as_html`` and ``as_pdf``
only set them.
"""

from detector.reports.contents import Examined, examine, picture_report
from detector.reports.html_report import as_html
from detector.reports.pdf_report import as_pdf
from detector.reports.report_sections import Figure, PictureReport, Section

__all__ = [
    "Examined",
    "Figure",
    "PictureReport",
    "Section",
    "as_html",
    "as_pdf",
    "examine",
    "picture_report",
]
