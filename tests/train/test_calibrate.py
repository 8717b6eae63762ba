"""``python -m train.calibrate``: a temperature for known and unknown sources, and what verdicts were worth
on the latter."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from detector.bundle import CARD, PREDICTIONS, read_bundle
from detector.datasets import leave_out, load_dataset
from detector.evaluation.calibration import calibrated
from detector.evaluation.predictions import Predictions, read_predictions, write_predictions
from tests.support.bundles import contents, trained
from train.calibrate import main, out_of_fold_rows, transfer
from train.model_card import SCOREBOARD
from train.recipes import Decision


def two_points(logit: float, right: int, wrong: int) -> pd.DataFrame:
    """Rows of both classes whose logits are +-``logit``, so many of them on the right and on the wrong
    side."""
    y_true = np.repeat([0, 1], right + wrong)
    side = np.tile(np.repeat([1, -1], [right, wrong]), 2) * np.where(y_true == 1, 1, -1)
    return pd.DataFrame({"y_true": y_true, "paired": True, "logit": side * logit})


@pytest.fixture(scope="module")
def hashes(sourced) -> dict[int, str]:
    """Fold -> the hash of what is left for it, of two."""
    dataset = load_dataset(sourced)
    return {fold: leave_out(dataset, fold, 2).manifest_hash for fold in (0, 1)}


@pytest.fixture(scope="module")
def finished(sourced, tmp_path_factory) -> Path:
    """The bundle of a real run."""
    return trained(sourced, tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def bundle(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "own"))


@pytest.fixture
def folds(finished, hashes, tmp_path) -> list[Path]:
    """Two folds, each of 12 pictures of its own with logits of +-3, of which a third is wrong; their
    models' temperature is 3."""
    made = [
        fold(finished, tmp_path / f"fold{number}" / "bundle", left_out_folds=2, left_out_fold=number)
        for number in (0, 1)
    ]
    for number, path in enumerate(made):
        edit(
            path,
            lambda card, number=number: card["training"]["dataset"].update(manifest_sha256=hashes[number]),
        )
    return made


def fold(finished: Path, path: Path, **settings) -> Path:
    shutil.copytree(finished, path)
    edit(
        path,
        lambda card: (
            card["training"]["settings"].update(settings),
            card["calibration"].update(temperature=3.0),
            card["decision"].update(threshold=0.5, unsure=[0.5, 0.5]),
        ),
    )
    rows = two_points(3.0, right=4, wrong=2).assign(
        split="unseen", source="s", generator="g", kind="k", delivery=None
    )
    rows["y_score"] = calibrated(rows["logit"], 3.0)
    rows["id"] = [f"{path.parent.name}/{number}" for number in range(len(rows))]
    delivered = rows.assign(delivery="web", logit=-rows["logit"])
    rewrite(path, pd.concat([rows, delivered]).reset_index(drop=True))
    return path


def rewrite(path: Path, rows: pd.DataFrame, sha256: str | None = None) -> None:
    write_predictions(Predictions(rows, sha256 or read_bundle(path).weights_sha256), path / PREDICTIONS)


def edit(path: Path, change) -> None:
    card = json.loads((path / CARD).read_text())
    change(card)
    (path / CARD).write_text(json.dumps(card))


def answered(rows: pd.DataFrame) -> pd.DataFrame:
    """With what a model without an unsure band makes of them."""
    return rows.assign(answered=True, wrong=(rows["logit"] >= 0) != (rows["y_true"] == 1))


def test_validation_and_left_out_pictures_count_the_same_however_many_there_are():
    val, left_out = two_points(2.0, right=9, wrong=1), two_points(np.log(9), right=120, wrong=80)
    # At its own temperature, 2 / ln 9, validation's log-odds are +-ln 9, too. Of all that counts (0.9 + 0.6)
    # / 2 = 3/4 is right: they should be ln 3.
    assert transfer(val, answered(left_out), Decision())["temperature"] == pytest.approx(
        2 / np.log(9) * 2, rel=1e-3
    )


def test_verdicts_stay_as_validation_has_them():
    val = pd.concat([two_points(1.0, right=3, wrong=1), two_points(4.0, right=8, wrong=0)])
    found = transfer(val, answered(two_points(1.0, right=3, wrong=1)), Decision(unsure_max_error=0.0))
    assert found["error_outside_unsure"] == 0 and found["share_unsure"] == pytest.approx(1 / 3)
    low, high = found["unsure"]
    assert (
        calibrated(-4, found["temperature"]) < low < calibrated(-1, found["temperature"])
        and found["chosen_on"] == "24 validation images"
    )


def test_what_verdicts_were_worth_on_left_out_sources_is_counted():
    left_out = answered(two_points(1.0, right=3, wrong=1))
    left_out.loc[[0, 1], "answered"] = False
    found = transfer(two_points(2.0, right=9, wrong=1), left_out, Decision())["on_left_out"]
    assert found == {
        "images": "8 images of sources left out of training",
        "share_unsure": 0.25,
        "error_outside_unsure": pytest.approx(2 / 6),
    }


def test_a_recipe_that_decides_on_paired_pictures_does_so_here():
    left_out = answered(
        pd.concat([two_points(1.0, right=3, wrong=1), two_points(1.0, right=3, wrong=1).assign(paired=False)])
    )
    found = transfer(two_points(2.0, right=9, wrong=1), left_out, Decision(calibrate_on="paired"))
    assert (
        found["fitted_on"]
        == "20 paired validation images and 8 paired images of sources left out of training, in equal parts"
    )


def test_each_fold_counts_at_its_own_temperature_and_without_its_delivered_copies(bundle, folds):
    rows = out_of_fold_rows(read_bundle(bundle), [read_bundle(each) for each in folds])
    assert len(rows) == 24 and rows["id"].is_unique and set(rows["logit"].abs()) == {1.0}


def test_write_changes_the_temperature_and_all_that_follows_from_it(bundle, folds, sourced, capsys):
    edit(bundle, lambda card: card.update(explanations={"made": "at another temperature"}))
    edit(folds[1], lambda card: card["training"]["settings"]["finetune"].update(epochs=4))
    before, verdicts = read_predictions(bundle / PREDICTIONS).rows, read_bundle(bundle).verdict
    assert main([str(bundle), "--folds", *map(str, folds), "--data", str(sourced), "--write"]) == 0
    found, own = json.loads(capsys.readouterr().out), read_bundle(bundle)
    assert (
        own.temperature == found["temperature"]
        and [*own.unsure] == found["unsure"]
        and own.threshold == found["threshold"]
    )
    assert (
        own.card["calibration"]["fitted_on"]
        == "24 validation images and 24 images of sources left out of training, in equal parts"
    )
    repeats = "python -m train.calibrate own --folds runs/fold0/bundle runs/fold1/bundle --data DATA --write"
    assert own.card["calibration"]["command"] == repeats and "explanations" not in own.card
    after = read_predictions(bundle / PREDICTIONS).rows
    np.testing.assert_allclose(after["y_score"], calibrated(before["logit"], own.temperature), rtol=1e-6)
    pd.testing.assert_frame_equal(after.drop(columns="y_score"), before.drop(columns="y_score"))
    assert [own.verdict(score) for score in after["y_score"]] == [
        verdicts(score) for score in before["y_score"]
    ]
    assert json.loads((bundle / SCOREBOARD).read_text())["threshold"] == own.threshold
    assert (
        own.card["metrics"].keys() == read_bundle(folds[0]).card["metrics"].keys()
        and own.card["metrics"]["validation"]["n"] == 24
    )
    assert own.card["limitations"][-1].endswith(
        "on 24 images of sources left out of training, models of its recipe (trained without a part of its"
        " sources; finetune.epochs 4 instead of 1) were unsure about 0.0% and wrong about 33.3% of the"
        " others."
    )


def test_without_write_nothing_changes(bundle, folds, sourced):
    before = contents(bundle)
    assert main([str(bundle), "--folds", *map(str, folds), "--data", str(sourced)]) == 0
    assert contents(bundle) == before


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ([{"left_out_folds": 0}], "left no sources out of its training"),
        ([{"left_out_folds": 2}], "Give the bundle of every fold, each once."),
        ([{"left_out_folds": 10**9}], "Give the bundle of every fold, each once."),
        ([{"left_out_folds": 2}, {"left_out_folds": 2}], "Give the bundle of every fold, each once."),
        (
            [{"left_out_folds": 2}, {"left_out_folds": 3, "left_out_fold": 1}],
            "is fold 1 of 3. Give the bundle of every fold, each once.",
        ),
        ([{"left_out_folds": 2, "name": "another"}], "is not of the recipe tiny-attention"),
        ([{"left_out_folds": 2, "name": None}], "does not say how it was trained"),
        ([{"left_out_folds": 2, "label_smoothing": 10**400}], "are not those of a training"),
    ],
)
def test_bundles_that_are_not_the_folds_of_the_recipe_get_a_sentence(
    bundle, finished, sourced, tmp_path, capsys, settings, sentence
):
    given = [
        fold(finished, tmp_path / f"given{number}" / "bundle", **each) for number, each in enumerate(settings)
    ]
    refused(bundle, given, sourced, capsys, sentence)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda rows: rows.assign(split="test"), "hold no left-out pictures"),
        (lambda rows: rows.drop(columns="split"), "do not name its left-out and paired pictures"),
        (lambda rows: rows.assign(paired="no"), "do not name its left-out and paired pictures"),
    ],
)
def test_predictions_that_do_not_name_left_out_pictures_get_a_sentence(
    bundle, folds, sourced, capsys, spoil, sentence
):
    rewrite(folds[1], spoil(read_predictions(folds[1] / PREDICTIONS).rows))
    refused(bundle, folds, sourced, capsys, sentence)


@pytest.mark.parametrize("stale", ["own", "fold"])
def test_predictions_of_other_weights_are_refused_not_written_back_as_the_bundles_own(
    bundle, folds, sourced, capsys, stale
):
    path = bundle if stale == "own" else folds[0]
    rewrite(path, read_predictions(path / PREDICTIONS).rows, sha256="0" * 64)
    refused(bundle, folds, sourced, capsys, "were made by other weights than the bundle's")


def test_folds_of_other_images_are_refused(bundle, folds, sourced, capsys):
    edit(folds[1], lambda card: card["training"]["dataset"].update(manifest_sha256="0" * 64))
    refused(
        bundle,
        folds,
        sourced,
        capsys,
        "These are not the images, labels and splits that bundle was trained with",
    )


def test_other_images_than_the_models_are_refused(bundle, folds, sourced, tmp_path, capsys):
    shutil.copytree(sourced, tmp_path / "others")
    manifest = tmp_path / "others" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("ai,train", "ai,test", 1))
    refused(bundle, folds, tmp_path / "others", capsys, "pictures it was trained on may be among them")


def test_a_fold_is_not_calibrated_itself(folds, sourced, capsys):
    refused(folds[0], folds, sourced, capsys, "is itself a fold")


def refused(bundle: Path, folds: list[Path], data: Path, capsys, sentence: str) -> None:
    before = contents(bundle)
    assert main([str(bundle), "--folds", *map(str, folds), "--data", str(data), "--write"]) == 2
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert complaint.startswith("train.calibrate: ") and sentence in complaint
    assert contents(bundle) == before
