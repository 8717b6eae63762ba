"""``python -m train.calibrate``: a temperature for known and unknown sources, and what verdicts were worth on the latter."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from detector.bundle import CARD, PREDICTIONS, read_bundle
from detector.evaluation.calibration import calibrated
from detector.evaluation.predictions import Predictions, read_predictions, write_predictions
from train.calibrate import left_out_rows, main, transfer
from train.measured import SCOREBOARD
from train.recipes import Decision

ROOT = Path(__file__).parents[2]


def two_points(logit: float, right: int, wrong: int) -> pd.DataFrame:
    """Rows of both classes whose logits are +-``logit``, so many of them on the right and on the wrong side."""
    y_true = np.repeat([0, 1], right + wrong)
    side = np.tile(np.repeat([1, -1], [right, wrong]), 2) * np.where(y_true == 1, 1, -1)
    return pd.DataFrame({"y_true": y_true, "paired": True, "logit": side * logit})


@pytest.fixture(scope="module")
def finished(pictures, tmp_path_factory) -> Path:
    """The bundle of a real run."""
    run = tmp_path_factory.mktemp("runs") / "run"
    words = ["--recipe", "tiny-attention", "--data", str(pictures), "--run-dir", str(run), "--set", "finetune.epochs=1"]
    subprocess.run([sys.executable, "-m", "train", *words], cwd=ROOT, check=True, capture_output=True)
    return run / "bundle"


@pytest.fixture
def bundle(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "own"))


@pytest.fixture
def folds(finished, tmp_path) -> list[Path]:
    """Two folds, each of 12 pictures of its own with logits of +-3, of which a third is wrong; their models' temperature is 3."""
    return [fold(finished, tmp_path / f"fold{number}", left_out_folds=2, left_out_fold=number) for number in (0, 1)]


def fold(finished: Path, path: Path, **settings) -> Path:
    shutil.copytree(finished, path)
    edit(path, lambda card: (
        card["training"]["settings"].update(settings), card["calibration"].update(temperature=3.0),
        card["decision"].update(threshold=0.5, unsure=[0.5, 0.5]),
    ))  # fmt: skip
    rows = two_points(3.0, right=4, wrong=2).assign(split="unseen", source="s", generator="g", kind="k", delivery="")
    rows["y_score"] = calibrated(rows["logit"], 3.0)
    rows["id"] = [f"{path.name}/{number}" for number in range(len(rows))]
    delivered = rows.assign(delivery="web", logit=-rows["logit"])
    write_predictions(Predictions(pd.concat([rows, delivered]).reset_index(drop=True), read_bundle(path).weights_sha256), path / PREDICTIONS)
    return path


def edit(path: Path, change) -> None:
    card = json.loads((path / CARD).read_text())
    change(card)
    (path / CARD).write_text(json.dumps(card))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def answered(rows: pd.DataFrame) -> pd.DataFrame:
    """With what a model without an unsure band makes of them."""
    return rows.assign(answered=True, wrong=(rows["logit"] >= 0) != (rows["y_true"] == 1))


def test_validation_and_left_out_pictures_count_the_same_however_many_there_are():
    val, left_out = two_points(2.0, right=9, wrong=1), two_points(np.log(9), right=120, wrong=80)
    # At its own temperature, 2 / ln 9, validation's log-odds are +-ln 9, too. Of all that counts (0.9 + 0.6) / 2 = 3/4 is right: they should be ln 3.
    assert transfer(val, answered(left_out), Decision())["temperature"] == pytest.approx(2 / np.log(9) * 2, rel=1e-3)


def test_verdicts_stay_as_validation_has_them():
    val = pd.concat([two_points(1.0, right=3, wrong=1), two_points(4.0, right=8, wrong=0)])
    found = transfer(val, answered(two_points(1.0, right=3, wrong=1)), Decision(unsure_max_error=0.0))
    assert found["error_outside_unsure"] == 0 and found["share_unsure"] == pytest.approx(1 / 3)
    low, high = found["unsure"]
    assert calibrated(-4, found["temperature"]) < low < calibrated(-1, found["temperature"]) and found["chosen_on"] == "24 validation images"


def test_what_verdicts_were_worth_on_left_out_sources_is_counted():
    left_out = answered(two_points(1.0, right=3, wrong=1))
    left_out.loc[[0, 1], "answered"] = False
    found = transfer(two_points(2.0, right=9, wrong=1), left_out, Decision())["on_left_out"]
    assert found == {"images": "8 images of sources left out of training", "share_unsure": 0.25, "error_outside_unsure": pytest.approx(2 / 6)}


def test_a_recipe_that_decides_on_paired_pictures_does_so_here():
    left_out = answered(pd.concat([two_points(1.0, right=3, wrong=1), two_points(1.0, right=3, wrong=1).assign(paired=False)]))
    found = transfer(two_points(2.0, right=9, wrong=1), left_out, Decision(calibrate_on="paired"))
    assert found["fitted_on"] == "20 paired validation images and 8 paired images of sources left out of training, in equal parts"


def test_each_fold_counts_at_its_own_temperature_and_without_its_delivered_copies(bundle, folds):
    rows = left_out_rows(read_bundle(bundle), [read_bundle(each) for each in folds])
    assert len(rows) == 24 and rows["id"].is_unique and set(rows["logit"].abs()) == {1.0}


def test_write_changes_the_decision_and_all_that_follows_from_it(bundle, folds, pictures, capsys):
    edit(bundle, lambda card: card.update(explanations={"made": "at another temperature"}))
    before = read_predictions(bundle / PREDICTIONS).rows
    assert main([str(bundle), "--folds", *map(str, folds), "--data", str(pictures), "--write"]) == 0
    found, own = json.loads(capsys.readouterr().out), read_bundle(bundle)
    assert own.temperature == found["temperature"] and [*own.unsure] == found["unsure"] and own.threshold == found["threshold"]
    assert own.card["calibration"]["fitted_on"] == "24 validation images and 24 images of sources left out of training, in equal parts"
    repeats = f"python -m train.calibrate own --folds {folds[0].parent.name}/fold0 {folds[1].parent.name}/fold1 --data DATA"
    assert own.card["calibration"]["command"] == repeats and "explanations" not in own.card
    after = read_predictions(bundle / PREDICTIONS).rows
    np.testing.assert_allclose(after["y_score"], calibrated(before["logit"], own.temperature), rtol=1e-6)
    pd.testing.assert_frame_equal(after.drop(columns="y_score"), before.drop(columns="y_score"))
    assert json.loads((bundle / SCOREBOARD).read_text())["threshold"] == own.threshold
    assert own.card["metrics"].keys() == read_bundle(folds[0]).card["metrics"].keys() and own.card["metrics"]["validation"]["n"] == 24
    assert own.card["decision"]["on_left_out"]["share_unsure"] == 0 and found["on_left_out"]["error_outside_unsure"] == pytest.approx(1 / 3)
    told = "on 24 images of sources left out of training, models of its kind were unsure about 0.0% and wrong about 33.3% of the others."
    assert own.card["limitations"][-1].endswith(told)


def test_without_write_nothing_changes(bundle, folds, pictures):
    before = contents(bundle)
    assert main([str(bundle), "--folds", *map(str, folds), "--data", str(pictures)]) == 0
    assert contents(bundle) == before


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ([{"left_out_folds": 0}], "left no sources out of its training"),
        ([{"left_out_folds": 2}], "Fold 1 of 2 is missing."),
        ([{"left_out_folds": 2}, {"left_out_folds": 2}], "each be given once"),
        ([{"left_out_folds": 2}, {"left_out_folds": 3, "left_out_fold": 1}], "must all be of one number"),
        ([{"left_out_folds": 2, "name": "another"}], "is not of the recipe tiny-attention"),
    ],
)
def test_bundles_that_are_not_the_folds_of_the_recipe_get_a_sentence(bundle, finished, pictures, tmp_path, capsys, settings, sentence):
    given = [fold(finished, tmp_path / f"given{number}", **each) for number, each in enumerate(settings)]
    assert main([str(bundle), "--folds", *map(str, given), "--data", str(pictures), "--write"]) == 2
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert complaint.startswith("train.calibrate: ") and sentence in complaint


def test_a_fold_is_not_calibrated_itself_and_other_images_are_refused(bundle, folds, pictures, tmp_path, capsys):
    assert main([str(folds[0]), "--folds", *map(str, folds), "--data", str(pictures)]) == 2
    assert "fold0 is itself a fold" in capsys.readouterr().err
    shutil.copytree(pictures, tmp_path / "others")
    manifest = tmp_path / "others" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("ai,train", "ai,test", 1))
    assert main([str(bundle), "--folds", *map(str, folds), "--data", str(tmp_path / "others"), "--write"]) == 2
    assert "pictures it was trained on may be among them" in capsys.readouterr().err


def test_predictions_that_name_no_left_out_pictures_get_a_sentence(bundle, folds, pictures, capsys):
    shutil.copy(bundle / PREDICTIONS, folds[0] / PREDICTIONS)
    assert main([str(bundle), "--folds", *map(str, folds), "--data", str(pictures)]) == 2
    assert "name no left-out pictures" in capsys.readouterr().err


def test_a_card_that_does_not_say_how_it_was_trained_gets_a_sentence(bundle, folds, pictures, capsys):
    edit(bundle, lambda card: card.pop("training"))
    assert main([str(bundle), "--folds", *map(str, folds), "--data", str(pictures)]) == 2
    assert "does not say how it was trained" in capsys.readouterr().err
