"""detector.bundle: a good bundle loads, every damaged one is refused with a sentence."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from detector import bundle as bundles
from detector.bundle import (
    BundleError,
    file_sha256,
    find_bundle,
    list_bundles,
    load_network,
    read_bundle,
    write_card,
)

ROOT = Path(__file__).parents[1]


def edit(folder, **changes):
    """Replace parts of a card: ``decision__threshold=2`` sets card["decision"]["threshold"]; ``...``
    deletes."""
    card = json.loads((folder / "card.json").read_text())
    for path, value in changes.items():
        *outer, last = path.split("__")
        part = card
        for name in outer:
            part = part[name]
        if value is ...:
            del part[last]
        else:
            part[last] = value
    (folder / "card.json").write_text(json.dumps(card))


def refusal(folder) -> str:
    """The sentence with which a bundle is refused."""
    with pytest.raises(BundleError) as caught:
        load_network(read_bundle(folder))
    sentence = str(caught.value)
    assert "Traceback" not in sentence and "\n" not in sentence and len(sentence) < 600
    return sentence


# ---- a good one


def test_good_bundle_is_read(tiny_bundle):
    bundle = read_bundle(tiny_bundle)
    assert (bundle.name, bundle.architecture.name) == ("tiny", "tiny-attention")
    assert (bundle.temperature, bundle.threshold, bundle.unsure) == (2.0, 0.5, (0.3, 0.7))
    assert bundle.preprocessing.size == 32 and bundle.arguments["heads"] == 1
    assert bundle.card["title"] == "Tiny test model"


def test_network_gets_the_files_weights(tiny_bundle):
    one, other = (load_network(read_bundle(tiny_bundle)).get_weights() for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True)) and any(a.any() for a in one)


def test_verdict_by_hand(tiny_bundle):
    bundle = read_bundle(tiny_bundle)
    assert [bundle.verdict(score) for score in (0, 0.29, 0.3, 0.31, 0.5, 0.69, 0.7, 1)] == ["real"] * 3 + [
        "unsure"
    ] * 3 + ["ai"] * 2


def test_verdict_without_a_band_is_decided_at_the_threshold(spoilable_bundle):
    edit(spoilable_bundle, decision__threshold=0.4, decision__unsure=[0.4, 0.4])
    bundle = read_bundle(spoilable_bundle)
    assert [bundle.verdict(score) for score in (0.39, 0.4, 0.41)] == ["real", "ai", "ai"]


def test_bundle_named_by_a_relative_path_has_a_name(tiny_bundle, monkeypatch):
    monkeypatch.chdir(tiny_bundle)
    assert read_bundle(".").name == "tiny"


def test_find_prefers_the_weights_folder_and_takes_paths(tiny_bundle, monkeypatch):
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tiny_bundle.parent))
    assert find_bundle("tiny") == find_bundle(tiny_bundle) == tiny_bundle


def test_find_says_which_models_there_are(tiny_bundle, monkeypatch):
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tiny_bundle.parent))
    with pytest.raises(BundleError, match="no model called 'nobody'.*tiny"):
        find_bundle("nobody")


def test_available_lists_folders_with_a_card_the_default_first(tmp_path, monkeypatch):
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tmp_path))
    for name in ("alpha", bundles.DEFAULT_BUNDLE, "zeta"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "card.json").touch()
    (tmp_path / "no-card").mkdir()
    assert list_bundles() == [bundles.DEFAULT_BUNDLE, "alpha", "zeta"]


def test_no_weights_folder_means_no_models(tmp_path, monkeypatch):
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tmp_path / "nothing"))
    assert list_bundles() == []


def test_card_is_written_whole(tmp_path):
    write_card(tmp_path, {"title": "Überprüfung"})
    assert os.listdir(tmp_path) == ["card.json"] and json.loads(
        (tmp_path / "card.json").read_text("utf-8")
    ) == {"title": "Überprüfung"}


def test_reading_a_bundle_needs_no_tensorflow(tiny_bundle):
    code = (
        "import sys, detector.bundle as b; b.read_bundle(sys.argv[1]); sys.exit(not {'keras',"
        " 'tensorflow'}.isdisjoint(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tiny_bundle)], cwd=ROOT).returncode == 0


# ---- damaged ones


def test_no_card(spoilable_bundle):
    (spoilable_bundle / "card.json").unlink()
    assert "has no card.json" in refusal(spoilable_bundle)


def test_no_weights(spoilable_bundle):
    (spoilable_bundle / "model.weights.h5").unlink()
    assert "has no model.weights.h5" in refusal(spoilable_bundle)


@pytest.mark.parametrize("kind", ["empty", "cut", "bytes", "deep", "digits"])
def test_card_that_is_not_json(spoilable_bundle, kind):
    digits = b'{"format": ' + b"9" * 10_000 + b"}"
    content = {"empty": b"", "cut": b"{", "bytes": b"\xff\xfe\x00", "deep": b"[" * 100_000, "digits": digits}[
        kind
    ]
    (spoilable_bundle / "card.json").write_bytes(content)
    assert "card.json" in refusal(spoilable_bundle)


def test_card_that_is_a_folder(spoilable_bundle):
    (spoilable_bundle / "card.json").unlink()
    (spoilable_bundle / "card.json").mkdir()
    assert "cannot be read" in refusal(spoilable_bundle)


@pytest.mark.parametrize("content", ["[]", "null", '"card"', "3"])
def test_card_that_is_not_an_object(spoilable_bundle, content):
    (spoilable_bundle / "card.json").write_text(content)
    assert "not a JSON object" in refusal(spoilable_bundle)


def test_other_format(spoilable_bundle):
    edit(spoilable_bundle, format=2)
    assert "its format is 2; this version of Telltale reads format 1" in refusal(spoilable_bundle)


@pytest.mark.parametrize(
    "field",
    ["format", "architecture", "labels", "calibration", "decision", "preprocessing", "weights_sha256"],
)
def test_missing_field_is_named(spoilable_bundle, field):
    edit(spoilable_bundle, **{field: ...})
    assert f"it has no {field!r}" in refusal(spoilable_bundle)


def test_unknown_architecture(spoilable_bundle):
    edit(spoilable_bundle, architecture__name="resnet")
    assert "no architecture called 'resnet'" in refusal(spoilable_bundle)


def test_unknown_argument(spoilable_bundle):
    edit(spoilable_bundle, architecture__arguments={"depth": 3})
    assert "no argument depth" in refusal(spoilable_bundle)


def test_labels_the_other_way_round(spoilable_bundle):
    edit(spoilable_bundle, labels={"0": "AI-generated", "1": "real"})
    assert "its labels are not" in refusal(spoilable_bundle)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf"), "0.5", None, True, [0.5], 10**400])
def test_threshold_that_is_no_number_from_0_to_1(spoilable_bundle, value):
    edit(spoilable_bundle, decision__threshold=value)
    assert "decision.threshold must be a number from 0 to 1" in refusal(spoilable_bundle)


@pytest.mark.parametrize("value", [0, -1, float("nan"), 1e9, "2"])
def test_temperature_out_of_range(spoilable_bundle, value):
    edit(spoilable_bundle, calibration__temperature=value)
    assert "calibration.temperature" in refusal(spoilable_bundle)


@pytest.mark.parametrize(
    "value",
    [
        [0.6, 0.7],
        [0.7, 0.3],
        [0.3],
        [0.3, 0.5, 0.7],
        [float("nan"), 0.7],
        "ab",
        None,
        {"low": 0.3, "high": 0.7},
    ],
)
def test_unsure_band_that_makes_no_sense(spoilable_bundle, value):
    edit(spoilable_bundle, decision__unsure=value)
    assert "is not valid" in refusal(spoilable_bundle)


@pytest.mark.parametrize(
    "changes",
    [
        {"preprocessing": []},
        {"preprocessing__size": "32"},
        {"preprocessing__size": 32.0},
        {"preprocessing__size": 34},  # fits short_side but not the network
        {"preprocessing__extra": 1},
        {"architecture": "tiny-attention"},
        {"architecture__name": ["tiny-attention"]},
        {"architecture__arguments": None},
        {"architecture__arguments": []},
        {"decision": 0.5},
        {"calibration": None},
        {"format": "x" * 1_000_000},
        {"architecture__name": "x" * 1_000_000},
    ],
    ids=lambda changes: f"{next(iter(changes))}={str(next(iter(changes.values())))[:20]}",
)
def test_odd_field(spoilable_bundle, changes):
    edit(spoilable_bundle, **changes)
    assert "is not valid" in refusal(spoilable_bundle)


@pytest.mark.parametrize(
    "value",
    [
        {"heads": "two"},
        {"heads": 10**12},
        {"heads": 1.0},
        {"key_dim": None},
        {"hidden": -1},
        {"residual": "false"},
    ],
    ids=str,
)
def test_argument_unlike_its_default(spoilable_bundle, value):
    edit(spoilable_bundle, architecture__arguments=value)
    assert f"architecture.arguments.{next(iter(value))} must be like" in refusal(spoilable_bundle)


@pytest.mark.parametrize("value", [{"key_dim": 0}, {"dropout": 7}], ids=str)
def test_argument_that_keras_refuses(spoilable_bundle, value):
    edit(spoilable_bundle, architecture__arguments=value)
    assert "do not fit" in refusal(spoilable_bundle)


def test_replaced_weights(spoilable_bundle):
    with open(spoilable_bundle / "model.weights.h5", "ab") as file:
        file.write(b"\0")
    assert "SHA-256 differs" in refusal(spoilable_bundle)


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_weights_of_another_shape(spoilable_bundle):
    from detector import architectures

    architectures.get("tiny-attention").build(None, hidden=17).save_weights(
        spoilable_bundle / "model.weights.h5"
    )
    edit(spoilable_bundle, weights_sha256=file_sha256(spoilable_bundle / "model.weights.h5"))
    assert "do not fit its architecture tiny-attention" in refusal(spoilable_bundle)


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_weights_that_lack_a_layer(spoilable_bundle):
    import h5py

    with h5py.File(spoilable_bundle / "model.weights.h5", "a") as file:
        del file["layers/multi_head_attention/query_dense"]
    edit(spoilable_bundle, weights_sha256=file_sha256(spoilable_bundle / "model.weights.h5"))
    assert "do not fit" in refusal(spoilable_bundle)


def test_weights_that_are_no_hdf5_file(spoilable_bundle):
    (spoilable_bundle / "model.weights.h5").write_bytes(b"\x80\x04cos\nsystem\n")
    edit(spoilable_bundle, weights_sha256=file_sha256(spoilable_bundle / "model.weights.h5"))
    assert "do not fit" in refusal(spoilable_bundle)


def test_weights_that_are_not_finite(spoilable_bundle):
    network = load_network(read_bundle(spoilable_bundle))
    network.get_layer("logit").bias.assign([np.nan])
    network.save_weights(spoilable_bundle / "model.weights.h5")
    edit(spoilable_bundle, weights_sha256=file_sha256(spoilable_bundle / "model.weights.h5"))
    assert "not finite" in refusal(spoilable_bundle)


# ---- weights that would harm whoever reads them


def rewritten(folder, change) -> str:
    """The refusal of the bundle after ``change(file)`` on its open HDF5 file, with the hash made right; and
    Keras must not have been asked to read anything."""
    import h5py
    import keras

    def read(self, *_, **__):
        pytest.fail("Keras was asked to read the file")

    with h5py.File(folder / "model.weights.h5", "a") as file:
        change(file)
    edit(folder, weights_sha256=file_sha256(folder / "model.weights.h5"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "load_weights", read)
        return refusal(folder)


def replaced(file, **settings) -> None:
    """One kernel is taken out and written again with other settings of h5py, by default of its own shape."""
    name = "layers/dense/vars/0"
    settings = {"shape": file[name].shape, "dtype": "f4"} | settings
    del file[name]
    file.create_dataset(name, **settings)


def test_weights_that_claim_gigabytes_and_store_nothing_are_refused_unread(spoilable_bundle):
    huge = {"shape": (2**10, 2**20 - 1), "chunks": (2**8, 2**10), "compression": "gzip"}
    sentence = rewritten(spoilable_bundle, lambda file: replaced(file, **huge))
    assert "do not fit its architecture" in sentence and "dense/vars/0" in sentence


def test_weights_of_a_shape_the_network_lacks_are_refused_unread(spoilable_bundle):
    values = np.zeros((3, 5, 7), np.float32)
    sentence = rewritten(spoilable_bundle, lambda file: replaced(file, shape=None, data=values))
    assert "dense/vars/0 of shape 3 x 5 x 7, which the network has no place for" in sentence


def test_more_arrays_of_a_shape_than_the_network_has_are_refused(spoilable_bundle):
    def copied(file):
        for number in range(20):
            file[f"more/{number}"] = file["layers/dense/vars/0"][()]

    assert "has no place for" in rewritten(spoilable_bundle, copied)


def test_right_shape_but_nothing_stored_is_refused(spoilable_bundle):
    sentence = rewritten(spoilable_bundle, lambda file: replaced(file, chunks=True))
    assert "does not hold that many values" in sentence


@pytest.mark.parametrize(
    "filters", [{"compression": "gzip"}, {"compression": "lzf"}, {"shuffle": True}], ids=str
)
def test_packed_weights_are_refused(spoilable_bundle, filters):
    assert "is packed" in rewritten(spoilable_bundle, lambda file: replaced(file, chunks=True, **filters))


def test_pieces_larger_than_the_array_are_refused(spoilable_bundle):
    chunks = {"maxshape": (None, None), "chunks": (2**12, 2**12)}
    assert "pieces of" in rewritten(spoilable_bundle, lambda file: replaced(file, **chunks))


@pytest.mark.parametrize("dtype", ["S1000000", "c8", [("a", "f4"), ("b", "f4")], "(1000,)f4"], ids=str)
def test_arrays_of_anything_but_numbers_are_refused(spoilable_bundle, dtype):
    sentence = rewritten(spoilable_bundle, lambda file: replaced(file, dtype=np.dtype(dtype)))
    assert "do not fit its architecture" in sentence


def test_arrays_of_references_and_of_texts_are_refused(spoilable_bundle):
    import h5py

    for dtype in (h5py.ref_dtype, h5py.string_dtype()):
        sentence = rewritten(spoilable_bundle, lambda file, dtype=dtype: replaced(file, dtype=dtype))
        assert "no array of numbers" in sentence


def test_an_array_that_is_empty_for_good_is_refused(spoilable_bundle):
    import h5py

    def emptied(file):
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = h5py.Empty("f4")

    assert "no array of numbers" in rewritten(spoilable_bundle, emptied)


@pytest.mark.parametrize("kind", ["soft", "soft to nowhere", "external"])
def test_links_in_the_weights_are_refused(spoilable_bundle, kind):
    import h5py

    def linked(file):
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = {
            "soft": h5py.SoftLink("/layers/dense/vars/1"),
            "soft to nowhere": h5py.SoftLink("/nowhere"),
            "external": h5py.ExternalLink("/etc/passwd", "/"),
        }[kind]

    assert "is a link to another place" in rewritten(spoilable_bundle, linked)


def test_a_group_inside_itself_is_refused(spoilable_bundle):
    def circle(file):
        file["layers/dense/again"] = file["layers"]

    assert "is there twice" in rewritten(spoilable_bundle, circle)


def test_values_in_another_file_are_refused(spoilable_bundle):
    (spoilable_bundle / "values").write_bytes(bytes(10_000))

    def external(file):
        shape = file["layers/dense/vars/0"].shape
        values = [(str(spoilable_bundle / "values"), 0, 4 * int(np.prod(shape)))]
        replaced(file, external=values)

    assert "lie in another place" in rewritten(spoilable_bundle, external)


def test_virtual_arrays_are_refused(spoilable_bundle):
    import h5py

    def virtual(file):
        name = "layers/dense/vars/0"
        shape = file[name].shape
        layout = h5py.VirtualLayout(shape=shape, dtype="f4")
        layout[:] = h5py.VirtualSource("other.h5", "values", shape=shape)
        del file[name]
        file.create_virtual_dataset(name, layout)

    assert "lie in another place" in rewritten(spoilable_bundle, virtual)


def test_groups_without_end_are_refused(spoilable_bundle):
    sentence = rewritten(spoilable_bundle, lambda file: file.create_group("a/" * 70 + "b"))
    assert "deep in each other" in sentence


def test_a_huge_attribute_is_refused(spoilable_bundle):
    def attribute(file):
        import h5py

        space = h5py.h5s.create_simple((2**13, 2**13))
        file.create_group("other", track_order=True)
        properties = file["other"].id
        h5py.h5a.create(properties, b"large", h5py.h5t.STD_I8LE, space)

    try:
        sentence = rewritten(spoilable_bundle, attribute)
    except (ValueError, RuntimeError, OSError):  # HDF5 itself does not write one
        pytest.skip("this HDF5 writes no such attribute")
    assert "too large" in sentence


@pytest.mark.parametrize(
    "value", [{"heads": 4096, "key_dim": 4096}, {"hidden": 4096, "key_dim": 64}], ids=str
)
def test_arguments_that_make_a_network_of_gigabytes_are_refused(spoilable_bundle, value):
    edit(spoilable_bundle, architecture__arguments=value)
    assert "too large" in refusal(spoilable_bundle)


def test_a_card_of_many_megabytes_is_refused(spoilable_bundle):
    with open(spoilable_bundle / "card.json", "ab") as file:
        file.truncate(2**24 + 1)
    assert "larger than 16 MB" in refusal(spoilable_bundle)


def test_a_card_that_is_a_pipe_is_refused_and_not_waited_for(spoilable_bundle):
    (spoilable_bundle / "card.json").unlink()
    os.mkfifo(spoilable_bundle / "card.json")
    assert "it is not a file" in refusal(spoilable_bundle)


def test_a_card_with_text_that_is_no_unicode_is_refused(spoilable_bundle):
    edit(spoilable_bundle, title="a\ud800b")
    assert "no Unicode" in refusal(spoilable_bundle)


# ---- folders whose names are no UTF-8

LATIN_1 = os.fsdecode(b"mod\xe8le")


@pytest.fixture
def latin_bundle(tiny_bundle, tmp_path):
    try:
        return Path(shutil.copytree(tiny_bundle, tmp_path / LATIN_1))
    except OSError:
        pytest.skip("this file system takes UTF-8 only")


def test_a_bundle_in_a_folder_that_is_no_utf8_loads(latin_bundle):
    bundle = read_bundle(latin_bundle)
    assert bundle.name == "mod\\xe8le" and load_network(bundle).count_params()


@pytest.mark.parametrize("damaged", ["card.json", "model.weights.h5"])
def test_refusing_a_bundle_in_a_folder_that_is_no_utf8_can_be_printed(latin_bundle, damaged):
    (latin_bundle / damaged).write_bytes(b"no")
    assert b"mod\\xe8le" in refusal(latin_bundle).encode("utf-8")


def test_a_bundle_whose_name_no_page_can_show_is_not_listed(latin_bundle, monkeypatch):
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(latin_bundle.parent))
    assert list_bundles() == []
    with pytest.raises(BundleError) as caught:
        find_bundle(LATIN_1 + "s")
    assert "mod\\xe8les" in str(caught.value)
