"""The candidate beside the model it replaces: which pictures count as the same, and what is said of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from detector.bundle import read_bundle
from pages.train import promotion_comparison
from pages.train.promotion_comparison import MOST_JUDGED, compare, judged_by


def rows(scores: list[float], ids: str = "abcd", width: int = 10) -> pd.DataFrame:
    """Four pictures, the first two of them real."""
    table = {"id": list(ids), "y_true": [0, 0, 1, 1], "y_score": scores, "width": width, "height": 10}
    return pd.DataFrame(table)


@pytest.fixture
def models(tiny_bundle, tmp_path):
    """A model and a candidate, both with the threshold 0.5; ``models(manifest)`` says what each came from."""

    def make(*manifests: str):
        found = []
        for number, manifest in enumerate(manifests):
            folder = Path(shutil.copytree(tiny_bundle, tmp_path / str(number)))
            card = json.loads((folder / "card.json").read_text())
            card["decision"] = {"threshold": 0.5, "unsure": [0.4, 0.6]}
            card["training"] = {"dataset": {"manifest_sha256": manifest}}
            (folder / "card.json").write_text(json.dumps(card))
            found.append(read_bundle(folder))
        return found

    return make


def test_both_are_measured_on_the_same_pictures_with_their_paired_difference(models):
    present, candidate = models("same", "same")
    found = compare(present, candidate, rows([0.1, 0.9, 0.2, 0.8]), rows([0.1, 0.2, 0.7, 0.8]))
    balanced, auc, alarms = found.rows
    assert (found.shared, found.same_data) == (4, True)
    assert (balanced.present, balanced.candidate, balanced.difference.value) == (0.5, 1.0, 0.5)
    assert (auc.present, auc.candidate) == (0.5, 1.0)
    assert (alarms.present, alarms.candidate, alarms.difference.value) == (0.5, 0.0, -0.5)
    assert balanced.difference.low < 0.5 < balanced.difference.high


def test_only_pictures_that_both_judged_count(models):
    found = compare(*models("a", "b"), rows([0.1, 0.9, 0.2, 0.8]), rows([0.1, 0.2, 0.7, 0.8], ids="abxy"))
    assert (found.shared, found.of_present, found.of_candidate, found.same_data) == (2, 4, 4, False)


@pytest.mark.parametrize("other", [{"ids": "wxyz"}, {"width": 11}])
def test_pictures_of_another_name_or_size_are_not_the_same(models, other):
    found = compare(*models("a", "b"), rows([0.1, 0.9, 0.2, 0.8]), rows([0.1, 0.2, 0.7, 0.8], **other))
    assert (found.shared, found.rows) == (0, ())


def test_a_table_of_other_weights_counts_as_none(tiny_bundle, tmp_path):
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "model"))
    assert len(promotion_comparison.tested_on(read_bundle(folder)))
    (folder / "test_predictions.parquet").unlink()
    assert promotion_comparison.tested_on(read_bundle(folder)).empty


def test_the_present_model_judges_the_candidates_pictures_wherever_their_folder_lies(tmp_path):
    for name in ("real", "ai"):
        (tmp_path / "inner" / name).mkdir(parents=True)
        Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "inner" / name / "1.png")
    table = pd.DataFrame(
        {"id": ["real/1.png", "ai/1.png", "ai/gone.png"], "y_true": [0, 1, 1], "y_score": 0.5}
    )
    seen, shares = {}, []

    def analyse_files(paths):
        for path in paths:
            seen[path.relative_to(tmp_path / "inner").as_posix()] = path.exists()
            yield SimpleNamespace(analysis=SimpleNamespace(y_score=0.9) if path.exists() else None)

    judged = judged_by(SimpleNamespace(analyse_files=analyse_files), table, str(tmp_path), shares.append)
    assert seen == {"real/1.png": True, "ai/1.png": True, "ai/gone.png": False} and shares[-1] == 1.0
    assert dict(zip(judged["id"], judged["y_score"], strict=True)) == {"real/1.png": 0.9, "ai/1.png": 0.9}


def test_no_more_pictures_are_judged_on_the_spot_than_is_bearable(monkeypatch):
    ids = [f"{name}/{number}.png" for name in ("real", "ai") for number in range(500)]
    table = pd.DataFrame({"id": ids, "y_true": np.repeat([0, 1], 500), "y_score": 0.5})
    there = [(Path("/data") / id, 0) for id in ids]
    monkeypatch.setattr(promotion_comparison, "labelled_images", lambda data: there)
    result = SimpleNamespace(analysis=SimpleNamespace(y_score=0.9))
    quick = SimpleNamespace(analyse_files=lambda paths: [result] * len(paths))
    judged = judged_by(quick, table, "/data", lambda share: None)
    assert len(judged) == MOST_JUDGED and judged["y_true"].mean() == 0.5
