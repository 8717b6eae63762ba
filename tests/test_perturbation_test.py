"""The stress strip: hand-computed drift, what contradicts a verdict, and one batch for all copies."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from detector import perturbation_test
from detector.bundle import read_bundle
from detector.classifier import Analysis, FileResult
from detector.engine import answering
from detector.explain import Heatmap
from detector.perturbation_test import PerturbedVerdict, contradicting_copies, drift, final_verdict
from detector.perturbations import PERTURBATIONS, STRIP, Perturbation, scaled
from detector.preprocessing import Region
from detector.records import record
from detector.verdicts import Verdict

WHOLE = Region(0, 0, 1, 1)


def heatmap(values) -> Heatmap:
    return Heatmap(np.array(values, np.float32), "by hand")


# ---- drift: half the sum of the differences, by hand ----


def test_drift_of_the_same_map_is_zero():
    before = heatmap([[0.1, 0.2], [0.3, 0.4]])
    assert drift(before, WHOLE, before, WHOLE) == 0


def test_drift_is_the_share_that_moved():
    before, after = heatmap([[0.1, 0.2], [0.3, 0.4]]), heatmap([[0.2, 0.3], [0.2, 0.3]])
    assert drift(before, WHOLE, after, WHOLE) == pytest.approx(0.2)  # (0.1 + 0.1 + 0.1 + 0.1) / 2


def test_drift_is_one_where_nothing_stayed():
    assert drift(heatmap([[1, 0]]), WHOLE, heatmap([[0, 1]]), WHOLE) == 1


def test_drift_does_not_depend_on_the_scale_of_the_maps():
    assert drift(heatmap([[3, 1]]), WHOLE, heatmap([[1, 3]]), WHOLE) == pytest.approx(0.5)


def test_drift_after_a_crop_compares_the_part_that_is_left():
    # The middle half of four columns is the second and the third; both maps have 1 : 3 there.
    before, after = heatmap([[0.1, 0.15, 0.45, 0.3]]), heatmap([[0.25, 0.75]])
    assert drift(before, WHOLE, after, Region(0.25, 0, 0.75, 1)) == pytest.approx(0, abs=1e-7)
    # Not aligned: columns from 1/8 on, 1/4 wide. The first takes half of each of 0.1 and 0.15, the second of
    # 0.15 and 0.45: 0.125 and 0.3.
    assert drift(before, WHOLE, heatmap([[0.5, 0.5]]), Region(0.125, 0, 0.625, 1)) == pytest.approx(
        0.5 - 0.125 / 0.425
    )


def test_drift_keeps_rows_and_columns_apart():
    before = heatmap([[0.1, 0.2, 0.3], [0.1, 0.1, 0.2]])
    assert drift(before, WHOLE, heatmap([[0.6], [0.4]]), WHOLE) == pytest.approx(0, abs=1e-7)
    assert drift(before, WHOLE, heatmap([[0.2, 0.3, 0.5]]), WHOLE) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("after", [[[0.5, -0.5]], [[0.0, 0.0]]])
def test_drift_of_signed_or_empty_maps_is_refused(after):
    with pytest.raises(ValueError):
        drift(heatmap([[0.5, 0.5]]), WHOLE, heatmap(after), WHOLE)


# ---- what overrules a verdict ----


@pytest.fixture
def copies():
    """``copies(y_score, **scores)``: every copy scores y_score but for those named, jpeg_70=0.1 and so on."""

    def make(y_score: float, **other: float) -> list[PerturbedVerdict]:
        return [
            PerturbedVerdict(each, other.get(each.name.replace("-", "_"), y_score), 0.0, None, None)
            for each in STRIP
        ]

    return make


@pytest.fixture
def bundle(tiny_bundle):
    """Threshold 0.5, unsure from 0.3 to 0.7."""
    return read_bundle(tiny_bundle)


def test_ordinary_is_a_part_of_the_strip():
    assert [each.name for each in STRIP] == [
        "jpeg-90",
        "jpeg-70",
        "jpeg-50",
        "jpeg-30",
        "size-75",
        "size-50",
        "size-25",
        "screenshot",
        "blur",
        "crop",
    ]
    ordinary = [each.name for each in PERTURBATIONS.values() if each.ordinary]
    assert ordinary == ["jpeg-90", "jpeg-70", "size-75", "size-50", "screenshot"]
    assert all(PERTURBATIONS[name].in_strip for name in ordinary)


def test_a_verdict_that_ordinary_damage_turns_around_becomes_unsure(bundle, copies):
    perturbed = copies(0.9, jpeg_70=0.1, size_50=0.2)
    assert [copy.perturbation.name for copy in contradicting_copies(bundle, "ai", perturbed)] == [
        "jpeg-70",
        "size-50",
    ]
    assert final_verdict(bundle, "ai", perturbed) == "unsure"
    assert final_verdict(bundle, "real", copies(0.1, screenshot=0.8)) == "unsure"


def test_damage_that_only_makes_the_model_unsure_turns_nothing_around(bundle, copies):
    assert final_verdict(bundle, "ai", copies(0.9, jpeg_70=0.5)) == "ai"


def test_hard_damage_overrules_nothing(bundle, copies):
    assert (
        final_verdict(bundle, "ai", copies(0.9, jpeg_30=0.1, crop=0.1, blur=0.1, size_25=0.1, jpeg_50=0.1))
        == "ai"
    )


def test_an_unsure_verdict_stays_unsure_and_nothing_contradicts_it(bundle, copies):
    assert contradicting_copies(bundle, "unsure", copies(0.9)) == []
    assert final_verdict(bundle, "unsure", copies(0.9)) == "unsure"


def test_another_threshold_judges_the_copies_too(bundle, copies):
    strict = replace(bundle, threshold=0.95, unsure=(0.95, 0.95))
    assert final_verdict(strict, "ai", copies(0.97, jpeg_90=0.9)) == "unsure"
    assert final_verdict(bundle, "ai", copies(0.97, jpeg_90=0.9)) == "ai"


# ---- the real thing ----


def test_copies_pass_in_two_batches_and_are_judged_as_files_of_their_own(classifier, photo, monkeypatch):
    pixels = photo("warm", 300, 400)
    analysis = classifier.analyse(pixels)
    batches, engine = [], classifier.engine
    function = engine._on_images(answering)
    monkeypatch.setattr(
        engine, "_on_images", lambda make: lambda few: batches.append(len(few)) or function(few)
    )
    perturbed, seen = perturbation_test.judge_perturbed_copies(classifier, _png(pixels), analysis)
    assert batches == [5, 5]
    assert [copy.perturbation for copy in perturbed] == list(STRIP)
    for copy, image in zip(perturbed, seen, strict=True):
        alone = classifier.analyse(copy.perturbation(pixels))
        assert copy.logit == pytest.approx(alone.logit, abs=1e-4)
        assert copy.y_score == pytest.approx(alone.y_score, abs=1e-4)
        assert 0 <= copy.drift < 1
        np.testing.assert_array_equal(image, classifier.bundle.preprocessing(copy.perturbation(pixels)))


def test_a_crop_is_compared_with_the_part_it_left(classifier):
    """A plain grey picture looks the same after a crop: the map is the same, and lies on the middle of
    what it lay on before."""
    pixels = np.full((300, 300, 3), 128, np.uint8)
    analysis = classifier.analyse(pixels)
    crop = next(
        copy
        for copy in perturbation_test.judge_perturbed_copies(classifier, _png(pixels), analysis)[0]
        if copy.perturbation.name == "crop"
    )
    assert crop.drift == pytest.approx(
        drift(analysis.heatmap, WHOLE, analysis.heatmap, Region(0.1, 0.1, 0.9, 0.9)), abs=1e-4
    )


def test_a_large_picture_is_reduced_before_it_is_damaged(classifier, monkeypatch):
    sides = []
    real = Perturbation.__call__
    monkeypatch.setattr(
        Perturbation,
        "__call__",
        lambda self, pixels: sides.append(min(pixels.shape[:2])) or real(self, pixels),
    )
    pixels = np.random.default_rng(0).integers(0, 256, (2400, 3000, 3), np.uint8)
    perturbation_test.judge_perturbed_copies(classifier, _png(pixels), classifier.analyse(pixels))
    assert (
        len(sides) == 10
        and perturbation_test.SHORT_SIDE <= min(sides) <= max(sides) < 2 * perturbation_test.SHORT_SIDE
    )


def test_without_attention_there_is_no_drift(classifier, photo, monkeypatch):
    outputs = classifier.engine.outputs
    monkeypatch.setattr(classifier.engine, "outputs", lambda *images: {"logit": outputs(*images)["logit"]})
    pixels = photo("cool", 300, 400)
    assert {
        copy.drift
        for copy in perturbation_test.judge_perturbed_copies(
            classifier, _png(pixels), classifier.analyse(pixels)
        )[0]
    } == {None}


# ---- a perturbation that only the registry knows ----


@pytest.fixture
def half(monkeypatch) -> Perturbation:
    entry = Perturbation("half", "Half", (scaled(0.5),), in_strip=True, ordinary=True)
    monkeypatch.setitem(PERTURBATIONS, entry.name, entry)
    return entry


def test_a_registered_perturbation_is_judged_with_the_strip(half, classifier, photo):
    pixels = photo("warm", 300, 400)
    perturbed, inputs = perturbation_test.judge_perturbed_copies(
        classifier, _png(pixels), classifier.analyse(pixels)
    )
    assert perturbed[-1].perturbation is half
    assert len(perturbed) == len(inputs) == 11


def test_a_registered_ordinary_perturbation_can_turn_a_verdict_unsure(half, bundle, copies):
    perturbed = copies(0.9, half=0.1)
    assert final_verdict(bundle, Verdict.AI, perturbed) is Verdict.UNSURE
    analysis = Analysis(Verdict.AI, 0.9, 0.0, 0.5, None, None, WHOLE, bundle.name)
    row = record(FileResult("a.png", analysis), bundle, perturbed=perturbed)
    assert row["turned_by"] == ["half"]


def _png(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
