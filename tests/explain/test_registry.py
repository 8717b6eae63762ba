"""A method or an architecture that only its registry knows works wherever the registry is used."""

import json
from math import prod

import numpy as np
import pytest

from detector.architectures import ARCHITECTURES
from detector.bundle import CARD, read_bundle
from detector.classifier import Classifier
from detector.explain import METHODS, Heatmap, Method
from detector.explain.heatmap import RELATIVE
from detector.explain.patches import Patches
from detector.verdicts import Side
from tests.support.networks import PLANTED_NETWORK, TINY, noise
from ui import default_method

FIGURES = ("deletion_gain", "insertion_gain", "win_rate_over_random")


def _mean_red(job, image, towards) -> Heatmap:
    """How red each patch is, and one look at the network, as a method takes."""
    job.forward(image)
    patches = Patches(image, job.engine.bundle.architecture.grid)
    alone = np.eye(patches.n, dtype=bool)
    reds = [patches.keeping(mask)[..., 0].mean() for mask in alone]
    values = np.array(reds, np.float32).reshape(patches.grid)
    return Heatmap(values, "redness", unit=RELATIVE, towards=towards or Side.AI)


@pytest.fixture
def redness(monkeypatch) -> Method:
    method = Method(
        name="redness",
        title="Redness",
        sentence="How red each patch is.",
        caption="How red it is, for {side}",
        signed=False,
        pictures=lambda n: 1,
        available=lambda architecture: None,
        run=_mean_red,
    )
    monkeypatch.setitem(METHODS, method.name, method)
    return method


@pytest.fixture(scope="module")
def tiny(made) -> Classifier:
    return made(TINY)


def test_a_registered_method_explains_and_is_tested_like_the_others(redness, tiny):
    heatmap = tiny.explain(noise(), "redness", towards="real")
    assert (heatmap.method, heatmap.towards) == ("redness", Side.REAL)
    (curves,) = tiny.faithfulness(noise(), [heatmap], random_pairs=1)
    assert curves.method == "redness"
    assert tiny.sanity_check(noise(), heatmap).correlation == pytest.approx(1)


def test_a_registered_method_captions_its_maps(redness, tiny):
    heatmap = tiny.explain(noise(), "redness", towards=Side.REAL)
    assert redness.caption_of(heatmap) == "How red it is, for real"


def test_a_registered_method_that_was_found_most_faithful_is_what_the_pages_show(redness, spoilable_bundle):
    card = json.loads((spoilable_bundle / CARD).read_text())
    figures = dict.fromkeys(FIGURES, 0.5) | {f"{name}_interval": [0, 1] for name in FIGURES}
    card["explanations"] = {
        "default": "redness",
        "images": 200,
        "measured_on": "validation images",
        "weights_sha256": card["weights_sha256"],
        "methods": {"redness": figures | {"ms_per_map": 1}},
    }
    (spoilable_bundle / CARD).write_text(json.dumps(card))
    bundle = read_bundle(spoilable_bundle)
    assert default_method.default(bundle) == "redness"
    assert default_method.quick(bundle) == "redness"


def test_another_side_than_the_two_is_refused(tiny):
    with pytest.raises(ValueError):
        tiny.explain(noise(), "grad-cam", towards="unsure")


@pytest.mark.parametrize("name", METHODS)
def test_only_a_method_that_asks_the_network_patch_by_patch_is_slow(name):
    assert METHODS[name].quick(prod((4, 4))) == (name != "occlusion")


def test_captions_name_the_side_only_where_a_map_speaks_for_one(tiny):
    heatmaps = {name: tiny.explain(noise(), name, towards=Side.AI) for name in METHODS}
    assert {name: METHODS[name].caption_of(heatmap) for name, heatmap in heatmaps.items()} == {
        "attention rollout": "Overall attention: what each patch receives",
        "token contributions": "What each patch adds to the logit",
        "grad-cam": "Where features speak for AI-generated",
        "occlusion": "How far the logit falls without each patch",
    }


def test_a_registered_architecture_is_read_from_a_card_and_judges_pictures(monkeypatch, made):
    monkeypatch.setitem(ARCHITECTURES, PLANTED_NETWORK.name, PLANTED_NETWORK)
    bundle = made(PLANTED_NETWORK).bundle
    card = {
        "format": 1,
        "architecture": {"name": PLANTED_NETWORK.name, "arguments": {}},
        "labels": {"0": "real", "1": "AI-generated"},
        "calibration": {"temperature": 1.0},
        "decision": {"threshold": 0.5, "unsure": [0.5, 0.5]},
        "preprocessing": PLANTED_NETWORK.preprocessing.to_card(),
        "weights_sha256": bundle.weights_sha256,
    }
    (bundle.path / CARD).write_text(json.dumps(card))
    classifier = Classifier(read_bundle(bundle.path))
    assert classifier.analyse(noise()).heatmap.grid == (4, 4)
    for method in METHODS:
        assert classifier.explain(noise(), method).grid == (4, 4)
