"""Which explanation method the pages show first."""

from __future__ import annotations

from detector.explain.preferred_method import default, quick

__all__ = ["NO_ATTENTION", "default", "quick"]

NO_ATTENTION = "This model has no attention to show."
