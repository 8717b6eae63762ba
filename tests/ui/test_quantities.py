"""Times and sizes of files in words."""

from __future__ import annotations

import pytest

from ui.quantities import duration, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (-1, "–"),
        (0, "0 s"),
        (89, "89 s"),
        (90, "2 min"),
        (5400, "1 h 30 min"),
    ],
)
def test_durations_in_words(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2_500_000, "2.5 MB"), (4e12, "4.0 TB")],
)
def test_sizes_in_words_count_in_thousands(count, text):
    assert size(count) == text
