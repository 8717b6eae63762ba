"""What of a stranger's text reaches the page. Chromium shows the rest in tests/browser/test_classify.py."""

import re

import pytest

from ui.text import plain, printable, shortened


def shown(markdown: str) -> str:
    """What Markdown without any markup shows: a backslash makes the next character an ordinary one."""
    return re.sub(r"\\(.)", r"\1", markdown).replace("\u2060", "")


@pytest.mark.parametrize(
    "text",
    [
        "photo.jpg",
        "**b** _i_ `c` ~~s~~",
        "[a](b) ![c](d)",
        "<img src=x onerror=alert(1)>",
        "$x$ \\(y\\)",
        ":material/home: :red[z]",
        "# 1. - + > |a|",
        "a\\b",
        "\u05e9\u05dc\u05d5\u05dd \U0001f600.jpg",
    ],
)
def test_every_letter_survives(text):
    assert shown(plain(text)) == text


@pytest.mark.parametrize("mark", list("\\`*_{}[]()<>#+-.!|~$:&^=@/"))
def test_a_mark_that_means_something_is_escaped(mark):
    assert plain(f"a{mark}b").replace("\u2060", "") == f"a\\{mark}b"


@pytest.mark.parametrize(
    "text", ["http://a.b", "HTTPS://a.b", "www.a.b", "a@b.c", "->", "<->", "--", ">=", ":streamlit:"]
)
def test_what_is_recognised_even_in_escaped_text_is_broken_up_unseen(text):
    assert "\u2060" in plain(text)
    assert shown(plain(text)) == text


@pytest.mark.parametrize("text", ["photo.jpg", "holiday-2024_01 (2).jpeg", "12:30:59"])
def test_ordinary_text_gets_nothing_unseen(text):
    assert "\u2060" not in plain(text)


@pytest.mark.parametrize(
    ("text", "line"), [("a\nb", "a b"), ("a\tb\x00c", "a b c"), ("cod\u202egpj.exe", "cod gpj.exe")]
)
def test_control_characters_and_turned_writing_become_spaces(text, line):
    assert printable(text) == line


def test_a_long_name_keeps_both_its_ends():
    assert shortened("a" * 50 + "b" * 50, limit=10) == "aaaaa…bbbbb"


def test_a_name_of_the_limit_is_not_cut():
    assert shortened("a" * 10, limit=10) == "a" * 10


def test_spaces_around_a_name_cannot_undo_the_bold_type_around_it():
    assert plain("  a  ") == "a"
