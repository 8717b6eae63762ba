"""detector.printable: names of any bytes, and errors of any text."""

from __future__ import annotations

import pytest

from detector.printable import first_line


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("The end.\nAt line 3."), "The end"),
        (ValueError("\n  \n  late  "), "late"),
        (ValueError("bell \a"), "bell \\x07"),
        (ValueError("x" * 300), "x" * 200),
        (ValueError(), "ValueError"),
        (RuntimeError(" \n"), "RuntimeError"),
    ],
)
def test_an_error_is_its_first_line_or_its_kind_where_it_says_nothing(error, said):
    assert first_line(error) == said
