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


def logit_in_numbers(walk: PictureWalk) -> str:
    """The logit that becomes the probability: of the whole, with that of the tiles where there are some."""
    if not walk.bundle.preprocessing.tiles:
        return f"ℓ = {walk.logit:+.3f}"
    return f"ℓ = {walk.logit:+.3f} (the whole) {walk.of_tiles:+.3f} (the tiles) = {walk.final_logit:+.3f}"


def tiles_in_words(walk: PictureWalk) -> str:
    """What else counts, as a further sentence; "" for a network that looks at the whole alone."""
    size, tiles = walk.bundle.preprocessing.size, walk.bundle.preprocessing.tiles
    if not tiles:
        return ""
    return (
        f" To it is added what a second, linear head says of {tiles} tiles, {size} × {size} pixels of the"
        " picture at its own scale: the mean of their logits."
    )


def by(array: np.ndarray) -> str:
    """Its shape in words."""
    return " × ".join(map(str, array.shape))


def heads_of(walk: Walkthrough) -> int:
    return len(walk.scores)
