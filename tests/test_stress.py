"""The delivery stress strip: hand-computed drift, what flips a verdict, and one batch for all copies."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from detector import stress
from detector.bundle import read_bundle
from detector.explain import Heatmap
from detector.preprocessing import Region
from detector.stress import DAMAGES, ORDINARY, Stressed, drift, flips, settled

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
    # Not aligned: columns from 1/8 on, 1/4 wide. The first takes half of each of 0.1 and 0.15, the second of 0.15 and 0.45: 0.125 and 0.3.
    assert drift(before, WHOLE, heatmap([[0.5, 0.5]]), Region(0.125, 0, 0.625, 1)) == pytest.approx(0.5 - 0.125 / 0.425)


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

    def make(y_score: float, **other: float) -> list[Stressed]:
        return [Stressed(damage, other.get(damage.name.replace("-", "_"), y_score), 0.0, None, None) for damage in DAMAGES]

    return make


@pytest.fixture
def bundle(tiny_bundle):
    """Threshold 0.5, unsure from 0.3 to 0.7."""
    return read_bundle(tiny_bundle)


def test_ordinary_is_a_part_of_the_strip():
    names = [damage.name for damage in DAMAGES]
    assert len(names) == len(set(names)) == 10
    assert set(ORDINARY) < set(names)


def test_a_verdict_that_ordinary_damage_turns_around_becomes_unsure(bundle, copies):
    stressed = copies(0.9, jpeg_70=0.1, size_50=0.2)
    assert [copy.damage.name for copy in flips(bundle, "ai", stressed)] == ["jpeg-70", "size-50"]
    assert settled(bundle, "ai", stressed) == "unsure"
    assert settled(bundle, "real", copies(0.1, screenshot=0.8)) == "unsure"


def test_damage_that_only_makes_the_model_unsure_turns_nothing_around(bundle, copies):
    assert settled(bundle, "ai", copies(0.9, jpeg_70=0.5)) == "ai"


def test_hard_damage_overrules_nothing(bundle, copies):
    assert settled(bundle, "ai", copies(0.9, jpeg_30=0.1, crop=0.1, blur=0.1, size_25=0.1, jpeg_50=0.1)) == "ai"


def test_an_unsure_verdict_stays_unsure_and_nothing_flips_it(bundle, copies):
    assert flips(bundle, "unsure", copies(0.9)) == []
    assert settled(bundle, "unsure", copies(0.9)) == "unsure"


def test_another_threshold_judges_the_copies_too(bundle, copies):
    strict = replace(bundle, threshold=0.95, unsure=(0.95, 0.95))
    assert settled(strict, "ai", copies(0.97, jpeg_90=0.9)) == "unsure"
    assert settled(bundle, "ai", copies(0.97, jpeg_90=0.9)) == "ai"


# ---- the real thing ----


def test_all_copies_pass_in_one_batch_and_are_judged_as_files_of_their_own(classifier, photo, monkeypatch):
    pixels = photo("warm", 300, 400)
    analysis = classifier.analyse(pixels)
    batches, forward = [], classifier.forward
    monkeypatch.setattr(classifier, "forward", lambda images: batches.append(len(images)) or forward(images))
    stressed, seen = stress.stress(classifier, _png(pixels), analysis)
    assert batches == [10]
    assert [copy.damage for copy in stressed] == list(DAMAGES)
    for copy, image in zip(stressed, seen, strict=True):
        alone = classifier.analyse(copy.damage(pixels))
        assert copy.logit == pytest.approx(alone.logit, abs=1e-4)
        assert copy.y_score == pytest.approx(alone.y_score, abs=1e-4)
        assert 0 <= copy.drift < 1
        np.testing.assert_array_equal(image, classifier.bundle.preprocessing(copy.damage(pixels)))


def test_a_crop_is_compared_with_the_part_it_left(classifier):
    """A plain grey picture looks the same after a crop: the map is the same, and lies on the middle of what it lay on before."""
    pixels = np.full((300, 300, 3), 128, np.uint8)
    analysis = classifier.analyse(pixels)
    crop = next(copy for copy in stress.stress(classifier, _png(pixels), analysis)[0] if copy.damage.name == "crop")
    assert crop.drift == pytest.approx(drift(analysis.heatmap, WHOLE, analysis.heatmap, Region(0.1, 0.1, 0.9, 0.9)), abs=1e-4)


def test_a_large_picture_is_reduced_before_it_is_damaged(classifier, monkeypatch):
    sides = []
    real = type(DAMAGES[0]).__call__
    monkeypatch.setattr(type(DAMAGES[0]), "__call__", lambda self, pixels: sides.append(min(pixels.shape[:2])) or real(self, pixels))
    pixels = np.random.default_rng(0).integers(0, 256, (2400, 3000, 3), np.uint8)
    stress.stress(classifier, _png(pixels), classifier.analyse(pixels))
    assert len(sides) == 10 and stress.SHORT_SIDE <= min(sides) <= max(sides) < 2 * stress.SHORT_SIDE


def test_without_attention_there_is_no_drift(classifier, photo, monkeypatch):
    forward = classifier.forward
    monkeypatch.setattr(classifier, "forward", lambda images: (forward(images)[0], None))
    pixels = photo("cool", 300, 400)
    assert {copy.drift for copy in stress.stress(classifier, _png(pixels), classifier.analyse(pixels))[0]} == {None}


def _png(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
