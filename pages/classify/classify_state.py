"""What Classify keeps for its visitor, so that nothing is computed twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from detector.perturbation_test import final_verdict
from detector.verdicts import Verdict
from pages.classify.copies_tester import CopiesTester

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from detector.bundle import Bundle
    from detector.classifier import Analysis, FileResult
    from detector.explain import Heatmap
    from detector.explain.faithfulness import Faithfulness
    from detector.explain.sanity import Sanity
    from detector.perturbation_test import PerturbedVerdict
    from pages.classify.background_check import BackgroundCheck
    from pages.classify.picture_grid import Tile
    from ui.pictures import Picture

KEY = "classify"
"""Of the page's one object in ``st.session_state``."""

MAX_EXPLAINED = 64
"""Pictures of which explanations are kept, those looked at last; some 200 KB each."""

Key = tuple[str, str]
"""A picture's id and a model's version."""


@dataclass(frozen=True)
class PictureResult:
    """What the model says of a picture.

    result: with the analysis, or the sentence why there is none. appearance: what
    ``detector.near_duplicates`` looks at, uint8 (8, 9), None if the file could not be read. perturbed: what
    the model says of perturbed copies, None until it was asked.
    """

    picture: Picture
    result: FileResult
    appearance: np.ndarray | None = None
    perturbed: Sequence[PerturbedVerdict] | None = None

    @property
    def is_readable(self) -> bool:
        return self.result.analysis is not None

    @property
    def analysis(self) -> Analysis:
        """Raises ValueError if the file could not be read."""
        if self.result.analysis is None:
            raise ValueError("a file that could not be read has no analysis")
        return self.result.analysis

    def verdict(self, bundle: Bundle) -> Verdict:
        """The one to give: "unsure" where an ordinary perturbation turns the model's own around."""
        return final_verdict(bundle, self.analysis.verdict, self.perturbed or ())


@dataclass
class Strip:
    """The stress strip of a picture.

    copies: what the model says of each. plain, heated: each copy as the network got it, without and with
    its heatmap, as data URLs; the first of each is the picture as it is. ``heated`` is empty for a network
    without attention.
    """

    copies: list[PerturbedVerdict]
    plain: list[str]
    heated: list[str]


@dataclass
class PictureExplanations:
    """What was found out about one picture under one model beyond its verdict.

    heatmaps, faithfulness, sanity: by explanation method; curves: the figure of a faithfulness test.
    unavailable: method -> the sentence why it has no heatmap. strip: None until copies were judged. parts:
    the region map or the sentence why there is none; None until it was asked for.
    """

    heatmaps: dict[str, Heatmap] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    faithfulness: dict[str, Faithfulness] = field(default_factory=dict)
    curves: dict[str, Figure] = field(default_factory=dict)
    sanity: dict[str, Sanity] = field(default_factory=dict)
    strip: Strip | None = None
    parts: Heatmap | str | None = None


@dataclass
class ClassifyState:
    """results: of every picture in the album. explanations: of the ``MAX_EXPLAINED`` pictures looked at last,
    the last one at the end. drawn: id of the picture that was open when the page was last drawn
    whole. tester: of the copies of pictures that are not open; testing_stopped: by the visitor.
    check: what finds the results of all but the open picture, None before there was any. compared: id of the
    picture that the open one is compared with. heard: number of the last news from the picture grid.
    outdated: whether the page shows something else than what is known by now. unkept: whether the grid has
    brought remarks that the kept case does not hold. listed: how many pictures were
    not checked yet when the list was last drawn, and when that was, by ``time.monotonic``. tiles: what the
    grid shows of each picture, by its id, and of which result it was made."""

    results: dict[Key, PictureResult] = field(default_factory=dict)
    explanations: dict[Key, PictureExplanations] = field(default_factory=dict)
    drawn: str | None = None
    tester: CopiesTester = field(default_factory=CopiesTester)
    testing_stopped: bool = False
    check: BackgroundCheck | None = None
    compared: str | None = None
    heard: int = 0
    outdated: bool = False
    unkept: bool = False
    listed: tuple[int, float] = (0, 0.0)
    tiles: dict[str, tuple[PictureResult, Tile]] = field(default_factory=dict)

    def explanations_of(self, picture: Picture, version: str) -> PictureExplanations:
        """What is known of ``picture``, for more to be written into it."""
        key = picture.id, version
        known = self.explanations.pop(key, None) or PictureExplanations()
        self.explanations[key] = known
        while len(self.explanations) > MAX_EXPLAINED:
            del self.explanations[next(iter(self.explanations))]
        return known

    def perturbed_copies(self, picture: Picture, version: str) -> list[PerturbedVerdict] | None:
        """What the model says of perturbed copies of ``picture``; None if it was not asked yet."""
        known = self.explanations.get((picture.id, version))
        return known.strip.copies if known and known.strip else self.tester.copies(picture, version)

    def forget_all_but(self, picture_ids: set[str]) -> None:
        """Let go of pictures that were taken away."""
        self.tester.forget_all_but(picture_ids)
        for kept in (self.results, self.explanations):
            for key in list(kept):
                if key[0] not in picture_ids:
                    kept.pop(key, None)
        for picture_id in self.tiles.keys() - picture_ids:
            self.tiles.pop(picture_id, None)


def state() -> ClassifyState:
    """That of the visitor whose script is running."""
    return st.session_state.setdefault(KEY, ClassifyState())
