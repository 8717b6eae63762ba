"""``python -m train.explanation_scores``: its own command line; what it finds and writes is tested with the
benchmark that wraps it."""

from __future__ import annotations

import pytest

from detector.bundle import read_bundle
from train.explanation_scores import main


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
