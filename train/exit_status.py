"""How the programs of this folder end: with a status, and with a sentence where something is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

DONE, USAGE, INTERRUPTED = 0, 2, 130
"""2: wrong usage, data or files. 130: after Ctrl-C, as shells say it."""
P = ParamSpec("P")


def ends_with_a_sentence(
    program: str, *errors: type[Exception], interrupted: str
) -> Callable[[Callable[P, int]], Callable[P, int]]:
    """For a program's ``main``: these errors and Ctrl-C end it with a line on standard error and their
    status.

    interrupted: what becomes of what it has done, a clause after "interrupted; ".
    """

    def decorate(main: Callable[P, int]) -> Callable[P, int]:
        @wraps(main)
        def run(*args: P.args, **kwargs: P.kwargs) -> int:
            try:
                return main(*args, **kwargs)
            except errors as error:
                print(f"{program}: {error}", file=sys.stderr)
                return USAGE
            except KeyboardInterrupt:
                print(f"{program}: interrupted; {interrupted}.", file=sys.stderr)
                return INTERRUPTED

        return run

    return decorate
