"""``python -m train.explanation_scores``: its own command line; what it finds and writes is tested with the
benchmark that wraps it."""

from __future__ import annotations

import pytest

from detector.bundle import read_bundle
from detector.explain import attention_rollout
from pages.classify import maps
from pages.evaluate.explanations_tab import sentences
from train.explanation_scores import main, summarise


def test_the_scores_become_part_of_the_card(spoilable_bundle, photo_folder, capsys):
    words = ["--bundle", str(spoilable_bundle), "--folder", str(photo_folder), "--images", "1", "--write"]
    assert main(words) == 0
    scores = read_bundle(spoilable_bundle).explanations
    assert scores.images == 1 and scores.measured_on == "1 images of a folder"
    assert f"Shown first: {scores.default}" in capsys.readouterr().out


def test_without_pictures_it_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2 and "--data --folder is required" in capsys.readouterr().err


def row(occlusion: float, rollout: float) -> dict:
    """One picture: gains of both methods, of which occlusion takes ten seconds."""

    def figures(gain: float, seconds: float) -> dict[str, float]:
        return {"deletion_gain": gain, "insertion_gain": gain, "seconds": seconds}

    return {"scores": {"occlusion": figures(occlusion, 10.0), attention_rollout.NAME: figures(rollout, 0.1)}}


def test_a_map_that_is_waited_for_too_long_does_not_come_first_however_faithful():
    result = summarise([row(0.2, 0.1), row(0.3, -0.1)], "two pictures")
    assert (result.default, result.most_faithful) == (attention_rollout.NAME, "occlusion")
    told = " ".join(sentences(result))
    assert (
        "**Occlusion is the most faithful method for this model.** Attention rollout is shown first" in told
    )
    help_text = maps._measured(result)
    assert "Occlusion was the most faithful to this model, over 2 pictures." in help_text
    assert "Attention rollout comes first because it is there 100 times as soon" in help_text
    assert "**Attention rollout loses:** its order beats a random one on 50% of the pictures" in told


def test_where_every_map_is_slow_the_most_faithful_comes_first():
    slow = {"scores": {"occlusion": row(0.2, 0.1)["scores"]["occlusion"]}}
    assert summarise([slow], "one picture").default == "occlusion"
