"""TELLTALE_HOME: one folder for all that is written, beside what ships."""

from __future__ import annotations

import shutil

import pytest

from detector.bundle import DEFAULT_BUNDLE, SHIPPED_WEIGHTS, default_bundle, find_bundle, list_bundles
from detector.promotion import PromotionError, demote, promote
from train.runs.commands import runs_folder


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TELLTALE_HOME", str(tmp_path / "home"))
    for name in ("TELLTALE_WEIGHTS", "TELLTALE_RUNS", "TELLTALE_MODEL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


def test_runs_are_below_it_unless_they_have_a_place_of_their_own(home, monkeypatch, tmp_path):
    assert runs_folder() == home / "runs"
    monkeypatch.setenv("TELLTALE_RUNS", str(tmp_path / "elsewhere"))
    assert runs_folder() == tmp_path / "elsewhere"


def test_a_promoted_model_lies_below_it_beside_those_that_ship(home, tiny_bundle):
    before = {path.name for path in SHIPPED_WEIGHTS.iterdir()}
    assert promote(tiny_bundle, "mine") == home / "weights" / "mine"
    assert default_bundle() == "mine" and {"mine", DEFAULT_BUNDLE} <= set(list_bundles())
    assert find_bundle(DEFAULT_BUNDLE) == SHIPPED_WEIGHTS / DEFAULT_BUNDLE
    demote()
    assert default_bundle() == DEFAULT_BUNDLE
    assert {path.name for path in SHIPPED_WEIGHTS.iterdir()} == before


def test_no_promoted_model_takes_the_name_of_one_that_ships(home, tiny_bundle):
    with pytest.raises(PromotionError):
        promote(tiny_bundle, DEFAULT_BUNDLE, replace=True)
    assert not (home / "weights" / DEFAULT_BUNDLE).exists()


def test_weights_named_themselves_are_the_only_ones(home, tiny_bundle, tmp_path, monkeypatch):
    shutil.copytree(tiny_bundle, tmp_path / "weights" / "tiny")
    monkeypatch.setenv("TELLTALE_WEIGHTS", str(tmp_path / "weights"))
    assert list_bundles() == ["tiny"]
