"""python -m detector.score: what the table holds, going on after an end, and what is refused."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from detector.bundle import read_bundle
from detector.evaluation.column_guess import guess_mapping
from detector.evaluation.column_mapping import apply_mapping
from detector.evaluation.predictions import read_predictions
from detector.evaluation.tables import read_frame
from detector.score import part_files
from detector.score.errors import ScoreError
from tests.score.conftest import png
from tests.support.archive_kills import lost_and_doubled, run, storm

ROOT = Path(__file__).parents[2]


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out.parquet"


def test_every_picture_of_a_folder_is_a_row_with_its_score_or_the_reason_why_there_is_none(
    archive, score, out, tmp_path
):
    assert score(archive) == 1
    rows = pd.read_parquet(out).set_index("id")
    assert list(rows.index) == [
        "ai/0.png",
        "ai/1.png",
        "ai/2.png",
        "broken.jpg",
        "mixed.png",
        "real/0.png",
        "real/1.png",
        "real/2.png",
        "s.tar/a.png",
        "s.tar/b.png",
    ]
    assert rows.loc["ai/0.png", ["y_true", "verdict", "width", "height"]].tolist() == [1, "ai", 64, 48]
    assert rows.loc["ai/0.png", "logit"] == pytest.approx(6, abs=0.01)
    assert rows.loc["s.tar/b.png", ["y_true", "verdict"]].tolist() == [0, "real"]
    assert pd.isna(rows.loc["mixed.png", "y_true"])
    assert "not an image" in rows.loc["broken.jpg", "error"] and pd.isna(rows.loc["broken.jpg", "y_score"])
    assert pq.ParquetFile(out).num_row_groups == 4  # three rows each, and one
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "out.parquet"]


def test_a_table_with_all_labels_is_a_predictions_table_of_the_model(archive, score, out, tiny_bundle):
    (archive / "broken.jpg").unlink()
    (archive / "mixed.png").unlink()
    assert score(archive) == 0
    assert read_predictions(out).weights_sha256 == read_bundle(tiny_bundle).weights_sha256


def test_evaluate_takes_the_rows_that_have_both_label_and_score(archive, score, out):
    score(archive)
    frame = read_frame(out.read_bytes(), out.name)
    mapping = guess_mapping(frame)
    assert (mapping.truth, mapping.score, mapping.id) == ("y_true", "y_score", "id")
    rows = apply_mapping(frame, replace(mapping, leave_out=True))
    assert len(rows) == 8 and rows["y_true"].sum() == 4


def test_a_manifest_hands_on_what_it_says_and_opens_nothing_outside_its_folder(
    archive, score, out, tmp_path, photo
):
    (tmp_path / "secret.png").write_bytes(png(photo("warm")))
    (archive / "list.csv").write_text(
        f"file,label,source\nai/0.png,fake,web\nreal/1.png,,\n../secret.png,ai,web\n{archive}/mixed.png,0,\n"
    )
    assert score(archive / "list.csv") == 1
    rows = pd.read_parquet(out)
    assert (
        rows["y_true"].tolist()[::2] == [1, 1]
        and rows["y_true"].isna().tolist() == [False, True] + [False] * 2
    )
    assert rows["source"].fillna("").tolist() == ["web", "", "web", ""]
    assert rows["verdict"].fillna("").tolist() == ["ai", "real", "", "unsure"]
    assert "leads out" in rows["error"][2]


def test_a_parquet_manifest_may_lie_elsewhere_when_the_root_is_named(archive, score, out, tmp_path):
    manifest = tmp_path / "list.parquet"
    pd.DataFrame({"path": ["ai/1.png", "nowhere.png"], "y_true": [1, 0]}).to_parquet(manifest)
    assert score(manifest, "--root", archive) == 1
    rows = pd.read_parquet(out)
    assert rows["verdict"].fillna("").tolist() == ["ai", ""] and "no file at this path" in rows["error"][1]


def test_a_run_that_ended_goes_on_with_its_list_and_reads_nothing_twice(
    archive, score, out, monkeypatch, capsys
):
    written = []
    original = part_files.PartFiles.write

    def write(self, number, table):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(number)
        original(self, number, table)

    monkeypatch.setattr(part_files.PartFiles, "write", write)
    with pytest.raises(KeyboardInterrupt):
        score(archive)
    parts = out.with_name("out.parquet.parts")
    assert len(pd.read_parquet(parts)) == 6  # what is there can be read meanwhile
    monkeypatch.setattr(part_files.PartFiles, "write", original)
    (archive / "ai" / "later.png").write_bytes((archive / "ai" / "0.png").read_bytes())
    (parts / "part-0000001.parquet").write_bytes(b"PAR1 half")  # as a power cut leaves it
    score(archive)
    assert "Going on after 3 of 10" in capsys.readouterr().err
    rows = pd.read_parquet(out)
    assert len(rows) == rows["id"].nunique() == 10 and not parts.exists()


def test_other_settings_are_not_mixed_and_a_finished_table_stays(archive, score, out, tmp_path):
    score(archive)
    before = out.stat().st_mtime_ns
    assert score(archive) == 1 and out.stat().st_mtime_ns == before
    with pytest.raises(ScoreError, match="begun with another archive: nothing is mixed"):
        score(archive / "ai")
    out.write_bytes(b"my own file")
    with pytest.raises(ScoreError, match="no table of a scoring run"):
        score(archive)
    assert out.read_bytes() == b"my own file"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "no file or folder"),
        ("x.tar.gz", "compressed"),
        ("a.png", "python -m detector"),
        ("", "no pictures"),
    ],
)
def test_what_is_no_archive_is_refused_in_a_sentence(score, tmp_path, out, name, message):
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "a.png").touch() if name == "a.png" else None
    with pytest.raises(ScoreError, match=message):
        score(folder / name)
    assert not out.exists() and not out.with_name("out.parquet.parts").exists()


def test_ray_that_is_not_there_is_said_before_anything_is_begun(archive, score, out, monkeypatch):
    monkeypatch.setattr("detector.score.__main__.find_spec", lambda name: None)
    with pytest.raises(ScoreError, match=r"telltale\[ray\]"):
        score(archive, "--engine", "ray")
    assert not out.with_name("out.parquet.parts").exists()


def test_a_run_killed_at_random_moments_loses_and_doubles_nothing(
    compiled_bundle, photo, tmp_path, out, monkeypatch
):
    monkeypatch.delenv("TELLTALE_RUNTIME")
    (tmp_path / "photos").mkdir()
    names = [f"{number:04d}.png" for number in range(600)]
    for name in names:
        (tmp_path / "photos" / name).write_bytes(png(photo("warm")))
    command = [sys.executable, "-m", "detector.score", str(tmp_path / "photos")]
    options = ["--bundle", str(compiled_bundle), "--rows-per-part", "8", "--out"]
    whole = run([*command, *options, str(tmp_path / "whole.parquet")], ROOT)
    assert whole.returncode == 0, whole.output
    struck, last = storm([*command, *options, str(out)], out, ROOT, kills=5)
    assert struck >= 4 and last.returncode == 0, last.output
    assert lost_and_doubled(out, names) == (0, 0)
    assert pd.read_parquet(out).equals(pd.read_parquet(tmp_path / "whole.parquet"))
