"""Forensic views: pictures of what the eye passes over, for people who know how to read them.

They are aids. Nothing of them enters a verdict, and none says by itself that a picture is AI-generated.
A view is one file here with a ``VIEW``, and its name in ``VIEWS``.
"""

from detector.forensics import error_level, frequency_spectrum, noise_residual
from detector.forensics.forensic_view import ForensicView

VIEWS = {each.VIEW.name: each.VIEW for each in (noise_residual, error_level, frequency_spectrum)}
"""Name -> view, in the order in which they are offered."""

__all__ = ["VIEWS", "ForensicView"]
