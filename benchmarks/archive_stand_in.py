"""``python -m detector.score`` with a model that opens no picture: what the list, the parts and the table
cost by themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from detector.bundle import Bundle
from detector.classifier import Analysis, FileResult, Source
from detector.preprocessing import Region
from detector.score import __main__ as command_line


class StandIn:
    """Answers as a classifier would, the same for every picture."""

    def __init__(self, bundle: Bundle):
        side = bundle.preprocessing.size
        region = bundle.preprocessing.region(side, side)
        self._result = FileResult("", self._analysis(bundle, region), width=side, height=side)

    def analyse_files(self, sources: Iterable[Source], workers: int | None = None) -> Iterator[FileResult]:
        """One answer for each source, which is not called."""
        return (self._result for _ in sources)

    @staticmethod
    def _analysis(bundle: Bundle, region: Region) -> Analysis:
        y_score = bundle.y_score(1.0)
        verdict = bundle.verdict(y_score)
        return Analysis(verdict, y_score, 1.0, bundle.threshold, None, None, region, bundle.name)


if __name__ == "__main__":
    options = command_line._parser().parse_args()
    sys.exit(command_line.run(options, load=StandIn))  # type: ignore[arg-type]
