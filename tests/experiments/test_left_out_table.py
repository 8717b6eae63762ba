"""experiments.left_out_table and the tables made with it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from detector.datasets import load_dataset
from experiments import encoder_heads, views
from experiments.left_out_table import gain, logistic, show
from tests.train.conftest import write_pictures
from train.feature_store import Features
from train.head import Rows
from train.recipes import load_recipe


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """120 pictures of six sources with both classes each."""
    one = load_dataset(write_pictures(tmp_path_factory.mktemp("views") / "data", count=120))
    sources = [f"source {place // 4 % 6}" for place in range(len(one.rows))]
    return replace(one, rows=one.rows.assign(source=sources))


def features_of(dataset, telling: list[int], views: int = 1) -> Features:
    """Three tokens of four numbers for every view of every picture, the whole first; those at the places of
    ``telling``, counted through all views, tell its class."""
    rng = np.random.default_rng(0)
    tokens = rng.normal(size=(len(dataset.rows), views * 3, 4)).astype(np.float32)
    tokens[:, telling] += 3 * dataset.rows["y_true"].to_numpy()[:, None, None]
    tokens = tokens.reshape(len(tokens), views, 3, 4)
    places = {(id, ""): place for place, id in enumerate(dataset.rows["id"])}
    sizes = np.ones((len(tokens), 2), np.int32)
    return Features(places, tokens[:, 0], sizes, places if views > 1 else {}, tokens[:, 1:])


def test_a_gain_is_the_mean_with_students_interval():
    """Two folds, 0 and 0.02: t for one degree of freedom is 12.706, the standard error 0.01."""
    assert gain(np.array([0.0, 0.02])) == "+0.010 (-0.117 to +0.137)"


def test_tiles_are_read_as_the_mean_of_their_tokens():
    tokens = np.arange(6, dtype=np.float32).reshape(1, 3, 2, 1)  # two tokens for each of three views
    rows = Rows(pd.DataFrame(), tokens)
    assert views._read(views.Part(("whole",)), rows).tokens.ravel().tolist() == [0, 1]
    assert views._read(views.Part(("whole", "tiles")), rows).tokens.ravel().tolist() == [0, 1, 3, 4]
    assert views._read(views.Part(("each",)), rows).tokens.ravel().tolist() == [0, 1, 2, 3, 4, 5]


def test_the_view_that_tells_the_classes_apart_wins(dataset, capsys):
    recipe = load_recipe("clip-vit-b16-attention")
    designs = {
        design.name: partial(views.fit, design, recipe)
        for design in views.DESIGNS
        if not any(part.head for part in design.parts)
    }
    features = features_of(dataset, [3], views=3)
    show(dataset, lambda rows: views.Pictures.of(rows, features), 2, designs, "views read")
    lines = [line.split("|") for line in capsys.readouterr().out.splitlines()[2:]]
    area = {line[1].strip(): float(line[2]) for line in lines}
    assert area["one tile"] > 0.95 > 0.75 > area["the whole"]
    assert area["the whole and all tiles, logits added"] > area["the whole"]


def test_what_is_judged_in_two_ways_gets_a_table_for_each(dataset, capsys):
    """The one design calls everything AI-generated that has a large number, which real pictures have after
    the second look."""
    signs = {"as they are": 1.0, "turned round": -1.0}
    looks = {
        name: lambda judged, sign=sign: replace(judged, tokens=sign * judged.tokens)
        for name, sign in signs.items()
    }
    designs = {"only one": lambda train, val: lambda judged: judged.tokens[:, 0, 0]}
    features = features_of(dataset, [0])
    show(dataset, lambda rows: Rows.of(rows, features), 2, designs, "design", looks)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines if "ROC" in line] == [
        "design, judged as they are",
        "design, judged turned round",
    ]
    areas = [float(line.split("|")[2]) for line in lines if "only one" in line]
    assert areas[0] > 0.95 and areas[0] + areas[1] == pytest.approx(1, abs=2e-3)


def test_pictures_without_tiles_are_trained_on_and_not_judged(dataset):
    features = features_of(dataset, [3], views=2)
    some = list(features.tile_places)[::2]
    here = views.Pictures.of(
        dataset.rows, replace(features, tile_places={key: features.places[key] for key in some})
    )
    assert len(here.all.rows) == 120 and len(here.y_true) == 60
    assert [(id, "") for id in here.tiled.rows["id"]] == some


def test_a_row_reads_its_own_tokens_and_pictures(dataset):
    recipe = load_recipe("clip-vit-b16-attention")
    features = features_of(dataset, [2])
    rows = Rows.of(dataset.split("train"), features)
    last, first = (
        encoder_heads.fit(encoder_heads.Design("", tokens=(token,), logistic=True), recipe, rows, rows)
        for token in (2, 0)
    )
    right = [np.mean((fit(rows) > 0) == rows.y_true) for fit in (last, first)]
    assert right[0] > 0.95 > right[1]


def test_a_regression_weighs_pictures_as_the_recipe_draws_them():
    rows = pd.DataFrame({"id": list("abcd"), "y_true": [0, 1, 0, 1], "source": "s", "paired": True})
    tokens = np.array([[[-1.0]], [[1.0]], [[-2.0]], [[2.0]]], np.float32)
    scores = logistic(Rows(rows, tokens), load_recipe("clip-vit-b16-attention"))
    assert (scores(tokens) > 0).tolist() == [False, True, False, True]
