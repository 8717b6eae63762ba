"""``python -m train.region_scores``: can a region map find a part that was put in?"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from detector.bundle import read_bundle
from detector.evaluation.localisation_scores import RegionScores
from train.region_scores import localisation, main, paste, summarise


def flat(value: int, height: int = 64, width: int = 96) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_what_is_pasted_lies_in_its_box_with_soft_edges():
    pixels, pasted = paste(flat(20), flat(220), (16, 32, 32, 48))
    assert pasted.sum() == 32 * 48 and pasted[16, 32] and not pasted[15, 32]
    assert pixels[32, 56].tolist() == pytest.approx([220] * 3, abs=8)
    assert pixels[2, 2].tolist() == pytest.approx([20] * 3, abs=8)
    assert 80 < pixels[16, 56, 0] < 160  # on its upper edge


def test_localisation_by_hand_leaves_out_parts_that_are_neither():
    """Four parts of 10 x 10: pasted whole, by a quarter, not, not. The first is above one of the others."""
    pasted = np.zeros((20, 20), bool)
    pasted[:10, :10] = True
    pasted[:5, 10:15] = True
    assert localisation(np.array([[0.5, 9.0], [0.0, 1.0]]), pasted) == 0.5
    assert localisation(np.zeros((2, 2)), np.zeros((20, 20), bool)) is None


def test_no_photo_is_said():
    with pytest.raises(ValueError, match="no photo with room"):
        summarise([], "nothing")


@pytest.fixture
def data(tmp_path, photo):
    """Of each split one source with two pictures of each class; those of val alone have room for parts."""
    rng, rows = np.random.default_rng(0), []
    for split, side in (("train", 20), ("val", 160), ("test", 20)):
        for label, kind in (("real", "cool"), ("ai", "warm")) * 2:
            name = f"{len(rows)}.png"
            grain = rng.integers(-9, 10, (side, side, 1))
            pixels = np.clip(photo(kind, side, side) + grain, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / name)
            rows.append({"file": name, "label": label, "split": split, "source": split, "group": len(rows)})
    pd.DataFrame(rows).to_csv(tmp_path / "manifest.csv", index=False)
    return tmp_path


def test_the_scores_become_part_of_the_card(spoilable_bundle, data, capsys):
    assert main(["--bundle", str(spoilable_bundle), "--data", str(data), "--write"]) == 0
    scores = read_bundle(spoilable_bundle).regions
    assert isinstance(scores, RegionScores) and scores.measured_on == "real photos of the split val"
    assert scores.ai.value == 1.0  # the tiny model knows warm pictures from cool ones
    assert json.loads(capsys.readouterr().out)["pictures"] == 2


def test_a_split_without_photos_is_said(spoilable_bundle, data, capsys):
    assert main(["--bundle", str(spoilable_bundle), "--data", str(data), "--split", "test"]) == 1
    assert "no photo with room" in capsys.readouterr().err
