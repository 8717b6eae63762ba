"""Low-rank adaptation: what it changes, what it must not, and what it learns."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import train.adapt
import train.head
from detector import encoder_weights
from detector.architectures import clip_vit_b16_attention as fused
from detector.bundle import load_network, read_bundle
from detector.datasets import load_dataset
from detector.encoder_precision import ENCODER_DTYPE
from tests.support.networks import TINY_VIT, random_encoder
from train.adaptation import adapt, adapter_of, upper_network
from train.adapter_file import put, rank_of, read_adapter, write_adapter
from train.feature_store import write_part
from train.head import Rows, logits_of
from train.recipes import Recipe, load_recipe

pytestmark = pytest.mark.usefixtures("eager_steps")


@pytest.fixture
def recipe() -> Recipe:
    recipe = load_recipe(
        "clip-vit-b16-attention-adapted",
        [
            "finetune.learning_rate=3e-2",
            "finetune.learning_rate=5e-2",
            "finetune.ema_momentum=0",
            "sampling.images_per_epoch=512",
        ],
    )
    return replace(recipe, architecture=TINY_VIT.name, architecture_arguments={})


@pytest.fixture
def head() -> keras.Model:
    keras.utils.set_random_seed(0)
    return TINY_VIT.encoder.head()


@pytest.fixture
def network(recipe, head) -> keras.Model:
    return upper_network(TINY_VIT, recipe, "none", 0, head)


def pictures(n: int) -> Rows:
    """Tokens of a 4 x 4 grid after the first block; in AI-generated ones two neighbouring patches are alike,
    which only attention between patches sees."""
    rng = np.random.default_rng(n)
    tokens = rng.normal(size=(n, 17, 6)).astype(np.float32)
    y_true = np.arange(n) % 2
    tokens[y_true == 1, 1:9] = 2 * tokens[y_true == 1, 9:]
    tokens[:, 0] = 0
    rows = pd.DataFrame({"id": [str(i) for i in range(n)], "y_true": y_true, "paired": True, "source": "one"})
    return Rows(rows, tokens)


def frozen(network: keras.Model) -> dict[str, np.ndarray]:
    """Weights of the encoder's blocks, without what was added to them."""
    weights = [each for layer in network.layers if "block" in layer.name for each in layer.weights]
    return {each.path: np.array(each) for each in weights if "lora" not in each.path}


def test_above_a_block_the_network_answers_what_the_whole_one_does(recipe, head):
    whole = TINY_VIT.build(None)
    for layer in head.layers:
        whole.get_layer(layer.name).set_weights(layer.get_weights()) if layer.weights else None
    upper = TINY_VIT.encoder.upper(0)
    for layer in upper.layers:
        layer.set_weights(whole.get_layer(layer.name).get_weights()) if layer.weights else None
    views = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)
    tokens = keras.Model(whole.input, whole.get_layer("block0").output)(views)
    np.testing.assert_allclose(upper(tokens)["logit"], whole(views)["logit"], atol=1e-5)


def test_before_the_first_step_nothing_has_changed(recipe, head, network):
    judged = pictures(8)
    before = logits_of(network, judged.tokens)
    still = replace(recipe, finetune=replace(recipe.finetune, learning_rate=1e-12, weight_decay=0.0))
    adapt(network, TINY_VIT, 2, judged, judged, still, lambda line: None)
    np.testing.assert_allclose(logits_of(network, judged.tokens), before, atol=1e-5)


def test_the_encoders_own_weights_stay_and_queries_and_values_get_their_products(recipe, network):
    before = frozen(network)
    adapt(network, TINY_VIT, 2, pictures(64), pictures(32), recipe, lambda line: None)
    for path, weights in frozen(network).items():
        np.testing.assert_array_equal(weights, before[path])
    attention = network.get_layer("block1_attention")
    ranks = [attention.query_dense.lora_rank, attention.value_dense.lora_rank]
    assert ranks == [2, 2] and not attention.key_dense.lora_enabled


def test_its_loss_falls(recipe, network):
    train, val = pictures(512), pictures(256)
    history = adapt(network, TINY_VIT, 3, train, val, recipe, lambda line: None)
    assert history[-1]["loss"] < history[0]["loss"]


# ---- the model that ships, cut down to three blocks


@pytest.fixture
def three_blocks(monkeypatch, tmp_path) -> Path:
    """The architecture that ships reads its first three blocks, of which the upper two can be adapted; the
    file of an encoder with random weights."""
    monkeypatch.setenv(ENCODER_DTYPE, "float32")
    monkeypatch.setattr(fused, "READ", (0, 1, 2))
    monkeypatch.setattr(
        fused, "ADAPTED", tuple(f"block{number}/{matrix}" for number in (1, 2) for matrix in "qv")
    )
    encoder_weights.write(tmp_path / "clip-vit-b16.npz", random_encoder(blocks=3))
    return tmp_path / "clip-vit-b16.npz"


def random_adapter() -> dict[str, np.ndarray]:
    rng, shapes = np.random.default_rng(1), {"a": (768, 12, 2), "b": (2, 64)}
    return {
        f"{name}/{part}": rng.normal(size=shape, scale=0.1).astype(np.float32)
        for name in fused.ADAPTED
        for part, shape in shapes.items()
    }


def kernels(network: keras.Model, block: int) -> dict[str, np.ndarray]:
    attention = network.get_layer(f"clip_block{block}_attention")
    denses = {"q": attention.query_dense, "k": attention.key_dense, "v": attention.value_dense}
    return {name: np.asarray(dense.kernel).reshape(768, 768) for name, dense in denses.items()}


def test_an_adapter_is_added_to_upper_queries_and_values_head_by_head_and_to_nothing_else(three_blocks):
    plain, adapted, adapter = fused.build(three_blocks), fused.build(None, rank=2), random_adapter()
    put(adapted, adapter)
    fused.load_encoder(adapted, three_blocks)
    for block in range(3):
        before, after = kernels(plain, block), kernels(adapted, block)
        for matrix, kernel in before.items():
            if f"block{block}/{matrix}" in fused.ADAPTED:
                a, b = (adapter[f"block{block}/{matrix}/{part}"] for part in "ab")
                kernel = kernel + np.concatenate([a[:, head] @ b for head in range(12)], axis=1)
            np.testing.assert_allclose(after[matrix], kernel, atol=1e-5)


def test_what_was_adapted_above_a_block_answers_the_same_as_a_whole_network(three_blocks, recipe, tmp_path):
    recipe = replace(recipe, architecture="clip-vit-b16-attention", batch_size=8)
    recipe = replace(recipe, sampling=replace(recipe.sampling, images_per_epoch=16))
    views = np.random.default_rng(0).uniform(0, 255, (8, 224, 224, 3)).astype(np.float32)
    plain = fused.build(three_blocks)
    tokens = np.asarray(keras.Model(plain.input, plain.get_layer("clip_block0").output)(views))
    rows = pd.DataFrame({"id": list("abcdefgh"), "y_true": [0, 1] * 4, "paired": True, "source": "one"})
    stored = Rows(rows, tokens)
    keras.utils.set_random_seed(0)
    head = fused.head()
    upper = upper_network(fused.ARCHITECTURE, recipe, three_blocks, 0, head)
    adapt(upper, fused.ARCHITECTURE, 2, stored, stored, recipe, lambda line: None)
    write_adapter(tmp_path / "adapter.npz", adapter_of(upper))
    adapter = read_adapter(tmp_path / "adapter.npz")
    assert rank_of(adapter) == 2 and any(array.any() for name, array in adapter.items() if name.endswith("b"))
    whole = fused.build(None, rank=2)
    for layer in (layer for layer in head.layers if layer.weights):
        whole.get_layer(layer.name).set_weights(upper.get_layer(layer.name).get_weights())
    put(whole, adapter)
    fused.load_encoder(whole, three_blocks)
    np.testing.assert_allclose(whole(views)["logit"][:, 0], logits_of(upper, tokens), rtol=1e-3)


@pytest.mark.parametrize("content", [b"no archive", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_holds_no_adapter_is_refused(tmp_path, content):
    (tmp_path / "adapter.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"adapter\.npz|pickle"):
        read_adapter(tmp_path / "adapter.npz")


def test_an_adapter_of_another_encoder_is_refused(three_blocks):
    network = fused.head(rank=2)
    with pytest.raises(ValueError, match="another encoder"):
        put(network, {"block7/q/a": np.zeros((768, 12, 2)), "block7/q/b": np.zeros((2, 64))})


def test_from_stores_to_an_adapter_to_a_bundle_that_holds_it(three_blocks, sourced, tmp_path, capsys):
    rows, rng = load_dataset(sourced, check_files=False).rows, np.random.default_rng(0)
    keys, sizes = [(id, "") for id in rows["id"]], np.full((len(rows), 2), 60)
    tokens = rng.normal(size=(len(rows), 1, 197, 768)).astype(np.float16)
    write_part(tmp_path / "tokens", keys, tokens, sizes)
    write_part(tmp_path / "features", keys, tokens[:, :, :3], sizes)
    words = ["--data", str(sourced), "--features", str(tmp_path / "features"), "--encoder", str(three_blocks)]
    quick = [
        "frozen.epochs=1",
        "finetune.epochs=1",
        "finetune.learning_rate=5e-2",
        "finetune.warmup_steps=0",
        "sampling.images_per_epoch=8",
        "batch_size=8",
    ]
    words += [word for setting in quick for word in ("--set", setting)]
    adapter = tmp_path / "adapter.npz"
    options = ["--tokens", str(tmp_path / "tokens"), "--out", str(adapter), "--after", "0", "--rank", "2"]
    recipe = ["--recipe", "clip-vit-b16-attention-adapted"]
    assert train.adapt.main([*recipe, *words, *options, "--left-out-folds", "2"]) == 0
    assert "test, the encoder adapted: " in capsys.readouterr().out
    table = pd.read_parquet(tmp_path / "adapter-left-out.parquet")
    assert set(table["id"]) == set(rows["id"][rows["split"] == "train"]) and set(table["fold"]) == {0, 1}
    options = ["--adapter", str(adapter), "--left-out", str(tmp_path / "adapter-left-out.parquet")]
    assert train.head.main([*recipe, *words, *options, "--run-dir", str(tmp_path / "run")]) == 0
    bundle = read_bundle(tmp_path / "run" / "bundle")
    assert bundle.arguments["rank"] == 2 and "left out" in bundle.card["decision"]["chosen_on"]
    shutil.copy(three_blocks, bundle.path)
    loaded, plain, added = load_network(bundle), fused.build(three_blocks), read_adapter(adapter)
    difference = kernels(loaded, 2)["v"] - kernels(plain, 2)["v"]
    a, b = added["block2/v/a"], added["block2/v/b"]
    np.testing.assert_allclose(difference[:, :64], a[:, 0] @ b, atol=1e-5)
    assert np.abs(difference).max() > 1e-4
