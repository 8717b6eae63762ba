"""``python -m benchmarks.explanations``: how true each explanation method is of a model.

The same as ``python -m train.explanation_scores``, which does the work; where no pictures are named, a dozen
crops of two sample photographs stand in, enough to see that the methods work and how long they take.
"""

from __future__ import annotations

import sys

from benchmarks.photographs import photograph
from train.explanation_scores import parser, run

MADE_UP = 12


def main(arguments: list[str] | None = None) -> int:
    command = parser("python -m benchmarks.explanations", required=False)
    options = command.parse_args(arguments)
    if options.data or options.folder:
        return run(options)
    if options.write:
        command.error(
            "--write needs --data or --folder: the pictures used without them say little about a model."
        )
    pictures = {
        f"made-up {number}": photograph(number, 0.3) for number in range(min(options.images, MADE_UP))
    }
    return run(options, pictures, f"{len(pictures)} crops of scikit-learn's two sample photographs")


if __name__ == "__main__":
    sys.exit(main())
