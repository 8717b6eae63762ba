"""detector.compilation and what runs its results: the same answers as Keras, without it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from detector import architectures, compilation, compiled_network, encoder_precision
from detector.bundle import CARD, WEIGHTS, Bundle, BundleError, file_sha256, read_bundle, write_card
from detector.classifier import Classifier
from detector.encoder_precision import Precision
from detector.encoder_weights import quantised
from detector.engine import answering_with_insides, inner_outputs
from detector.explain import METHODS
from detector.explain.other_head import OtherHead
from tests.support.networks import PLAIN_NETWORK, TINY, TINY_VIT, TWO_LAYERS, built

ROOT = Path(__file__).parents[1]
WITHOUT_TENSORFLOW = """
import json, sys
import numpy as np
from detector.classifier import Classifier
from detector.explain import METHODS
from detector.explain.stage_maps import stage_maps
from detector.explain.walkthrough import walk_through
classifier = Classifier.load(sys.argv[1])
photo = np.load(sys.argv[2])
logit = classifier.analyse(photo).logit
maps = {name: classifier.explain(photo, name).values.tolist() for name in METHODS}
walk = walk_through(classifier, photo)
assert walk.difference < 1e-4 and len(stage_maps(classifier, walk.image)) == 2
classifier.sanity_check(photo, classifier.explain(photo, "grad-cam"))
loaded = [name for name in ("tensorflow", "keras") if name in sys.modules]
print(json.dumps({"logit": logit, "maps": maps, "loaded": loaded}))
"""


@pytest.fixture(autouse=True)
def compiled_forms_count(monkeypatch, tmp_path):
    monkeypatch.delenv(compiled_network.RUNTIME_VARIABLE)
    monkeypatch.setenv("TELLTALE_HOME", str(tmp_path / "home"))


@pytest.fixture
def spoilable(compiled_bundle, tmp_path) -> Path:
    return Path(shutil.copytree(compiled_bundle, tmp_path / "spoilable"))


def inputs(number: int) -> np.ndarray:
    """uint8 (number, 32, 32, 3)."""
    return np.random.default_rng(1).integers(0, 256, (number, 32, 32, 3)).astype(np.uint8)


@pytest.mark.parametrize("number", [1, 5])
def test_answers_are_those_of_keras(compiled_bundle, classifier, number):
    engine = Classifier.load(compiled_bundle).engine
    assert engine.compiled is not None
    found, expected = engine.outputs(inputs(number)), classifier.engine.outputs(inputs(number))
    assert found.keys() == expected.keys() == {"logit", "attention", "features"}
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-4)


@pytest.mark.parametrize("architecture", [TINY, TINY_VIT, TWO_LAYERS, PLAIN_NETWORK], ids=lambda a: a.name)
def test_the_insides_are_those_of_keras_and_outputs_only_where_asked_for(architecture, tmp_path):
    engine = built(architecture).engine
    network, bundle = engine.network, engine.bundle
    inner = inner_outputs(network, architecture)
    answers = answering_with_insides(network, bundle)
    compilation.save(answers, bundle.preprocessing.size, tmp_path / "network.xml", hidden=inner)
    np.savez(tmp_path / "head.npz")
    compiled = compiled_network.CompiledNetwork(tmp_path)
    size = bundle.preprocessing.size
    images = np.random.default_rng(1).integers(0, 256, (2, size, size, 3)).astype(np.uint8)
    assert compiled.outputs(images).keys() == engine.outputs(images).keys()
    found, expected = compiled.insides(images), engine.insides(images)
    assert found.keys() == expected.keys() == engine.outputs(images).keys() | inner.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-4 * max(1, np.abs(values).max()))


def test_verdict_every_map_and_how_it_works_come_without_tensorflow_and_are_those_of_keras(
    compiled_bundle, classifier, photo, tmp_path
):
    np.save(tmp_path / "photo.npy", photo("warm"))
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, str(compiled_bundle), str(tmp_path / "photo.npy")]
    folder = tmp_path / "user"
    folder.mkdir()
    environment = os.environ | {"HOME": str(folder)}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert list(folder.iterdir()) == []  # OpenVINO's telemetry would keep a visitor's number there
    found = json.loads(ran.stdout)
    assert found["loaded"] == []
    assert found["logit"] == pytest.approx(classifier.analyse(photo("warm")).logit, abs=1e-4)
    for name in METHODS:
        expected = classifier.explain(photo("warm"), name).values
        np.testing.assert_allclose(found["maps"][name], expected, atol=1e-4 * max(1, np.abs(expected).max()))


def test_the_form_of_other_weights_does_not_count(spoilable):
    card = json.loads((spoilable / CARD).read_text("utf-8"))
    weights = spoilable / "model.weights.h5"
    network = Classifier.load(spoilable).network
    network.get_layer("logit").set_weights([array + 1 for array in network.get_layer("logit").get_weights()])
    network.save_weights(weights)
    write_card(spoilable, {**card, "weights_sha256": file_sha256(weights)})
    other = read_bundle(spoilable)
    assert compiled_network.find(other) is None
    before = file_sha256(spoilable / "compiled" / "head.npz")
    compilation.compile_bundle(other)
    assert compiled_network.find(other) is not None
    assert file_sha256(spoilable / "compiled" / "head.npz") != before


def test_a_network_for_bfloat16_keeps_its_numbers_in_half_the_space(spoilable, classifier, monkeypatch):
    numbers = spoilable / "compiled" / "network.bin"
    before = numbers.stat().st_size
    for module in (compilation, compiled_network):
        monkeypatch.setattr(module, "precision_of", lambda bundle: Precision.BFLOAT16)
    bundle = read_bundle(spoilable)
    assert compiled_network.find(bundle) is None  # the form in float32 is that of another machine
    folder = compilation.compile_bundle(bundle)
    assert numbers.stat().st_size < 0.6 * before
    found = compiled_network.CompiledNetwork(folder).outputs(inputs(2))
    expected = classifier.engine.outputs(inputs(2))
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=5e-3 * max(1, np.abs(values).max()))


@pytest.fixture
def two_matrices():
    """A function of pictures through a matrix of whole numbers times scales, and through one that is none."""
    import tensorflow as tf

    generator = np.random.default_rng(0)
    whole, scale = quantised(generator.normal(size=(3072, 64)))
    other = generator.normal(size=(64, 64)).astype(np.float32)

    def function(images):
        flat = tf.reshape(tf.cast(images, tf.float32), (-1, 3072)) / 255
        return {"answer": flat @ (whole * scale) @ other}

    return function


@pytest.mark.parametrize("precision", list(Precision))
def test_a_form_keeps_its_numbers_as_finely_as_it_runs_with_them(two_matrices, tmp_path, precision):
    file = tmp_path / "network.xml"
    compilation.save(two_matrices, 32, file)
    compilation.shrink(file, precision)
    whole, other = 3072 * 64, 64 * 64
    expected = {
        Precision.FLOAT32: 4 * (whole + other),
        Precision.BFLOAT16: 2 * (whole + other),
        Precision.INT8: whole + 4 * (64 + other),
    }
    assert file.with_suffix(".bin").stat().st_size == pytest.approx(expected[precision], abs=100)
    answer = compiled_network.compiled(file)([inputs(3)])[0]
    tolerance = 5e-3 if precision == Precision.BFLOAT16 else 1e-5
    np.testing.assert_allclose(
        answer, two_matrices(inputs(3))["answer"], atol=tolerance * np.abs(answer).max()
    )


def test_int8_answers_nearly_as_float32_does(two_matrices, tmp_path):
    file = tmp_path / "network.xml"
    compilation.save(two_matrices, 32, file)
    compilation.shrink(file, Precision.INT8)
    answer = compiled_network.compiled(file, Precision.INT8)([inputs(3)])[0]
    np.testing.assert_allclose(answer, two_matrices(inputs(3))["answer"], atol=0.02 * np.abs(answer).max())


@pytest.mark.parametrize(
    ("flags", "precision", "dtype"),
    [
        ("avx512_bf16 avx512_vnni amx_bf16", Precision.BFLOAT16, "mixed_bfloat16"),
        ("avx512_bf16 avx512_vnni", Precision.INT8, "float32"),
        ("avx2 avx_vnni", Precision.INT8, "float32"),
        ("avx2 fma", Precision.FLOAT32, "float32"),
    ],
)
def test_the_processor_says_what_an_encoder_is_multiplied_in(monkeypatch, tmp_path, flags, precision, dtype):
    monkeypatch.setattr(encoder_precision.Path, "read_text", lambda *_: f"flags : fpu {flags} sse")
    assert (encoder_precision.fastest_precision(), encoder_precision.fast_dtype()) == (precision, dtype)
    monkeypatch.setenv(encoder_precision.ENCODER_DTYPE, "mixed_bfloat16")
    assert (encoder_precision.fastest_precision(), encoder_precision.fast_dtype()) == (
        Precision.BFLOAT16,
        "mixed_bfloat16",
    )


@pytest.mark.parametrize("name", ["network.xml", "network.bin", "head.npz"])
def test_a_form_that_was_changed_is_refused_in_a_sentence(spoilable, name):
    file = spoilable / "compiled" / name
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(BundleError, match=r"damaged or was replaced.*Delete the folder"):
        Classifier.load(spoilable)


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"files": 1}', "\ud800"])
def test_a_record_that_makes_no_sense_is_none(spoilable, record):
    (spoilable / "compiled" / "record.json").write_bytes(record.encode("utf-8", "surrogatepass"))
    assert compiled_network.find(read_bundle(spoilable)) is None


def test_where_the_bundle_cannot_be_written_to_its_form_lies_at_home(tiny_bundle, tmp_path, monkeypatch):
    bundle = read_bundle(shutil.copytree(tiny_bundle, tmp_path / "tiny"))
    writable = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != bundle.path and writable(path, mode))
    folder = compilation.compile_bundle(bundle)
    assert folder == tmp_path / "home" / "compiled" / bundle.weights_sha256
    assert compiled_network.find(bundle) == folder


def test_a_form_that_answers_otherwise_is_not_kept(tiny_bundle, tmp_path, monkeypatch):
    bundle = read_bundle(shutil.copytree(tiny_bundle, tmp_path / "tiny"))
    right = compiled_network.CompiledNetwork.outputs

    def wrong(self, images):
        return {name: values + 0.01 for name, values in right(self, images).items()}

    monkeypatch.setattr(compiled_network.CompiledNetwork, "outputs", wrong)
    with pytest.raises(BundleError, match="does not answer as the model does"):
        compilation.compile_bundle(bundle)
    assert sorted(path.name for path in bundle.path.iterdir() if path.is_dir()) == []


def test_keras_runs_where_the_variable_says_so(compiled_bundle, monkeypatch):
    monkeypatch.setenv(compiled_network.RUNTIME_VARIABLE, "keras")
    assert Classifier.load(compiled_bundle).engine.compiled is None


@pytest.mark.parametrize("method", METHODS)
def test_a_shuffled_head_changes_every_map_as_it_does_in_keras(compiled_bundle, photo, method):
    classifier = Classifier.load(compiled_bundle)
    found = classifier.sanity_check(photo("warm"), classifier.explain(photo("warm"), method))
    assert len(found.correlations) == 3 and found.correlation < 0.95
    assert isinstance(classifier._shuffled.engine, OtherHead)
    assert classifier.engine.compiled is not None


@pytest.mark.parametrize(
    "names", [{"logit"}, {"functional_1/logit/MatMul:0", "logit"}, {"a/logit/MatMul:0", "logit", "b:1"}]
)
def test_an_output_is_called_what_the_network_calls_it(names):
    assert compiled_network._name(names) == "logit"


def test_a_network_without_a_feature_map_is_compiled_as_it_is(tmp_path):
    """A vision transformer's head reads its class token alone."""
    architecture = architectures.get("vit-small-patch16")
    arguments = architecture.complete({"width": 12, "heads": 2})
    network = architecture.build(None, **arguments)
    network.save_weights(tmp_path / WEIGHTS)
    sha256 = file_sha256(tmp_path / WEIGHTS)
    bundle = Bundle(
        tmp_path, {}, architecture, arguments, architecture.preprocessing, 1.0, 0.5, (0.5, 0.5), sha256
    )
    write_card(tmp_path, {"weights_sha256": sha256})
    compilation.compile_bundle(bundle)
    images = np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3)).astype(np.uint8)
    found = compiled_network.load(bundle).outputs(images)
    assert found.keys() == {"logit", "attention"} and found["attention"].shape == (2, 12, 1, 197, 197)
    expected = network(images.astype(np.float32), training=False)
    np.testing.assert_allclose(found["logit"], np.asarray(expected["logit"]), atol=1e-4)


def test_whoever_runs_the_app_may_read_what_another_user_compiled(compiled_bundle):
    folder = compiled_bundle / "compiled"
    assert folder.stat().st_mode & 0o055 == 0o055
    assert all(file.stat().st_mode & 0o044 == 0o044 for file in folder.iterdir())


def test_converting_a_network_reports_nothing_to_the_makers_of_the_runtime():
    compiled_network.runtime()
    from openvino.tools.ovc import convert_impl

    assert convert_impl.tm.__name__ == "openvino.tools.ovc.telemetry_stub"


def test_keras_names_the_precision_of_an_encoder_as_compiled_forms_do(monkeypatch):
    monkeypatch.setenv(encoder_precision.ENCODER_DTYPE, "mixed_bfloat16")
    assert encoder_precision.precision_in_keras() == Precision.BFLOAT16
    monkeypatch.setenv(encoder_precision.ENCODER_DTYPE, "float32")
    assert encoder_precision.precision_in_keras() == Precision.FLOAT32
