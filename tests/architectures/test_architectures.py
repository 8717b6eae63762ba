"""Every entry of the registry is built and run; an architecture that is not tested cannot be listed."""

import inspect
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector import architectures
from detector.architectures import ARCHITECTURES
from tests.support.networks import NARROW

ROOT = Path(__file__).parents[2]
WITH_ATTENTION_HEAD = sorted(name for name, entry in ARCHITECTURES.items() if "attention" in entry.head)


@pytest.fixture(scope="module", params=sorted(ARCHITECTURES))
def built(request):
    """(registry entry, network with random weights, its outputs for two random images): built once, the
    largest ones narrow; an EfficientNet takes a few seconds."""
    architecture = ARCHITECTURES[request.param]
    network = architecture.build(None, **NARROW.get(request.param, {}))
    size = architecture.preprocessing.size
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype(np.float32)
    return (
        architecture,
        network,
        {name: np.asarray(value) for name, value in network(images, training=False).items()},
    )


def test_name_is_the_key():
    assert all(entry.name == key for key, entry in ARCHITECTURES.items())


def test_input_is_a_square_of_the_preprocessings_size(built):
    architecture, network, _ = built
    size = architecture.preprocessing.size
    assert network.input_shape == (None, size, size, 3)


def test_logit_is_one_float32_per_image(built):
    _, _, outputs = built
    assert (
        outputs["logit"].shape == (2, 1)
        and outputs["logit"].dtype == np.float32
        and np.isfinite(outputs["logit"]).all()
    )


def test_attention_is_float32_per_layer_and_head_where_there_is_any(built):
    """A vision transformer's twelve layers, each with its heads averaged; else the one layer of the head."""
    architecture, _, outputs = built
    if not architecture.has_attention:
        assert "attention" not in outputs
        return
    n = architecture.tokens
    layers, heads = (12, 1) if architecture.class_token else (1, architecture.arguments["heads"])
    assert outputs["attention"].shape == (2, layers, heads, n, n)
    assert outputs["attention"].dtype == np.float32


def test_attention_rows_sum_to_1(built):
    architecture, _, outputs = built
    if not architecture.has_attention:
        pytest.skip("no attention")
    assert (outputs["attention"] >= 0).all()
    np.testing.assert_allclose(outputs["attention"].sum(-1), 1, atol=1e-5)


def test_grid_is_the_feature_layers_size(built):
    architecture, network, _ = built
    if not architecture.feature_layer:
        assert architecture.class_token, "a class token is all that the head reads"
        return
    of_map = network.get_layer(architecture.feature_layer).output
    if not architecture.tokens_have_places:  # what its map is made of, the network says itself
        of_map = network.output["relevance"]
    assert of_map.shape[1:3] == architecture.grid


def test_head_names_layers_of_the_network(built):
    architecture, network, _ = built
    names = [layer.name for layer in network.layers]
    assert set(architecture.head) <= set(names)
    if not architecture.feature_layer:
        return
    assert names.index(architecture.feature_layer) < min(names.index(name) for name in architecture.head)


def test_everything_above_the_feature_layer_is_head(built):
    architecture, network, _ = built
    if not architecture.feature_layer or architecture.name == "resnet50-cifake":
        pytest.skip("no map, or one from further below, because the last has a single cell")
    names = [layer.name for layer in network.layers]
    assert set(names[names.index(architecture.feature_layer) + 1 :]) == set(architecture.head)


def test_a_neck_ends_in_the_feature_layer_and_what_is_in_neither_neck_nor_head_lies_below_both(built):
    architecture, network, _ = built
    names = [layer.name for layer in network.layers]
    own = architecture.neck + architecture.head
    assert architecture.neck[-1:] in ((), (architecture.feature_layer,))
    assert set(names[min(names.index(name) for name in own) :]) == set(own)


def test_defaults_are_those_of_build(built):
    architecture, _, _ = built
    parameters = list(inspect.signature(architecture.build).parameters.values())
    assert parameters[0].name == "backbone_weights" and parameters[0].default is None
    assert {parameter.name: parameter.default for parameter in parameters[1:]} == architecture.arguments


def test_defaults_are_written_once_in_the_signature_of_build():
    def build(backbone_weights=None, *, heads=2, residual=False):
        raise NotImplementedError

    architecture = replace(architectures.get("tiny-attention"), build=build)
    assert architecture.arguments == {"heads": 2, "residual": False}
    assert architecture.complete({"heads": 3}) == {"heads": 3, "residual": False}


def test_unknown_argument_is_refused_with_the_known_ones(built):
    architecture, _, _ = built
    with pytest.raises(ValueError, match="no argument tails.*dropout"):
        architecture.complete({"tails": 3})


def test_arguments_are_laid_over_the_defaults(built):
    architecture, _, _ = built
    assert architecture.complete({"dropout": 0.4}) == {**architecture.arguments, "dropout": 0.4}


def test_network_scales_pixels_by_itself():
    """0..255 goes in; the first layer makes it -1..1."""
    import keras

    architecture = architectures.get("tiny-attention")
    network = architecture.build(None)
    scaled = keras.Model(network.input, network.get_layer("rescaling").output)
    levels = np.float32([0, 127.5, 255]).reshape(3, 1, 1, 1) * np.ones((1, 32, 32, 3), np.float32)
    np.testing.assert_allclose(np.asarray(scaled(levels))[:, 0, 0, 0], [-1, 0, 1])


def test_efficientnet_has_the_published_head():
    architecture = architectures.get("efficientnetv2b0-attention")
    network = architecture.build(None)
    hidden, dropout, logit = (network.get_layer(name) for name in ("hidden", "dropout", "logit"))
    assert (
        hidden.units,
        hidden.activation.__name__,
        dropout.rate,
        logit.units,
        logit.activation.__name__,
    ) == (64, "relu", 0.6, 1, "linear")
    assert network.get_layer(architecture.feature_layer).output.shape[1:] == (7, 7, 1280)


def test_levels_are_averaged_over_patches_and_projected_to_the_same_width():
    import keras

    network = architectures.get("efficientnetv2b0-multilevel-attention").build(None, channels=5)
    level = keras.ops.convert_to_tensor(np.arange(28 * 28 * 48, dtype=np.float32).reshape(1, 28, 28, 48))
    patches = np.asarray(network.get_layer("level3_patches")(level))
    np.testing.assert_allclose(patches[0, 2, 3], np.asarray(level)[0, 8:12, 12:16].mean((0, 1)), rtol=1e-6)
    assert [network.get_layer(f"level{number}_projected").output.shape[1:] for number in range(2, 7)] == [
        (7, 7, 5)
    ] * 5
    assert network.get_layer("features").output.shape[1:] == (7, 7, 25)


def test_both_efficientnets_stand_on_the_same_backbone():
    def backbone(name: str) -> list[tuple]:
        architecture = architectures.get(name)
        layers = architecture.build(None).layers
        unnumbered = [
            layer for layer in layers if layer.name.startswith(("stem", "block", "top")) and layer.weights
        ]
        return [(layer.name, [weight.shape for weight in layer.weights]) for layer in unnumbered]

    assert backbone("efficientnetv2b0-attention") == backbone("efficientnetv2b0-multilevel-attention")


@pytest.mark.parametrize("name", WITH_ATTENTION_HEAD)
def test_heads_are_configurable(name):
    architecture = architectures.get(name)
    n = architecture.tokens
    assert architecture.build(None, heads=3).output["attention"].shape == (None, 1, 3, n, n)


@pytest.mark.parametrize("name", WITH_ATTENTION_HEAD)
def test_without_heads_the_logit_comes_from_the_average_token(name):
    network = architectures.get(name).build(None, heads=0)
    assert set(network.output) - {"relevance"} == {"logit"} and "attention" not in [
        layer.name for layer in network.layers
    ]


def test_every_head_has_rows_that_sum_to_1():
    outputs = architectures.get("tiny-attention").build(None, heads=2)(
        np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    )
    np.testing.assert_allclose(np.asarray(outputs["attention"])[0, 0].sum(-1), np.ones((2, 16)), atol=1e-5)


def test_without_residual_nothing_is_added():
    network = architectures.get("tiny-attention").build(None, residual=False)
    assert "attended" not in [layer.name for layer in network.layers]


def test_tiny_has_no_imagenet_weights():
    with pytest.raises(ValueError, match="no ImageNet weights"):
        architectures.get("tiny-attention").build("imagenet")


def test_unknown_architecture_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="no architecture called 'resnet'.*tiny-attention"):
        architectures.get("resnet")


def test_weights_fit_whatever_else_was_built_in_the_process(tmp_path):
    """Keras numbers unnamed layers per process; a file saved by one network must load into the next."""
    architecture = architectures.get("tiny-attention")
    first, second = architecture.build(None), architecture.build(None)
    first.save_weights(tmp_path / "w.weights.h5")
    second.load_weights(tmp_path / "w.weights.h5")
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_registry_needs_no_keras():
    code = (
        "import sys, detector.architectures as a; a.get('tiny-attention').complete({}); sys.exit('keras' in"
        " sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
