"""Where what the file says speaks against the verdict: said, and never more than said."""

import pytest

from detector.provenance import FileFacts, Finding, contradiction
from detector.verdicts import Verdict

SETTINGS = Finding("generator trace", "Stable Diffusion settings", "cat Steps: 20", "", "PNG tEXt")
DECLARED = Finding("declared AI", "Digital source type", "trained algorithmic media", "", "XMP")
CAMERA = Finding("camera", "Camera", "Canon EOS 5D", "", "EXIF")
PROGRAM = Finding("software", "Software", "GIMP", "", "EXIF")


def said(verdict: Verdict, *findings: Finding) -> str | None:
    return contradiction(FileFacts("PNG", 1, 1, 1, findings), verdict)


@pytest.mark.parametrize(
    ("finding", "verdict", "sentence"),
    [
        (SETTINGS, Verdict.REAL, "The file says: Stable Diffusion settings. The pixels say: real."),
        (SETTINGS, Verdict.UNSURE, "The file says: Stable Diffusion settings. The pixels say: unsure."),
        (SETTINGS, Verdict.AI, None),
        (
            DECLARED,
            Verdict.REAL,
            "The file says: Digital source type: trained algorithmic media. The pixels say: real.",
        ),
        (CAMERA, Verdict.AI, "The file says: Camera: Canon EOS 5D. The pixels say: AI-generated."),
        (CAMERA, Verdict.REAL, None),
        (CAMERA, Verdict.UNSURE, None),  # which does not deny it
        (PROGRAM, Verdict.AI, None),
    ],
)
def test_file_and_pixels_are_quoted_where_they_differ(finding, verdict, sentence):
    assert said(verdict, finding) == sentence


def test_the_most_telling_claim_speaks_for_the_file():
    assert said(Verdict.AI, SETTINGS, CAMERA) is None
    assert said(Verdict.REAL, PROGRAM, SETTINGS, CAMERA)


def test_a_silent_file_contradicts_nothing():
    assert said(Verdict.AI) is None


def test_a_long_claim_is_cut():
    long = Finding("camera", "Camera", "x" * 300, "", "EXIF")
    assert said(Verdict.AI, long) == f"The file says: Camera: {'x' * 59}…. The pixels say: AI-generated."
