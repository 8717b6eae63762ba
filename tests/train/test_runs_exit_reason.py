"""train.runs.exit_reason: why a training process ended that could not say so itself."""

from __future__ import annotations

import pytest

from train.runs.exit_reason import explain, last_line

EXPLANATIONS = [
    (
        (-9, "", False, None),
        "failed",
        "It was killed from outside (SIGKILL); most often the machine has run out of memory.",
    ),
    ((-9, "", True, None), "failed", "The machine ran out of memory."),
    ((-9, "", False, "killed"), "stopped", "so it was killed"),
    ((-15, "", False, "asked"), "stopped", "Stopped on request"),
    ((-15, "", False, None), "failed", "It was ended from outside (SIGTERM)"),
    ((-11, "loading\n", False, None), "failed", "It crashed (SIGSEGV). Its last words: loading"),
    ((-99, "", False, None), "failed", "It crashed (signal 99)."),
    (
        (1, "Traceback\nModuleNotFoundError: No module named 'keras'\n", False, None),
        "failed",
        "ModuleNotFoundError: No module named 'keras'",
    ),
    ((1, "x\nOSError: [Errno 28] No space left on device\n", False, None), "failed", "The disk is full."),
    (
        (1, "tensorflow.errors.ResourceExhaustedError: OOM when allocating\n", False, None),
        "failed",
        "The machine ran out of memory.",
    ),
    ((2, "train: seed must be a whole number\n", False, None), "failed", "seed must be a whole number"),
    ((5, "", False, None), "failed", "It ended without saying why (exit code 5)."),
    ((None, "last\n\n", False, None), "failed", "It ended without saying why. Its last words: last"),
]


@pytest.mark.parametrize(("exit_", "state", "reason"), EXPLANATIONS)
def test_the_exit_is_explained_in_the_users_words(tmp_path, exit_, state, reason):
    returncode, said, out_of_memory, step = exit_
    found = explain(returncode, said, tmp_path, out_of_memory, step)
    assert found[0] == state and reason in found[1]


def test_a_disk_without_room_is_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    assert explain(1, "something else\n", tmp_path, False, None) == (
        "failed",
        "The disk is full. Free some space, then resume.",
    )


def test_the_last_line_is_cut_short():
    assert last_line("a\n" + "x" * 10_000) == "x" * 500 and last_line("") == "" and last_line("a\n \n") == "a"
