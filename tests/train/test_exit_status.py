"""train.exit_status: how programs end."""

import pytest

from train.exit_status import DONE, INTERRUPTED, USAGE, ends_with_a_sentence


def program(what):
    @ends_with_a_sentence("train.try", ValueError, OSError, interrupted="all stays")
    def main(argv=None) -> int:
        if what is not None:
            raise what
        return DONE

    return main


def test_a_program_that_ends_well_has_its_own_status(capsys):
    assert program(None)([]) == DONE and capsys.readouterr().err == ""


@pytest.mark.parametrize("error", [ValueError("It is wrong."), FileNotFoundError("It is wrong.")])
def test_what_is_wrong_is_said_in_a_line(capsys, error):
    assert program(error)() == USAGE
    assert capsys.readouterr().err == "train.try: It is wrong.\n"


def test_ctrl_c_says_what_becomes_of_the_work(capsys):
    assert program(KeyboardInterrupt())() == INTERRUPTED
    assert capsys.readouterr().err == "train.try: interrupted; all stays.\n"


def test_errors_that_nobody_expects_are_not_hidden():
    with pytest.raises(TypeError):
        program(TypeError())()
