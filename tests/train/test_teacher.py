"""train.teacher: another model's scores in a manifest."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from detector.datasets import DatasetError
from detector.datasets.manifests import from_csv, read_csv
from detector.evaluation.predictions import Predictions, write_predictions
from train.teacher import main, with_scores


@pytest.fixture
def manifest(tmp_path) -> Path:
    path = tmp_path / "manifest.csv"
    path.write_text("file,label,split\na.png,ai,train\n./b.png,real,Train\nc.png,ai,val\nd.png,real,train\n")
    return path


def scores(path: Path, **of: float) -> str:
    rows = pd.DataFrame({"id": [f"{name}.png" for name in of], "y_true": 1, "y_score": list(of.values())})
    rows["source"] = rows["split"] = rows["generator"] = "x"
    write_predictions(Predictions(rows.assign(logit=0.0), "0" * 64), path)
    return str(path)


def test_training_images_get_the_scores_of_the_last_table_that_has_them(manifest, tmp_path, capsys):
    first, last = scores(tmp_path / "1.parquet", a=0.25, c=0.5), scores(tmp_path / "2.parquet", a=0.75, b=0)
    out = tmp_path / "taught.csv"
    assert main(["--data", str(manifest), "--scores", first, last, "--out", str(out)]) == 0
    assert "2 of 4 images have a teacher's score in taught.csv." in capsys.readouterr().out
    table = read_csv(out)
    assert table["teacher_score"].tolist() == ["0.750000", "0.000000", "", ""]
    assert from_csv(out, table).rows["teacher_score"].fillna(-1).tolist() == [0.75, 0.0, -1, -1]


def test_a_table_of_other_images_is_refused(manifest):
    with pytest.raises(DatasetError, match="None of the manifest's training images"):
        with_scores(read_csv(manifest), {"elsewhere.png": 0.5})


def test_the_new_manifest_has_to_lie_beside_the_old_one(manifest, tmp_path, capsys):
    table = scores(tmp_path / "1.parquet", a=0.25)
    (tmp_path / "below").mkdir()
    out = tmp_path / "below" / "taught.csv"
    assert main(["--data", str(manifest), "--scores", table, "--out", str(out)]) == 2
    assert "must lie beside" in capsys.readouterr().err and not out.exists()


@pytest.mark.parametrize("cell", ["1.1", "-0.1", "nan", "much"])
def test_a_score_that_is_none_is_named_with_its_line(tmp_path, cell):
    path = tmp_path / "manifest.csv"
    path.write_text(f"file,label,teacher_score\na.png,ai,0.5\nb.png,ai,{cell}\n")
    with pytest.raises(DatasetError, match=f"line 3: the teacher_score '{cell}' is not known"):
        from_csv(path, read_csv(path))
