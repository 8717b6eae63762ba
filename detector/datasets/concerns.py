"""What whoever trains on a dataset should read before: in one short list, on pages and in terminals alike."""

from __future__ import annotations

from collections.abc import Iterable

from detector.datasets.dataset import Pairs
from detector.printable import printable


def concerns(both_labels: Pairs, across_splits: Pairs, small_splits: Iterable[str] = ()) -> list[str]:
    """A sentence each; none where all is well. The arguments are those of `Dataset`."""
    found = []
    if both_labels.count:
        found.append(
            f"{both_labels.count:,} images are the same picture under both labels, for instance"
            f" {_example(both_labels)}: one of each is wrong, and nothing can be learned from them."
        )
    if across_splits.count:
        found.append(
            f"{across_splits.count:,} images are near-duplicates that the data put into different splits, for"
            f" instance {_example(across_splits)}. Training leaves out its own; where val and test share"
            " some, test figures flatter."
        )
    return [*found, *small_splits]


def _example(pairs: Pairs) -> str:
    return " and ".join(printable(id) for id in pairs.examples[0])
