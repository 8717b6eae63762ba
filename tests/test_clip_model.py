"""The model that ships and stands on CLIP: its bundle, its maps, and what it cannot serve."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from detector.bundle import (
    CARD,
    DEFAULT_BUNDLE,
    ENCODERS,
    MODEL_VARIABLE,
    SHIPPED_WEIGHTS,
    SMALL_BUNDLE,
    BundleError,
    default_bundle,
    encoder_file,
    find_bundle,
    list_bundles,
    load_network,
    read_bundle,
)
from detector.classifier import Classifier
from detector.explain import METHODS, Unavailable
from detector.explain.walkthrough import can_walk_through, walk_through
from detector.verdicts import Side
from ui import known_samples


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load(DEFAULT_BUNDLE)


@pytest.fixture(scope="module")
def flower() -> np.ndarray:
    return load_sample_image("flower.jpg")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A weights folder of its own, with a copy of the bundle and no encoder."""
    shutil.copytree(find_bundle(DEFAULT_BUNDLE), tmp_path / DEFAULT_BUNDLE)
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tmp_path))
    return tmp_path


def test_it_is_the_default_and_the_small_one_is_a_variable_away(monkeypatch):
    monkeypatch.delenv(MODEL_VARIABLE, raising=False)
    assert default_bundle() == DEFAULT_BUNDLE and list_bundles()[0] == DEFAULT_BUNDLE
    monkeypatch.setenv(MODEL_VARIABLE, SMALL_BUNDLE)
    assert default_bundle() == SMALL_BUNDLE
    monkeypatch.setenv(MODEL_VARIABLE, "../somewhere")
    assert default_bundle() == DEFAULT_BUNDLE


def test_the_bundle_holds_only_what_was_trained(classifier):
    shapes = {
        variable.shape for variable in classifier.bundle.architecture.trained(classifier.network).variables
    }
    assert (3, 768, 256) in shapes and all(
        np.prod(shape) < 768 * 768 or shape == (3, 768, 256) for shape in shapes
    )
    assert (classifier.bundle.path / "model.weights.h5").stat().st_size < 5_000_000


def test_a_photo_gets_a_verdict_and_a_map_of_its_patches(classifier, flower):
    analysis = classifier.analyse(flower)
    assert np.isfinite(analysis.logit) and 0 < analysis.y_score < 1
    assert analysis.heatmap.grid == (14, 14) and analysis.heatmap.values.sum() == pytest.approx(1, abs=1e-4)
    assert analysis.heatmap.values.min() >= 0
    assert analysis.attention is None


def test_rollout_is_the_map_that_came_with_the_verdict(classifier, flower):
    heatmap = classifier.explain(flower, "attention rollout")
    assert np.allclose(heatmap.values, classifier.analyse(flower).heatmap.values, atol=1e-3)


def test_a_batch_gives_what_each_picture_gives_alone(classifier, flower):
    views = [classifier.bundle.preprocessing(each) for each in (flower, flower[:, ::-1], flower[::-1])]
    together, _ = classifier.forward(np.stack(views))
    alone = [classifier.forward(view[None])[0][0] for view in views]
    assert together == pytest.approx(alone, abs=0.15)


@pytest.mark.parametrize("method", ("grad-cam", "token contributions"))
def test_methods_that_need_places_say_why_they_cannot_serve_it(classifier, flower, method):
    assert method in METHODS
    with pytest.raises(Unavailable):
        classifier.explain(flower, method)


def test_it_is_walked_through_and_leads_to_what_it_answers(classifier, flower):
    assert can_walk_through(classifier.bundle)
    walk = walk_through(classifier, flower)
    assert walk.difference < 1e-3 and len(walk.blocks) == 10 and walk.grid == (1, 3)
    analysis = classifier.analyse(flower)
    assert walk.logit == pytest.approx(analysis.logit, abs=0.15)  # two passes may be in bfloat16
    assert np.allclose(walk.heatmap.values, analysis.heatmap.values, atol=1e-3)


def test_a_missing_encoder_is_said_in_a_sentence(elsewhere, monkeypatch):
    monkeypatch.setattr("detector.bundle.SHIPPED_WEIGHTS", elsewhere)
    with pytest.raises(BundleError, match="needs the encoder"):
        load_network(read_bundle(elsewhere / DEFAULT_BUNDLE))


def test_a_bundle_elsewhere_finds_the_encoder_that_ships(elsewhere):
    bundle = read_bundle(elsewhere / DEFAULT_BUNDLE)
    assert encoder_file(bundle) == SHIPPED_WEIGHTS / ENCODERS / "clip-vit-b16.npz"


def test_another_encoder_is_refused_by_its_hash(elsewhere):
    (elsewhere / ENCODERS).mkdir()
    (elsewhere / ENCODERS / "clip-vit-b16.npz").write_bytes(b"another")
    with pytest.raises(BundleError, match="SHA-256"):
        load_network(read_bundle(elsewhere / DEFAULT_BUNDLE))


def test_a_card_without_the_encoders_hash_is_refused(elsewhere):
    path = elsewhere / DEFAULT_BUNDLE / CARD
    card = json.loads(path.read_text("utf-8"))
    del card["encoder"]
    path.write_text(json.dumps(card), "utf-8")
    with pytest.raises(BundleError, match="encoder"):
        read_bundle(elsewhere / DEFAULT_BUNDLE)


@pytest.mark.parametrize("sample", known_samples.SAMPLES, ids=lambda sample: sample.name)
def test_it_says_of_each_sample_what_the_page_claims_it_says(classifier, sample):
    (result,) = classifier.analyse_files([sample.path])
    assert result.analysis.verdict == sample.shipped_says


def test_the_samples_show_both_classes_and_one_that_it_gets_wrong():
    truths = [sample.truth for sample in known_samples.SAMPLES]
    assert truths.count(Side.REAL) >= 2 and truths.count(Side.AI) >= 2
    assert any(sample.is_called_wrongly for sample in known_samples.SAMPLES)
    sizes = [sample.path.stat().st_size for sample in known_samples.SAMPLES if sample.truth is Side.AI]
    assert sum(sizes) <= 300_000
