"""Heads on stored features: what a store keeps, and a training from it to a bundle."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from detector.architectures.attention_head import TILE_LOGIT
from detector.datasets import load_dataset
from detector.evaluation.calibration import fit_temperature
from detector.preprocessing import Preprocessing
from tests.train.conftest import write_pictures
from train.decision import decide_for_unknown_sources
from train.feature_store import Features, fill, missing, stored_keys, wanted, write_part
from train.head import Rows, judged, logits_of, train_head, train_tile_head
from train.recipes import Decision, load_recipe


@pytest.fixture
def store(tmp_path):
    """Two parts: pictures a and b as they are, and a after "web"."""
    tokens = np.arange(12, dtype=np.float32).reshape(2, 1, 3, 2)
    write_part(tmp_path, [("a", ""), ("b", "")], tokens, np.array([[4, 3], [2, 1]]))
    write_part(tmp_path, [("a", "web")], tokens[:1] + 100, np.array([[2, 2]]))
    return tmp_path


def test_a_store_gives_back_what_was_put_in_by_picture_and_perturbation(store):
    features = Features.read(store)
    tokens, sizes = features.of(pd.Series(["b", "a"]))
    assert (
        tokens.dtype == np.float32
        and tokens[:, 0, 0].tolist() == [6, 0]
        and sizes.tolist() == [[2, 1], [4, 3]]
    )
    assert features.of(pd.Series(["a"]), "web")[0][0, 0, 0] == 100
    assert features.has(pd.Series(["a", "b", "c"]), "web").tolist() == [True, False, False]


def test_what_is_stored_is_not_made_again(store):
    assert missing({"a": ["", "web"], "b": ["", "web"], "c": [""]}, store) == {"b": ["web"], "c": [""]}


def test_of_what_is_stored_no_token_is_read_to_know_that_it_is_there(tmp_path):
    tokens = np.full((1, 1, 50, 1000), 7.0, np.float16)
    write_part(tmp_path, [("a", "")], tokens, np.array([[4, 3]]))
    (part,) = tmp_path.glob("*.npz")
    part.write_bytes(part.read_bytes().replace(tokens.tobytes(), bytes(tokens.nbytes)))
    with pytest.raises(BadZipFile):
        Features.read(tmp_path)
    assert stored_keys(tmp_path) == {("a", "")} and stored_keys(tmp_path, tiles=True) == set()


def test_a_store_is_read_into_its_place_and_takes_no_room_twice(tmp_path):
    for name in "abcdefgh":
        write_part(tmp_path, [(name, "")], np.ones((1, 3, 100, 1000)), np.array([[4, 3]]))
    tracemalloc.start()
    features = Features.read(tmp_path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1.5 * (features.tokens.nbytes + features.tiles.nbytes)


def test_parts_with_unlike_tiles_are_refused_in_a_sentence(store):
    for tiles in (1, 2):
        write_part(store, [("b", "")], np.ones((1, 1 + tiles, 3, 2)), np.array([[2, 1]]))
    with pytest.raises(ValueError, match="unlike tokens or numbers of tiles"):
        Features.read(store)


def test_an_unfinished_part_is_not_read(store):
    (store / "1.partial").write_bytes(b"half")
    assert len(Features.read(store).places) == 3


def test_an_empty_store_is_said_to_be_one(tmp_path):
    with pytest.raises(ValueError, match="no stored features"):
        Features.read(tmp_path)


def test_tiles_are_stored_beside_the_whole_where_they_were_asked_for(store):
    tiled = np.arange(18, dtype=np.float32).reshape(1, 3, 3, 2)
    write_part(store, [("b", "")], tiled, np.array([[2, 1]]))
    features = Features.read(store)
    assert features.has(pd.Series(["a", "b"]), tiles=True).tolist() == [False, True]
    assert features.of(pd.Series(["b"]))[0].tolist() == tiled[:, 0].tolist()  # the newest
    assert features.tiles_of(pd.Series(["b"])).tolist() == tiled[:, 1:].tolist()
    assert missing({"a": [""], "b": [""]}, store, tiles=True) == {"a": [""]}


def test_views_are_the_whole_then_each_tile(tmp_path):
    """A picture whose quarters are grey of 0, 80, 160 and 240; the "encoder" tells a view's brightness."""
    levels = np.array([[0, 80], [160, 240]], np.uint8).repeat(64, axis=0).repeat(64, axis=1)
    folder = write_pictures(tmp_path / "data", count=40)
    dataset = load_dataset(folder)
    id = dataset.rows["id"].iloc[0]
    Image.fromarray(np.dstack([levels] * 3)).save(dataset.path(id), "PNG")

    def brightness(images: np.ndarray) -> np.ndarray:
        return images.mean((1, 2))[:, None]

    preprocessing = Preprocessing(32, 32, 90, tiles=4)
    fill(tmp_path / "store", dataset, {id: [""]}, brightness, preprocessing, lambda line: None)
    features, only = Features.read(tmp_path / "store"), pd.Series([id])
    np.testing.assert_allclose(features.of(only)[0][:, :, 0], [[120]], atol=2)
    np.testing.assert_allclose(features.tiles_of(only)[0, :, 0, 0], [0, 80, 160, 240], atol=2)


def test_perturbed_are_the_pictures_that_a_finished_model_is_measured_on():
    rows = pd.DataFrame({"id": list("abcd"), "split": ["train", "val", "test", "unseen2"]})
    names = ["", "web", "hard", "chain"]
    assert wanted(rows, perturbed=True) == {"a": [""], "b": [""], "c": names, "d": names}
    assert set(map(tuple, wanted(rows, perturbed=False).values())) == {("",)}


def test_delivered_at_random_are_the_others():
    rows = pd.DataFrame({"id": list("abc"), "split": ["train", "val", "test"]})
    copies = ["", "delivered-1", "delivered-2"]
    assert wanted(rows, perturbed=False, delivered=2) == {"a": copies, "b": copies, "c": [""]}


def test_copies_of_a_picture_differ_and_are_the_same_each_time(tmp_path):
    dataset = load_dataset(write_pictures(tmp_path / "data", count=40))
    id = dataset.rows["id"].iloc[0]
    keys = {id: ["", "delivered-1", "delivered-2"]}
    for name in ("first", "again"):
        fill(tmp_path / name, dataset, keys, lambda x: x[:, 0], Preprocessing(32, 32, 90), lambda line: None)
    first, again = (Features.read(tmp_path / name) for name in ("first", "again"))
    assert np.array_equal(first.tokens, again.tokens)
    wholes = [first.of(pd.Series([id]), name)[0] for name in keys[id]]
    assert not np.array_equal(wholes[0], wholes[1]) and not np.array_equal(wholes[1], wholes[2])


def test_deliveries_are_drawn_with_their_probability():
    """Copies are marked by 1 and 2, pictures as they are by 0."""
    rows = pd.DataFrame({"id": ["a", "b"]})
    delivered = np.ones((2, 2, 1, 1), np.float32) * [[[[1]], [[2]]]]
    train = Rows(rows, np.zeros((2, 1, 1), np.float32), delivered.astype(np.float32))
    rng, chosen = np.random.default_rng(0), np.zeros(4000, int)
    drawn = train.drawn(chosen, 0.5, rng)[:, 0, 0]
    assert [np.mean(drawn == kind) for kind in (0, 1, 2)] == pytest.approx([0.5, 0.25, 0.25], abs=0.03)
    assert not train.drawn(chosen, 0.0, rng).any() and not train.tokens.any()
    with pytest.raises(ValueError, match="asks for delivered copies"):
        replace(train, delivered=None).drawn(chosen, 0.5, rng)


def test_a_head_that_wants_deliveries_says_which_are_missing(store):
    rows = pd.DataFrame({"id": ["a", "b"], "y_true": [0, 1]})
    features = Features.read(store)
    with pytest.raises(ValueError, match="asks for delivered copies"):
        Rows.of(rows, features).with_deliveries(features)
    write_part(store, [("a", "delivered-1")], np.ones((1, 1, 3, 2)), np.ones((1, 2)))
    with pytest.raises(ValueError, match="copy delivered-1 of 1 pictures"):
        Rows.of(rows, features).with_deliveries(Features.read(store))
    write_part(store, [("b", "delivered-1")], np.zeros((1, 1, 3, 2)), np.ones((1, 2)))
    whole = Rows.of(rows, features).with_deliveries(Features.read(store))
    assert whole.delivered.shape == (2, 1, 3, 2) and whole.delivered[:, 0, 0, 0].tolist() == [1, 0]


def labelled(rng: np.random.Generator, n: int) -> Rows:
    """Tokens whose first number tells the class, with some noise."""
    y_true = np.arange(n) % 2
    tokens = rng.normal(size=(n, 3, 768)).astype(np.float32)
    tokens[:, :, 0] += 8 * y_true[:, None] - 4
    rows = pd.DataFrame({"id": [str(i) for i in range(n)], "y_true": y_true, "paired": True})
    return Rows(rows.assign(source=np.where(np.arange(n) < n // 2, "one", "other")), tokens)


def test_a_head_learns_what_its_tokens_tell_and_keeps_its_best_epoch():
    import keras

    from detector.architectures.clip_vit_b16_attention import head

    rng = np.random.default_rng(0)
    train, val = labelled(rng, 512), labelled(rng, 128)
    recipe = load_recipe(
        "clip-vit-b16-attention",
        ["batch_size=32", "frozen.epochs=3", "frozen.ema_momentum=0", "frozen.learning_rate=1e-2"],
    )
    keras.utils.set_random_seed(0)
    network = head(width=16, key_dim=8)
    history = train_head(network, train, val, recipe, lambda line: None)
    logits = logits_of(network, val.tokens)
    assert ((logits > 0) == val.y_true).mean() > 0.95
    assert max(row["val_paired_auc"] for row in history) > 0.95
    json.dumps(history)


def test_a_second_head_learns_what_tiles_tell_and_counts_as_much_as_the_first():
    """The whole tells the class at one place of its tokens, tiles at another, both equally well."""
    import keras

    from detector.architectures.clip_vit_b16_attention import head

    rng = np.random.default_rng(0)
    recipe = load_recipe("clip-vit-b16-attention", ["batch_size=32", "frozen.epochs=2"])
    train, val = labelled(rng, 512), labelled(rng, 256)
    noise = [rng.normal(size=each.tokens.shape).astype(np.float32) for each in (train, val)]
    tiles = [replace(each, tokens=tokens) for each, tokens in zip((train, val), noise, strict=True)]
    for each in tiles:
        each.tokens[:, :, 5:15] += each.y_true[:, None, None]
    keras.utils.set_random_seed(0)
    network = head(width=16, key_dim=8, tile_head=True)
    train_head(network, train, val, recipe, lambda line: None)
    train_tile_head(network, *tiles, val, recipe)
    whole, of_tiles = logits_of(network, val.tokens), logits_of(network, tiles[1].tokens, TILE_LOGIT)
    assert roc_auc_score(val.y_true, of_tiles) > 0.9
    units = [fit_temperature(val.y_true, logits) for logits in (whole, of_tiles)]
    assert units[0] == pytest.approx(units[1], rel=0.02)


def test_with_a_second_head_pictures_are_judged_by_whole_and_tiles_and_only_where_both_are_stored(tmp_path):
    from detector.architectures.clip_vit_b16_attention import head

    rng = np.random.default_rng(0)
    views = rng.normal(size=(2, 3, 3, 768)).astype(np.float16)
    write_part(tmp_path, [("a", ""), ("b", "")], views, np.ones((2, 2)))
    write_part(tmp_path, [("c", "")], views[:1, :1], np.ones((1, 2)))
    rows = pd.DataFrame({"id": ["c", "b"], "y_true": [0, 1], "group": 0})
    network = head(width=16, key_dim=8, tile_head=True)
    table = judged(network, rows, Features.read(tmp_path))
    assert table["id"].tolist() == ["b"]
    whole, *tiles = views[1].astype(np.float32)[:, None]
    expected = logits_of(network, whole) + np.mean([logits_of(network, tile, TILE_LOGIT) for tile in tiles])
    assert table["logit"].to_numpy() == pytest.approx(expected, abs=1e-4)
    assert len(judged(head(width=16, key_dim=8), rows, Features.read(tmp_path))) == 2


def test_a_head_is_trained_by_the_optimizer_that_its_recipe_names():
    from detector.architectures.clip_vit_b16_attention import head

    rows = labelled(np.random.default_rng(0), 64)
    settings = ["frozen.epochs=1", "frozen.optimizer=adam", "frozen.weight_decay=0"]
    for overrides, name in ((settings, "Adam"), (["frozen.epochs=1"], "AdamW")):
        network = head(width=16, key_dim=8)
        recipe = load_recipe("clip-vit-b16-attention", [*overrides, "batch_size=32"])
        train_head(network, rows, rows, recipe, lambda line: None)
        assert type(network.optimizer).__name__ == name


def test_threshold_and_band_for_unknown_sources_are_chosen_on_them():
    """On validation the logits tell the classes apart at 0; on sources left out everything lies 2 higher."""
    rng = np.random.default_rng(0)
    y_true = np.arange(400) % 2
    own = pd.DataFrame({"y_true": y_true, "paired": True, "logit": rng.normal(size=400) + 4 * y_true - 2})
    decision = decide_for_unknown_sources(own, own.assign(logit=own["logit"] + 2), Decision())
    assert decision["threshold"] > 0.6 and "left out" in decision["chosen_on"]
    low, high = decision["unsure"]
    assert low <= decision["threshold"] <= high and 0 <= decision["on_validation"]["share_unsure"] <= 1
