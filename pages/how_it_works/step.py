"""What a step is: its name, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.explain.picture_walk import PictureWalk
from detector.explain.walkthrough import Walkthrough


@dataclass(frozen=True)
class StepText:
    """sentence: what happens, plainly. formula: LaTeX. shapes: of what goes in and comes out, with real
    numbers. question: to ask a class. answer: what to say then."""

    sentence: str
    formula: str
    shapes: str
    question: str
    answer: str


@dataclass(frozen=True)
class Step:
    """name: in the page's address. title: on the page. text: of a walk, which has what the step shows.
    tempered: whether the softmax's temperature changes what it shows. per_head, per_block: whether it shows
    one head, or one of a transformer's blocks, at a time."""

    name: str
    title: str
    text: Callable[[Any], StepText]
    tempered: bool = False
    per_head: bool = False
    per_block: bool = False


def token_names(walk: PictureWalk) -> list[str] | None:
    """What the head's tokens are called where they are class tokens; None where they are patches, which have
    a row and a column."""
    if walk.blocks is None:
        return None
    return [f"block {number + 1}" for number in walk.blocks.read]


def token_noun(walk: PictureWalk) -> str:
    """What the head attends over."""
    return "patch" if walk.blocks is None else "class token"


def token_nouns(walk: PictureWalk) -> str:
    return "patches" if walk.blocks is None else "class tokens"


def by(array: np.ndarray) -> str:
    """Its shape in words."""
    return " × ".join(map(str, array.shape))


def heads_of(walk: Walkthrough) -> int:
    return len(walk.scores)
