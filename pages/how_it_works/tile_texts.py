"""The step that shows a picture's tiles, in words."""

from __future__ import annotations

import numpy as np

from detector.explain.picture_walk import PictureWalk
from detector.verdicts import Side
from pages.how_it_works.step import StepText


def tiles(walk: PictureWalk) -> StepText:
    logits, size = [tile.logit for tile in walk.tiles], len(walk.image)
    written = ", ".join(f"{logit:+.3f}" for logit in logits)
    return StepText(
        f"Brought to {size} × {size}, a picture has lost its fine detail. So the same network looks at"
        f" {len(logits)} tiles, {size} × {size} pixels of the picture at its own scale. A second, linear head"
        " says what each speaks for; their mean is added to the logit of the whole.",
        r"\ell = \ell_{\text{whole}} + \frac1n \sum_{i=1}^{n} \ell_i \qquad n = " + str(len(logits)),
        f"{len(logits)} tiles of {size} × {size} × 3 → {written} → mean {walk.of_tiles:+.3f}",
        "Do the tiles agree with each other, and with the whole? What is in those that do not?",
        _agreement(walk, np.array(logits)),
    )


def _agreement(walk: PictureWalk, logits: np.ndarray) -> str:
    towards_ai = int((logits > 0).sum())
    side = Side.AI if walk.of_tiles > 0 else Side.REAL
    same = "and so does" if (walk.logit > 0) == (walk.of_tiles > 0) else "but not"
    return (
        f"{towards_ai} of {len(logits)} speak for AI-generated, from {logits.min():+.2f} to"
        f" {logits.max():+.2f}; their mean speaks for {side.in_sentence}, {same} the whole. What is out of"
        " focus or plain has little detail to judge by."
    )
