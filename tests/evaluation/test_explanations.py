"""A card's word on explanations: what is written is read again, and what makes no sense is not believed."""

import copy
import json

import pytest

from detector.evaluation.intervals import Estimate
from detector.evaluation.method_scores import Explanations, MethodScore, from_card

FOUND = Explanations(
    "occlusion",
    3,
    "3 validation images",
    {
        "attention rollout": MethodScore(
            Estimate(0.01, -0.02, 0.04), Estimate(0.02, 0.01, 0.03), Estimate(0.5, 0.2, 0.8), 12.5
        ),
        "occlusion": MethodScore(
            Estimate(0.1, 0.05, 0.15), Estimate(0.2, 0.1, 0.3), Estimate(1.0, 0.6, 1.0), 500.0
        ),
    },
)


@pytest.fixture
def card() -> dict:
    return {"weights_sha256": "abc", "explanations": json.loads(json.dumps(FOUND.to_card("abc")))}


def test_a_card_is_read_as_it_was_written(card):
    read = from_card(card)
    assert (read.default, read.images, read.measured_on, dict(read.methods)) == (
        FOUND.default,
        3,
        FOUND.measured_on,
        dict(FOUND.methods),
    )


def test_card_holds_the_figures_by_their_names(card):
    found = card["explanations"]
    assert found["default"] == "occlusion" and found["images"] == 3
    assert found["methods"]["attention rollout"] == {
        "deletion_gain": 0.01,
        "deletion_gain_interval": [-0.02, 0.04],
        "insertion_gain": 0.02,
        "insertion_gain_interval": [0.01, 0.03],
        "win_rate_over_random": 0.5,
        "win_rate_over_random_interval": [0.2, 0.8],
        "ms_per_map": 12.5,
    }


def test_best_comes_first():
    assert [name for name, _ in FOUND.ranked] == ["occlusion", "attention rollout"]


def test_score_of_pictures_by_hand():
    score = MethodScore.of([0.1, -0.1, 0.3], [0.1, -0.3, -0.3], [0.01, 0.02, 0.5])
    assert score.deletion_gain.value == pytest.approx(0.1) and score.insertion_gain.value == pytest.approx(
        -0.5 / 3
    )
    assert score.win_rate_over_random.value == pytest.approx(1.5 / 3), "one wins, one loses, one is a draw"
    assert score.ms_per_map == 20 and score.gain == pytest.approx(-0.1 / 3)


def test_card_without_explanations_has_none():
    assert from_card({"weights_sha256": "abc"}) is None


def test_figures_of_other_weights_are_not_this_models(card):
    assert from_card(card | {"weights_sha256": "other"}) is None


HOSTILE = {
    "not an object": lambda found: "occlusion",
    "a list": lambda found: [found],
    "null": lambda found: None,
    "default that was not measured": lambda found: found | {"default": "tea leaves"},
    "default that is a list": lambda found: found | {"default": []},
    "no methods": lambda found: found | {"methods": {}},
    "methods as a list": lambda found: found | {"methods": ["occlusion"]},
    "too many methods": lambda found: (
        found | {"methods": {f"m{number}": found["methods"]["occlusion"] for number in range(21)}}
    ),
    "no images": lambda found: found | {"images": 0},
    "images as text": lambda found: found | {"images": "3"},
    "endless images": lambda found: found | {"images": float("inf")},
    "markup for a name": lambda found: (
        found | {"methods": found["methods"] | {"<script>": found["methods"]["occlusion"]}}
    ),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_hostile_fields_are_not_believed(card, change):
    assert from_card(card | {"explanations": change(card["explanations"])}) is None


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("deletion_gain", float("nan")),
        ("deletion_gain", 1.5),
        ("deletion_gain", "0.1"),
        ("deletion_gain", True),
        ("deletion_gain", None),
        ("insertion_gain", 0.9),
        ("win_rate_over_random", -0.1),
        ("ms_per_map", -1),
        ("ms_per_map", float("inf")),
        ("insertion_gain_interval", [0.1]),
        ("insertion_gain_interval", [0.3, 0.1]),
        ("insertion_gain_interval", "01"),
        ("insertion_gain_interval", None),
    ],
)
def test_hostile_figures_are_not_believed(card, figure, value):
    found = copy.deepcopy(card["explanations"])
    found["methods"]["occlusion"][figure] = value
    assert from_card(card | {"explanations": found}) is None


@pytest.mark.parametrize(
    "figure", ["deletion_gain", "insertion_gain_interval", "win_rate_over_random", "ms_per_map"]
)
def test_missing_figures_are_not_believed(card, figure):
    del card["explanations"]["methods"]["occlusion"][figure]
    assert from_card(card) is None


def test_bundle_reads_its_card(spoilable_bundle):
    from detector.bundle import read_bundle, write_card

    bundle = read_bundle(spoilable_bundle)
    assert bundle.explanations is None
    write_card(spoilable_bundle, bundle.card | {"explanations": FOUND.to_card(bundle.weights_sha256)})
    assert read_bundle(spoilable_bundle).explanations.default == "occlusion"
