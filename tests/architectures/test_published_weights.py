"""Weights that timm publishes: every array into its one place, the same numbers out as in timm, and a
sentence for every file that is another one."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

from detector import architectures
from detector.architectures.published_weights import HEAD_WIDTH
from tests.support.timm_checkpoints import NARROW, random_arrays, random_images, shapes, write

ROOT = Path(__file__).parents[2]
READ_BY_THE_CLASSIFIER = {
    "resnet18": "pooled",
    "vit-base-patch16": "class_token",
    "vit-small-patch16": "class_token",
    "convnextv2-tiny": "pooled_norm",
    "convnextv2-base": "pooled_norm",
}
"""The layer whose output timm's classifier would read."""

# The first of those features, as timm 1.0.31 computes them from ``random_images`` with ``random_arrays``.
OF_RESNET18 = (0.3378655, 4.5513620, 2.6826112, 0.0057241, 2.1329627, 2.4148262)
OF_VIT = (-0.6424278, -2.0543416, -1.0535047, 1.8365179, 1.3792382, -0.4764765)
OF_CONVNEXTV2 = (0.6192185, -1.7734593, 1.1918505, 1.1822755, -1.5715693, 0.2451418)
RECORDED = {
    "resnet18": OF_RESNET18,
    "vit-base-patch16": OF_VIT,
    "vit-small-patch16": OF_VIT,
    "convnextv2-tiny": OF_CONVNEXTV2,
    "convnextv2-base": OF_CONVNEXTV2,
}


def arrays_for(name: str) -> dict[str, np.ndarray]:
    return random_arrays(shapes(name, NARROW[name]))


def features(name: str, network: keras.Model) -> np.ndarray:
    """What the classifier reads, (channels,)."""
    read = keras.Model(network.input, network.get_layer(READ_BY_THE_CLASSIFIER[name]).output)
    return np.asarray(read(random_images(), training=False))[0]


# ---- the mapping


@pytest.fixture(scope="module", params=NARROW)
def started(request, tmp_path_factory) -> tuple[str, dict[str, np.ndarray], keras.Model]:
    """Name, the arrays of a file of timm's, and a network that began with it."""
    name, arrays = request.param, arrays_for(request.param)
    file = write(tmp_path_factory.mktemp("timm") / "model.safetensors", arrays)
    return name, arrays, architectures.get(name).build(str(file), **NARROW[name])


def test_every_number_of_timms_file_has_one_place_in_the_network(started):
    """All numbers of the network, sorted, but the new classifier's: those of the file, but its classifier's
    and the counts that Keras does not keep."""
    name, arrays, network = started
    classifier = architectures.get(name).published.classifier
    kept = [
        array.ravel()
        for each, array in arrays.items()
        if not each.startswith(classifier) and array.dtype == np.float32
    ]
    held = [
        weight.ravel() for layer in network.layers if layer.name != "logit" for weight in layer.get_weights()
    ]
    np.testing.assert_array_equal(np.sort(np.concatenate(held)), np.sort(np.concatenate(kept)))


def test_a_network_with_timms_weights_gives_what_timm_gives(started):
    """From pixels in [0, 255] on: scaling, padding, epsilons and activations are those of the weights."""
    name, _, network = started
    np.testing.assert_allclose(features(name, network)[:6], RECORDED[name], rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(find_spec("timm") is None, reason="timm is not installed")
@pytest.mark.parametrize("name", NARROW)
def test_the_timm_that_is_installed_has_the_same_arrays_and_gives_the_same(name, tmp_path):
    """At the published size, with random weights; and it is there that timm has its own choice of weights."""
    entry = architectures.get(name)
    model, _, tag = entry.published.repository.removeprefix("timm/").partition(".")
    command = [sys.executable, "-m", "tests.support.timm_features", model, str(tmp_path / "timm.npz")]
    subprocess.run(command, cwd=ROOT, check=True)
    theirs = np.load(tmp_path / "timm.npz")
    settings = json.loads(str(theirs["settings"]))
    assert (settings["hf_hub_id"], settings["tag"]) == (entry.published.repository, tag)
    assert entry.published.licence.lower().replace(" ", "-").startswith(settings["license"])
    found = {each: tuple(shape) for each, shape in json.loads(str(theirs["shapes"])).items()}
    assert found == shapes(name, entry.arguments)
    network = entry.build(str(write(tmp_path / "model.safetensors", random_arrays(found))))
    np.testing.assert_allclose(features(name, network), theirs["features"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NARROW)
def test_heads_of_a_published_transformer_are_64_numbers_wide(name):
    arguments = architectures.get(name).arguments
    if "heads" in arguments:
        assert arguments["width"] == HEAD_WIDTH * arguments["heads"]


# ---- where they come from


@pytest.mark.parametrize("name", ["resnet18", "vit-small-patch16", "convnextv2-tiny"])
def test_imagenet_is_downloaded_once_by_keras_from_where_it_was_published(name, tmp_path, monkeypatch):
    file = write(tmp_path / "model.safetensors", arrays_for(name))
    asked = []

    def get_file(fname, origin, **options):
        asked.append((fname, origin, options))
        return str(file)

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    entry = architectures.get(name)
    network = entry.build("imagenet", **NARROW[name])
    repository = entry.published.repository
    address = f"https://huggingface.co/{repository}/resolve/main/model.safetensors"
    kept = f"timm-{repository.removeprefix('timm/')}.safetensors"
    assert asked == [(kept, address, {"cache_subdir": "models"})]
    np.testing.assert_allclose(features(name, network)[:6], RECORDED[name], rtol=1e-4, atol=1e-4)


# ---- files that are others


def refusal(tmp_path, arrays: dict[str, np.ndarray], name: str = "vit-small-patch16", **arguments) -> str:
    file = write(tmp_path / "model.safetensors", arrays)
    with pytest.raises(ValueError) as refused:
        architectures.get(name).build(str(file), **{**NARROW[name], **arguments})
    return str(refused.value)


def test_a_file_of_another_network_is_refused(tmp_path):
    sentence = refusal(tmp_path, arrays_for("resnet18"))
    assert "is not what timm publishes for this network: patch_embed.proj.weight is missing." in sentence


def test_a_file_of_a_deeper_network_is_refused(tmp_path):
    arrays = arrays_for("vit-small-patch16")
    arrays["blocks.12.norm1.weight"] = arrays["blocks.0.norm1.weight"]
    sentence = refusal(tmp_path, arrays)
    assert "is of a larger network than this one: there is no place for blocks.12.norm1.weight." in sentence


def test_a_network_of_another_width_is_refused(tmp_path):
    sentence = refusal(tmp_path, arrays_for("vit-small-patch16"), width=192, heads=3)
    assert "layer patches has an array of shape (16, 16, 3, 192), the file's is (16, 16, 3, 128)" in sentence
    assert "want the architecture_arguments that they were published with" in sentence


def test_heads_that_the_weights_were_not_trained_with_are_refused(tmp_path):
    sentence = refusal(tmp_path, arrays_for("vit-small-patch16"), heads=4)
    assert "layer block0_attention has an array of shape (128, 4, 32), the file's is (128, 2, 64)" in sentence


def test_an_array_with_other_axes_is_refused(tmp_path):
    arrays = arrays_for("vit-small-patch16")
    for name in ("cls_token", "patch_embed.proj.weight", "blocks.0.attn.qkv.weight"):
        sentence = refusal(tmp_path, arrays | {name: arrays["norm.bias"]})
        assert "does not fit layer" in sentence


def test_a_file_that_is_not_whole_is_refused_with_what_to_do(tmp_path):
    file = write(tmp_path / "model.safetensors", arrays_for("vit-small-patch16"))
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"it ends before its last array does\. .* delete it"):
        architectures.get("vit-small-patch16").build(str(file), **NARROW["vit-small-patch16"])
