"""Samples of known truth: pictures to try, of which everybody knows what they are.

The photos are those that scikit-learn ships. The AI-generated ones were made by
``experiments.sample_pictures`` and lie in ``samples/`` beside this file. ``shipped_says`` is what the model
that ships makes of each; ``tests/test_clip_model.py`` runs it, so that it stays true.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from detector.verdicts import Side, Verdict
from ui.album import samples
from ui.pictures import Picture

_HERE = Path(__file__).parent / "samples"


@dataclass(frozen=True)
class KnownSample:
    """name: "Try the ..." on the page. file: its name for the user. truth: what it is. about: where it comes
    from, as a sentence. shipped_says: the verdict of the model that ships."""

    name: str
    file: str
    truth: Side
    about: str
    shipped_says: Verdict

    @property
    def is_called_wrongly(self) -> bool:
        """Whether the model that ships says the opposite of what it is."""
        return self.shipped_says.side == self.truth.opposite

    @property
    def path(self) -> Path:
        return samples().get(self.name) or _HERE / self.file


PHOTO = "A photo by {} (CC BY 2.0), from scikit-learn."
DREAMT = "Made by a small diffusion model of ours that has seen the temple photo and nothing else."

SAMPLES = (
    KnownSample("temple", "temple.jpg", Side.REAL, PHOTO.format("danielbuechele"), Verdict.REAL),
    KnownSample("flower", "flower.jpg", Side.REAL, PHOTO.format("vultilion"), Verdict.UNSURE),
    KnownSample("dreamt temple", "dreamt-temple.jpg", Side.AI, DREAMT, Verdict.REAL),
    KnownSample("dreamt ruins", "dreamt-ruins.jpg", Side.AI, DREAMT, Verdict.REAL),
)

BY_NAME = {sample.name: sample for sample in SAMPLES}


@cache
def picture(sample: KnownSample) -> Picture:
    """The sample as if it had been uploaded."""
    return Picture.of(sample.file, sample.path.read_bytes())


@cache
def by_picture_id() -> dict[str, KnownSample]:
    """Which sample a picture is."""
    return {picture(sample).id: sample for sample in SAMPLES}
