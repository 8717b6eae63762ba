"""``python -m train.report``: a finished model judged again, as it is and after delivery."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from detector.bundle import CARD, PREDICTIONS, Bundle, BundleError, read_bundle
from detector.classifier import Classifier
from detector.datasets import load_dataset
from detector.evaluation.predictions import Predictions, read_predictions, write_predictions
from detector.images import read_image
from detector.perturbations import DELIVERY_CHAINS
from tests.support.bundles import contents, trained
from tests.support.networks import TINY_VIT, built
from train import report
from train.feature_store import fill, wanted, write_part
from train.model_card import SCOREBOARD, limitations
from train.predict import described
from train.report import cut, judge_stored, main


@pytest.fixture(scope="module")
def finished(pictures, tmp_path_factory) -> Path:
    """The bundle of a real run."""
    return trained(pictures, tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def bundle(finished, tmp_path) -> Path:
    """A copy as it was before there were deliveries: pictures as they are alone, no scoreboard, and a
    validation figure of its own."""
    folder = Path(shutil.copytree(finished, tmp_path / "old"))
    predictions = read_predictions(folder / PREDICTIONS)
    clean = predictions.rows[predictions.rows["delivery"] == ""].drop(columns="delivery")
    write_predictions(Predictions(clean, predictions.weights_sha256), folder / PREDICTIONS)
    card = json.loads((folder / CARD).read_text())
    card["metrics"] = {"validation": card["metrics"]["validation"]}
    (folder / CARD).write_text(json.dumps(card))
    (folder / SCOREBOARD).unlink()
    return folder


def test_a_run_judges_its_paired_test_pictures_after_every_delivery(finished):
    rows = read_predictions(finished / PREDICTIONS).rows
    assert rows.groupby("delivery", sort=False).size().to_dict() == {
        "": 24,
        "web": 12,
        "hard": 12,
        "chain": 12,
    }
    assert rows[rows["delivery"] != ""]["paired"].all()
    ids = rows[rows["delivery"] == ""].set_index("id")
    for _, copies in rows[rows["delivery"] != ""].groupby("delivery"):
        assert (ids.loc[copies["id"], "y_true"].to_numpy() == copies["y_true"].to_numpy()).all() and copies[
            "id"
        ].is_unique


def test_splits_are_cut_as_the_card_says_and_else_by_default(finished, tmp_path):
    folder = Path(shutil.copytree(finished, tmp_path / "other"))
    card = json.loads((folder / CARD).read_text())
    card["training"]["settings"] |= {"seed": 7, "split": {"val_share": 0.2, "test_share": 0.15}}
    (folder / CARD).write_text(json.dumps(card))
    assert cut(read_bundle(folder)) == {"seed": 7, "val_fraction": 0.2, "test_fraction": 0.15}
    del card["training"]
    (folder / CARD).write_text(json.dumps(card))
    assert cut(read_bundle(folder)) == {"seed": 0}


def test_damage_comes_before_preprocessing_and_the_size_is_that_of_what_arrived(finished, pictures):
    rows = read_predictions(finished / PREDICTIONS).rows
    classifier = Classifier.load(finished)
    for delivery in DELIVERY_CHAINS:
        row = rows[rows["delivery"] == delivery.name].iloc[3]
        arrived = delivery(read_image(pictures / row["id"]).pixels)
        logits, _ = classifier.forward(classifier.bundle.preprocessing(arrived)[None])
        assert row["logit"] == pytest.approx(logits[0], abs=1e-4) and (row["width"], row["height"]) == (
            arrived.shape[1],
            arrived.shape[0],
        )


def test_the_card_names_the_delivered_sets_and_says_when_nothing_was_shrunk(finished):
    card = json.loads((finished / CARD).read_text())
    assert list(card["metrics"]) == [
        "validation",
        "test",
        "test, paired",
        *(f"test, paired, {each.name}" for each in DELIVERY_CHAINS),
    ]
    sentence = next(
        sentence
        for sentence in card["limitations"]
        if sentence.startswith("Delivered pictures: on the set “test, paired”")
    )
    assert "already smaller than the limit of hard and web, which only compressed them again" in sentence


def test_write_brings_an_old_bundle_to_what_a_new_run_writes(finished, bundle, pictures, capsys):
    weights = (bundle / "model.weights.h5").read_bytes()
    assert main([str(bundle), "--data", str(pictures), "--write"]) == 0
    before, after = (json.loads((folder / CARD).read_text()) for folder in (finished, bundle))
    assert (
        after["limitations"] == before["limitations"] and after["metrics"].keys() == before["metrics"].keys()
    )
    assert (
        after["metrics"]["validation"] == before["metrics"]["validation"]
        and after["training"] == before["training"]
    )
    pd.testing.assert_frame_equal(
        read_predictions(bundle / PREDICTIONS).rows,
        read_predictions(finished / PREDICTIONS).rows,
        rtol=1e-4,
        atol=1e-5,
    )
    assert (
        json.loads((bundle / SCOREBOARD).read_text())["sets"].keys()
        == json.loads((finished / SCOREBOARD).read_text())["sets"].keys()
    )
    assert (
        (bundle / "model.weights.h5").read_bytes() == weights
        and read_bundle(bundle)
        and not list(bundle.glob("*.partial"))
    )
    printed = capsys.readouterr().out
    assert (
        printed.startswith("| rows | pictures | accuracy |")
        and "| test, paired, chain | 12 |" in printed
        and "| test: stripes |" in printed
    )


def test_what_a_teacher_said_in_training_is_no_part_of_predictions():
    rows = pd.DataFrame({"id": ["a"], "group": ["1"], "teacher_score": [0.5], "original_width": [9]})
    assert (
        list(described(rows))
        == list(described(rows.drop(columns="teacher_score")))
        == ["id", "original_width"]
    )


def test_without_write_nothing_changes(bundle, pictures, capsys):
    before = contents(bundle)
    assert main([str(bundle), "--data", str(pictures), "--json"]) == 0
    assert contents(bundle) == before and json.loads(capsys.readouterr().out)["sets"]["test"]["n"] == 24


def test_other_images_are_reported_on_with_a_warning_and_never_written(bundle, pictures, tmp_path, capsys):
    shutil.copytree(pictures, tmp_path / "others")
    manifest = tmp_path / "others" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("ai,train", "ai,test", 1))
    before = contents(bundle)
    assert main([str(bundle), "--data", str(tmp_path / "others"), "--write"]) == 2
    assert (
        "pictures it was trained on may be among them. Nothing is written." in capsys.readouterr().err
        and contents(bundle) == before
    )
    assert main([str(bundle), "--data", str(tmp_path / "others")]) == 0
    assert "pictures it was trained on may be among them" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "folder", "sentence"),
    [("nonesuch", ".", "There is no model"), (None, "nowhere", "does not exist")],
)
def test_a_wrong_bundle_or_folder_gets_a_sentence(bundle, tmp_path, capsys, name, folder, sentence):
    assert main([name or str(bundle), "--data", str(tmp_path / folder)]) == 2
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert complaint.startswith("train.report: ") and sentence in complaint


def test_some_of_the_rows_can_be_asked_for_and_then_nothing_is_written(bundle, pictures, capsys):
    command = [str(bundle), "--data", str(pictures), "--json", "--where"]
    assert main([*command, "split == 'test' and paired"]) == 0
    assert json.loads(capsys.readouterr().out)["sets"]["test"]["n"] == 12
    assert main([*command, "split == 'test'", "--write"]) == 2
    assert "Nothing is written" in capsys.readouterr().err
    assert main([*command, "nonsense +"]) == 2
    assert "'nonsense +' cannot be asked of the rows" in capsys.readouterr().err


def test_a_card_of_a_model_that_was_never_measured_after_delivery_has_no_sentence_about_it(finished):
    rows = pd.DataFrame({"id": ["a"], "y_true": [0], "y_score": [0.1], "logit": np.float32([-2])})
    sentences = limitations(
        read_bundle(finished).preprocessing,
        {"test": {"n": 1, "balanced_accuracy": 0.9}},
        {},
        rows,
        practice=False,
    )
    assert len(sentences) == 1


@pytest.mark.parametrize("found", [None, "much", {}, {"share_unsure": "a", "error_outside_unsure": 0.1}])
def test_a_card_with_nonsense_about_left_out_sources_gets_the_plain_sentence(finished, found):
    rows = pd.DataFrame({"id": ["a"], "y_true": [0], "y_score": [0.1], "logit": np.float32([-2])})
    decision = read_bundle(finished).card["decision"] | {"on_left_out": found}
    sentences = limitations(read_bundle(finished).preprocessing, {}, decision, rows, practice=False)
    assert sentences[-1].endswith("on other sources it is wrong more often.")


# ---- from stored features


@pytest.fixture
def on_an_encoder(tmp_path, monkeypatch) -> Bundle:
    """The tiny transformer, whose encoder stays as it is, as a bundle in memory."""
    classifier = built(TINY_VIT)
    monkeypatch.setattr(report, "load_network", lambda bundle: classifier.network)
    return classifier.bundle


def test_stored_features_give_the_rows_that_the_pictures_would(on_an_encoder, pictures, tmp_path):
    dataset = load_dataset(pictures)
    network = on_an_encoder.architecture.build(None)
    inner = keras.Model(network.input, network.get_layer("normed").input)
    inner.set_weights(report.load_network(on_an_encoder).get_weights()[: len(inner.weights)])
    preprocessing = on_an_encoder.preprocessing
    encode = lambda images: inner.predict_on_batch(images.astype(np.float32))  # noqa: E731
    fill(tmp_path, dataset, wanted(dataset.rows, perturbed=True), encode, preprocessing, lambda line: None)
    stored = judge_stored(on_an_encoder, dataset, str(tmp_path))
    judged = report.judge(on_an_encoder, dataset)
    keys = ["id", "delivery"]
    both = stored.merge(judged, on=keys, suffixes=("", "_of_pictures"))
    assert len(both) == len(judged) <= len(stored)  # a store may hold copies of unpaired pictures, too
    assert both["logit"].to_numpy() == pytest.approx(
        both["logit_of_pictures"].to_numpy(), abs=0.05
    )  # float16


def test_a_store_that_lacks_pictures_is_refused_in_a_sentence(on_an_encoder, pictures, tmp_path):
    dataset = load_dataset(pictures)
    with pytest.raises(BundleError, match="no stored features"):
        judge_stored(on_an_encoder, dataset, str(tmp_path))
    write_part(tmp_path, [("other", "")], np.zeros((1, 1, 2, 6)), np.ones((1, 2)))
    with pytest.raises(BundleError, match="are not in"):
        judge_stored(on_an_encoder, dataset, str(tmp_path))


def test_a_model_without_an_encoder_has_no_features_to_store(finished, pictures, tmp_path):
    with pytest.raises(BundleError, match="no frozen encoder"):
        judge_stored(read_bundle(finished), load_dataset(pictures), str(tmp_path))
