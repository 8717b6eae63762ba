"""The networks of the published systems: their sizes, their scaling of pixels, where their weights come
from, and the layers that no library has."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from detector import architectures
from detector.architectures.convnextv2 import EPSILON, _response_norm
from detector.architectures.imagenet import DEVIATION, MEAN, standardised


def images(size: int, count: int = 1) -> np.ndarray:
    """float32 (count, size, size, 3) in [0, 255]."""
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3)).astype(np.float32)


# ---- sizes

# Trained weights as published, with a classifier of 1,000 classes, and the channels that it reads.
PUBLISHED = {
    "resnet18": (11_689_512, 512),
    "vit-base-patch16": (86_567_656, 768),
    "vit-small-patch16": (22_050_664, 384),
    "convnextv2-tiny": (28_635_496, 768),
    "convnextv2-base": (88_717_800, 1024),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_network_has_as_many_weights_as_the_published_one(name):
    """But for the classifier, which has one class instead of a thousand."""
    published, channels = PUBLISHED[name]
    network = architectures.get(name).build(None)
    trained = sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)
    assert trained == published - 999 * (channels + 1)


@pytest.mark.parametrize(
    ("name", "argument", "largest"),
    [
        ("resnet18", "width", 256),
        ("vit-base-patch16", "width", 1280),
        ("vit-small-patch16", "heads", 384),
        ("convnextv2-tiny", "width", 352),
        ("convnextv2-base", "depth", 27),
    ],
)
def test_a_card_cannot_ask_for_a_network_that_takes_all_memory(name, argument, largest):
    for value in (0, largest + 1, 4096):
        with pytest.raises(ValueError, match=f"{argument} must be from 1 to {largest}, not {value}"):
            architectures.get(name).build(None, **{argument: value})


# ---- pixels


def test_resnet50_reads_pixels_as_caffe_did():
    network = architectures.get("resnet50-cifake").build(None)
    first = keras.Model(network.input, network.get_layer("conv1_pad").output)
    pixels = images(32)
    expected = keras.applications.resnet.preprocess_input(pixels.copy())
    np.testing.assert_allclose(np.asarray(first(pixels))[:, 3:-3, 3:-3], expected, atol=1e-4)


def test_standardised_pixels_have_imagenets_mean_and_deviation_taken_out():
    inputs = keras.Input((1, 1, 3))
    one_deviation_up = np.float32([[(np.array(MEAN) + np.array(DEVIATION)) * 255]])[None]
    np.testing.assert_allclose(keras.Model(inputs, standardised(inputs))(one_deviation_up), 1, rtol=1e-5)


@pytest.fixture
def downloaded(tmp_path, monkeypatch):
    """ImageNet's weights as Keras has them on its server, for EfficientNetB0: where the layer wants
    variances, deviations."""
    stored = keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=(224, 224, 3))
    (layer,) = (layer for layer in stored.layers if layer.name.startswith("normalization"))
    layer.adapt_mean.assign(np.array(MEAN, np.float32))
    layer.adapt_variance.assign(np.array(DEVIATION, np.float32))
    layer.finalize_state()
    file = tmp_path / "efficientnetb0_notop.weights.h5"
    stored.save_weights(file)
    monkeypatch.setattr("keras.src.applications.efficientnet.file_utils.get_file", lambda *a, **k: str(file))
    return file


def test_efficientnetb0_is_the_same_from_imagenet_from_its_file_and_from_a_bundle(downloaded, tmp_path):
    """Keras's own network with ImageNet's weights has one layer more than the one without."""
    build = architectures.get("efficientnetb0").build
    pixels = images(224)
    keras_own = keras.applications.EfficientNetB0(include_top=False, weights="imagenet")
    expected = np.asarray(keras_own(pixels, training=False))

    def features(network: keras.Model) -> np.ndarray:
        return np.asarray(keras.Model(network.input, network.get_layer("top_activation").output)(pixels))

    trained = build("imagenet")
    np.testing.assert_allclose(features(trained), expected, atol=1e-5)
    np.testing.assert_allclose(features(build(str(downloaded))), expected, atol=1e-5)
    trained.save_weights(tmp_path / "model.weights.h5")
    loaded = build(None)
    loaded.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_allclose(features(loaded), expected, atol=1e-5)


# ---- weights


def test_a_backbone_starts_from_a_file(tmp_path):
    build = architectures.get("resnet18").build
    first = build(None, width=4)
    kept = keras.Model(first.input, first.get_layer("stage4_block2_out").output)
    kept.save_weights(tmp_path / "backbone.weights.h5")
    again = build(str(tmp_path / "backbone.weights.h5"), width=4)
    pixels = images(224)
    of_again = keras.Model(again.input, again.get_layer("stage4_block2_out").output)
    np.testing.assert_allclose(np.asarray(of_again(pixels)), np.asarray(kept(pixels)), rtol=1e-5)


# ---- layers of our own


def test_resnet18_skips_every_second_place_from_the_first_one_on():
    """A kernel that is 1 in its middle and 0 elsewhere copies: of 224 places in a row the even ones stay."""
    network = architectures.get("resnet18").build(None, width=3)
    kernel = np.zeros((7, 7, 3, 3), np.float32)
    kernel[3, 3] = np.eye(3)
    stem = network.get_layer("stem")
    stem.set_weights([kernel])
    padded = network.get_layer("stem_padding")
    x = images(224)
    np.testing.assert_allclose(np.asarray(stem(padded(x))), x[:, ::2, ::2], atol=1e-4)


def test_response_normalisation_by_hand():
    """Two places, two channels: (3, 0), (4, 1). Norms 5 and 1, their mean 3: shares 5/3 and 1/3. With gamma
    (3, 6) and beta (1, 2): x + gamma x N + beta = 3 + 15 + 1, 0 + 0 + 2; 4 + 20 + 1, 1 + 2 + 2."""
    layer = _response_norm()()
    x = np.float32([[[[3, 0], [4, 1]]]])
    layer.build(x.shape)
    np.testing.assert_allclose(layer(x), x, err_msg="it begins as the identity")
    layer.set_weights([np.float32([3, 6]), np.float32([1, 2])])
    np.testing.assert_allclose(np.asarray(layer(x))[0, 0], [[19, 2], [25, 5]], rtol=10 * EPSILON)


def test_a_transformers_logit_comes_from_its_class_token_alone():
    network = architectures.get("vit-small-patch16").build(None, width=12, heads=2)
    tokens = np.random.default_rng(0).normal(size=(1, 197, 12)).astype(np.float32)
    read = network.get_layer("class_token")(tokens)
    np.testing.assert_array_equal(np.asarray(read), tokens[:, 0])
