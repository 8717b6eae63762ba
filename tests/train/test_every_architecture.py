"""Every architecture of the registry trains two steps, is saved as a bundle, loads, and judges and explains a
picture."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import keras
import numpy as np
import pytest

from detector import architectures
from detector.bundle import read_bundle
from detector.classifier import Classifier
from detector.datasets import load_dataset
from detector.explain import METHODS
from detector.images import read_image
from tests.support import timm_checkpoints
from tests.support.networks import NARROW, WITHOUT_ENCODER, smaller
from train.finish import write_bundle
from train.loop import Loop
from train.recipes import from_dict
from train.runs import RunDirectory
from ui import default_method

SETTINGS = {
    "backbone_weights": "none",
    "batch_size": 2,
    "sampling": {"images_per_epoch": 4},
    "frozen": {"epochs": 0},
    "finetune": {"epochs": 1, "unfreeze": "all", "batch_norm": "train"},
}


@pytest.fixture(scope="module")
def few(pictures):
    """Of each split one picture of each class."""
    dataset = load_dataset(pictures, check_files=False)
    rows = dataset.rows.groupby(["split", "y_true"], sort=False).head(1)
    return replace(dataset, rows=rows.reset_index(drop=True))


@pytest.fixture(autouse=True)
def _smaller():
    with smaller():
        yield


def trained(name: str, few, folder, say=lambda line: None, **changed) -> Classifier:
    settings = {**SETTINGS, **changed}
    recipe = from_dict({"name": name, "architecture": name, "architecture_arguments": {}, **settings})
    recipe = replace(recipe, architecture_arguments=NARROW.get(name, {}))
    run = RunDirectory.claim(folder / name)
    run.write("config.json", {"recipe": recipe.to_dict()})
    loop = Loop(run, recipe, few, lambda: False, say)
    network = loop.train()
    assert loop.position.epochs_done == 1
    bundle = write_bundle(run, recipe, few, network, "", lambda: False, lambda line: None)
    return Classifier(read_bundle(bundle))


@pytest.mark.parametrize("name", sorted(WITHOUT_ENCODER))
def test_it_trains_two_steps_and_its_bundle_loads_judges_and_explains(name, few, tmp_path, eager_steps):
    classifier = trained(name, few, tmp_path)
    architecture = classifier.bundle.architecture
    photo = read_image(few.path(few.rows["id"][0]))
    analysis = classifier.analyse(photo)
    assert 0 < analysis.y_score < 1
    assert (analysis.heatmap is not None) == architecture.has_attention
    first = default_method.default(classifier.bundle)  # tests/explain/test_methods.py has the others
    assert METHODS[first].quick(prod(architecture.grid))
    assert np.isfinite(classifier.explain(photo, first).values).all()


def test_a_model_that_began_with_published_weights_says_whose_in_log_and_card(
    few, tmp_path, monkeypatch, eager_steps
):
    name, said = "convnextv2-tiny", []
    assert timm_checkpoints.NARROW[name] == NARROW[name]
    arrays = timm_checkpoints.random_arrays(timm_checkpoints.shapes(name, NARROW[name]))
    file = timm_checkpoints.write(tmp_path / "model.safetensors", arrays)
    monkeypatch.setattr(keras.utils, "get_file", lambda *_, **__: str(file))
    model = trained(name, few, tmp_path, said.append, backbone_weights="imagenet")
    credit = architectures.get(name).published.credit
    assert "CC BY-NC 4.0" in credit and f"The backbone starts from {credit}." in said
    assert model.bundle.card["licence"] == f"not stated; began with the weights of {credit}"
