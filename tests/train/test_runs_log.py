"""Reading logs a piece at a time, whatever is in them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from train.runs.log import Match, plain, read_log, search, tail

ROOT = Path(__file__).parents[2]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "train.log"

    def write(content: bytes, mode: str = "wb") -> Path:
        with open(path, mode) as file:
            file.write(content)
        return path

    return write


PLAIN = {
    b"\x1b[1;31mred\x1b[0m and \x1b[38;2;1;2;3mmore\x1b[m": "red and more",
    b"\x1b]0;a title\x07text\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\": "textlink",
    b"\x1b[2J\x1b[H\x1b[?25lx\x1bMy\x1b(Bz": "xyz",
    b"10%\r20%\r\nend\r": "10%\n20%\nend\n",
    b"a\x00b\x07c\x08\x7f\xc2\x9b31m\tz": "abc31m\tz",
    b"\xff\xfe caf\xc3\xa9 \xe2\x82": "\ufffd\ufffd café \ufffd",
    b"\x1b]0;never ended\nnext line": "\nnext line",
    b"<b>**bold**</b> $x$ [a](b)": "<b>**bold**</b> $x$ [a](b)",
}


@pytest.mark.parametrize("content", PLAIN)
def test_what_a_terminal_would_obey_is_gone_and_the_rest_stays(content):
    assert plain(content) == PLAIN[content]


def test_a_log_is_read_on_from_where_the_last_piece_ended(log):
    path = log(b"one\ntwo\n")
    assert read_log(path, 0, 4) == ("one\n", 4, 8)
    assert read_log(path, 4, 100) == ("two\n", 8, 8)
    assert read_log(path, 8, 100) == ("", 8, 8)
    log(b"three", "ab")
    assert read_log(path, 8, 100) == ("three", 13, 13)


@pytest.mark.parametrize(
    "content", ["naïve €uro 😀 end\n".encode(), b"a \x1b[31mred\x1b[0m b\n\x1b]8;;http://x\x1b\\link"]
)
@pytest.mark.parametrize("step", [5, 6, 7, 11])
def test_characters_and_codes_that_were_cut_are_put_together_again(log, content, step):
    if content.startswith(b"a"):
        step += 15  # pieces must have room for the longest code
    path, offset, text = log(content), 0, ""
    while offset < len(content):
        piece, following, _ = read_log(path, offset, step)
        assert following > offset
        text, offset = text + piece, following
    assert text == plain(content)


def test_a_character_that_is_still_being_written_is_waited_for(log):
    path = log("é".encode()[:1])
    assert read_log(path, 0, 100) == ("", 0, 1)
    log("é".encode()[1:], "ab")
    assert read_log(path, 0, 100) == ("é", 2, 2)


def test_a_piece_too_small_for_a_code_is_given_as_it_is(log):
    path = log(b"\x1b[31mred")
    text, following, _ = read_log(path, 0, 2)
    assert following == 2 and "\x1b" not in text


def test_a_log_that_became_shorter_is_read_from_its_start(log):
    assert read_log(log(b"new\n"), 1000, 100) == ("new\n", 4, 4)


@pytest.mark.parametrize("offset", [-1, 10**30])
def test_an_offset_that_makes_no_sense_is_the_start(log, offset):
    assert read_log(log(b"abc\n"), offset, 100)[0] == "abc\n"


def test_no_log_is_an_empty_one(tmp_path):
    assert (
        read_log(tmp_path / "none", 5, 100) == tail(tmp_path / "none", 100) == ("", 0, 0)
        and search(tmp_path / "none", "x") == []
    )
    assert read_log(tmp_path, 0, 100) == ("", 0, 0)


def test_a_tail_begins_with_a_whole_line(log):
    assert tail(log(b"first\nsecond\nthird\n"), 10) == ("third\n", 19, 19)
    assert tail(log(b"first\nsecond\n"), 100) == ("first\nsecond\n", 13, 13)


def test_the_tail_of_a_single_long_line_is_its_end(log):
    assert tail(log(b"x" * 1000), 10) == ("x" * 10, 1000, 1000)


def test_lines_are_found_whatever_their_case_with_number_and_place(log):
    path = log(b"nothing\nAn Error here\n\x1b[31mer\x1b[0mror\nerror ERROR\n")
    assert search(path, "eRRor") == [
        Match(2, 8, "An Error here"),
        Match(3, 22, "error"),
        Match(4, 37, "error ERROR"),
    ]


def test_other_alphabets_are_found_too(log):
    assert [match.line for match in search(log("straße\nÀ la carte\n".encode()), "à LA")] == [2]


def test_only_as_many_lines_as_asked_for_are_found(log):
    assert [match.line for match in search(log(b"hit\n" * 50), "hit", limit=3)] == [1, 2, 3]


@pytest.mark.parametrize("text", ["", "\n"])
def test_nothing_is_found_by_looking_for_nothing(log, text):
    assert search(log(b"a\n\nb\n"), text) == []


def test_lines_are_found_across_blocks(log):
    path = log(b"x" * (2**20 - 3) + b" needle\n" + b"y\n" * 2**20 + b"the needle\n")
    assert [(match.line, match.text[-6:]) for match in search(path, "needle")] == [
        (1, "needle"),
        (2**20 + 2, "needle"),
    ]


def test_a_line_without_end_does_not_fill_the_memory(log):
    path = log(b"z" * (8 * 2**20) + b"needle")
    (match,) = search(path, "needle")
    assert match.line == 1 and match.text.endswith("needle") and len(match.text) <= 4096


BIG = """
import resource, sys
from train.runs.log import read_log, search, tail
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
path, size = sys.argv[1], int(sys.argv[2])
assert tail(path, 100_000)[2] == size
assert len(read_log(path, size // 2, 100_000)[0]) <= 100_000
assert [match.line for match in search(path, "needle")] == []
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_200_megabytes_are_never_in_memory_at_once(tmp_path):
    path = tmp_path / "big.log"
    with open(path, "wb") as file:
        file.truncate(200 * 2**20)  # takes no room on most disks
        for offset in range(0, 200 * 2**20, 2**20):
            os.pwrite(file.fileno(), b"\n", offset)
    done = subprocess.run(
        [sys.executable, "-c", BIG, str(path), str(path.stat().st_size)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    kilobytes = int(done.stdout) / (1024 if sys.platform == "darwin" else 1)
    assert kilobytes < 30_000
